import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'ava';
import { collectVips, readMesosState } from '../../src/core/mesos/state.js';
import { type FakeCluster, masterDocument } from '../../testbed/fake-cluster.js';
import { asText } from '../sources/reading.js';

const agents = [
  { id: 'S0', address: '10.20.0.10' },
  { id: 'S1', address: '10.20.0.11', active: false },
];

for (const [says, task, yields] of [
  ['a port label', {}, '10.40.0.1:80=10.20.0.10:8000'],
  [
    'several VIPs',
    { vip: ['10.40.0.1:80', '10.40.0.2:81'] },
    '10.40.0.1:80=10.20.0.10:8000 10.40.0.2:81=10.20.0.10:8000',
  ],
  ['a task label', { labels: 'task' }, '10.40.0.1:80=10.20.0.10:8000'],
  ['a container network', { containerAddress: '9.0.1.2' }, '10.40.0.1:80=9.0.1.2:8000'],
  ['an unhealthy task', { healthy: false }, ''],
  ['a healthy task', { healthy: true }, '10.40.0.1:80=10.20.0.10:8000'],
  ['a task that ends', { state: 'TASK_KILLING' }, ''],
  ['a task on an inactive agent', { agent: 'S1' }, ''],
] as const) {
  test(`the fake cluster speaks as a master does: ${says}`, (t) => {
    const cluster: FakeCluster = {
      agents,
      tasks: [{ id: 'web.0', agent: 'S0', vip: '10.40.0.1:80', port: 8000, ...task }],
    };
    const read = readMesosState(masterDocument(cluster));
    t.is(read.ok ? asText(collectVips(read.state.served.values())) : read.reason, yields);
    if (read.ok) t.deepEqual(read.state.warnings, []);
  });
}

test('the program serves the file as it is at each request', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'minuteman-master-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'state.json');
  writeFileSync(path, JSON.stringify({ agents, tasks: [] }));
  const program = spawn(process.execPath, [
    'build/js/testbed/fake-master.js',
    '--listen',
    '127.0.0.1:0',
    '--state',
    path,
  ]);
  t.teardown(() => program.kill('SIGKILL'));
  const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
  const { url } = JSON.parse((await lines.next()).value) as { url: string };
  const get = async () => (await fetch(`${url}/master/state`)).text();
  t.is((JSON.parse(await get()) as { slaves: unknown[] }).slaves.length, 2);
  writeFileSync(path, '{"slaves": [');
  t.is(await get(), '{"slaves": [');
  t.is((await fetch(`${url}/other`)).status, 404);
  program.kill('SIGTERM');
  const code = await new Promise((resolve) => program.once('exit', resolve));
  t.is(code, 0);
});
