import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Host } from '../../testbed/host.js';
import { Program } from '../../testbed/program.js';
import { Testbed } from '../../testbed/testbed.js';
import { MINUTEMAN } from '../support/command.js';
import { kernelTest } from '../support/prerequisites.js';

const directory = mkdtempSync(join(tmpdir(), 'minuteman-agent-'));
test.after.always(() => rmSync(directory, { recursive: true }));
writeFileSync(join(directory, 'vips.yaml'), 'vips: { "10.1.2.3:5000": ["10.99.0.1:8080"] }\n');

let configs = 0;
function config(text: string): string {
  const file = join(directory, `config-${configs++}.yaml`);
  writeFileSync(file, text);
  return file;
}

const onKernel = config('node: { name: n1 }\nsources: [{ type: file, path: vips.yaml }]\n');

function agentOf(file: string): readonly string[] {
  return [process.execPath, MINUTEMAN, 'agent', '--config', file];
}

async function startAgent(t: ExecutionContext, file: string): Promise<Program> {
  const [node, ...args] = agentOf(file);
  const program = await Program.start(node!, args, process.env);
  t.teardown(() => program.kill('SIGKILL'));
  return program;
}

interface LogLine {
  readonly event: string;
  readonly msg: string;
  readonly time: number;
  readonly level: number;
  readonly [field: string]: unknown;
}

/** The log so far; a line of it that is no JSON fails the test. */
function logOf(program: Program): readonly LogLine[] {
  return program.lines.map((line) => JSON.parse(line) as LogLine);
}

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

test('agent without a data plane: serves the API, logs ready, ends in order', async (t) => {
  const port = await freePort();
  const file = config(
    `node: { name: watcher }\napi: { port: ${port} }\ndataPlane: { enabled: false }\nsources: [{ type: file, path: vips.yaml }]\n`,
  );
  const agent = await startAgent(t, file);
  const ready = JSON.parse(await agent.waitForLine(/"event":"ready"/)) as LogLine;
  t.like(ready, { level: 30, name: 'watcher', api: `http://127.0.0.1:${port}`, pid: agent.pid });
  t.true(Math.abs(ready.time - Date.now()) < 60_000);
  const health = (await (await fetch(`http://127.0.0.1:${port}/healthz`)).json()) as Record<string, unknown>;
  t.like(health, { ok: true, node: 'watcher', conntrack: null, queues: [] });
  const ending = await agent.stop();
  t.deepEqual(ending, { code: 0, signal: null });
  t.deepEqual(
    logOf(agent)
      .map(({ event }) => event)
      .slice(-2),
    ['stopping', 'stopped'],
  );
});

test('agent whose API port is taken ends with what to do', async (t) => {
  const port = await freePort();
  const file = config(`api: { port: ${port} }\ndataPlane: { enabled: false }\n`);
  const first = await startAgent(t, file);
  await first.waitForLine(/"event":"ready"/);
  const second = await startAgent(t, file);
  t.deepEqual(await second.exited, { code: 1, signal: null });
  t.deepEqual(second.lines, [
    `api: 127.0.0.1:${port} is in use by another program; stop it or set api.port to a free port`,
  ]);
});

async function withHost(run: (host: Host) => Promise<void>): Promise<void> {
  const bed = await Testbed.create();
  try {
    await run(await bed.host('n1', { address: '10.99.0.1' }));
  } finally {
    await bed.destroy();
  }
}

/** Lines of what the kernel holds that name us. */
async function leftovers(host: Host): Promise<number> {
  const rules = (await host.must('iptables-save')).split('\n').filter((line) => line.includes('minuteman'));
  const sets = (await host.must('ipset', ['list', '-n']))
    .split('\n')
    .filter((line) => line.includes('minuteman'));
  return rules.length + sets.length;
}

const minuteman = (...args: readonly string[]): readonly string[] => [MINUTEMAN, ...args];

kernelTest('agent: a second one on the same host says so and exits, also one with another set', (t) =>
  withHost(async (host) => {
    const [node, ...args] = agentOf(onKernel);
    const first = await host.spawn(node!, args);
    await first.waitForLine(/"event":"ready"/);
    const other = config('dataPlane: { ipset: other, firstQueue: 70 }\napi: { port: 61422 }\n');
    for (const file of [onKernel, other]) {
      const second = await host.exec(process.execPath, agentOf(file).slice(1));
      t.is(second.code, 1);
      t.is(second.stdout, '');
      t.is(
        second.stderr,
        `another minuteman (node n1, pid ${first.pid}) runs in this network namespace; stop it first, since both would program the same kernel tables\n`,
      );
    }
    const teardown = await host.exec(process.execPath, minuteman('teardown'));
    t.is(teardown.code, 1);
    t.regex(teardown.stderr, /^another minuteman \(node n1, pid \d+\) runs/);
    t.true(first.running);
    await first.stop();
  }),
);

kernelTest('agent: SIGTERM takes rules and set away', (t) =>
  withHost(async (host) => {
    const [node, ...args] = agentOf(onKernel);
    const agent = await host.spawn(node!, args);
    await agent.waitForLine(/"event":"ready"/);
    t.true((await leftovers(host)) > 0);
    const vips = await host.must(process.execPath, minuteman('vips'));
    t.regex(vips, /^VIP .*\n10\.1\.2\.3:5000 +10\.99\.0\.1:8080 +available /);
    t.deepEqual(await agent.stop(15_000), { code: 0, signal: null });
    t.is(await leftovers(host), 0);
  }),
);

kernelTest('teardown: removes what a killed agent left', (t) =>
  withHost(async (host) => {
    const [node, ...args] = agentOf(onKernel);
    const agent = await host.spawn(node!, args);
    await agent.waitForLine(/"event":"ready"/);
    agent.kill('SIGKILL');
    await agent.exited;
    t.true((await leftovers(host)) > 0);
    const run = await host.exec(process.execPath, minuteman('teardown'));
    t.is(run.code, 0, run.stderr);
    t.regex(run.stdout, /^removed [1-9]\d* rules, 1 sets and \d+ connection entries\n$/);
    t.is(await leftovers(host), 0);
    const again = await host.exec(process.execPath, minuteman('teardown'));
    t.is(again.stdout, 'removed 0 rules, 0 sets and 0 connection entries\n');
  }),
);

kernelTest('agent: what it lacks is told in one line each, and nothing is touched', (t) =>
  withHost(async (host) => {
    const [node, ...args] = agentOf(onKernel);
    const run = await host.exec('setpriv', ['--bounding-set=-net_admin,-net_raw', '--', node!, ...args]);
    t.is(run.code, 1);
    t.is(
      run.stderr,
      'this process lacks CAP_NET_ADMIN and CAP_NET_RAW; run it as root, or give it the capabilities as packaging/minuteman.service does\n',
    );
    t.is(run.stdout, '');
    t.is(await leftovers(host), 0);
  }),
);

kernelTest('agent: two capabilities of root are enough', (t) =>
  withHost(async (host) => {
    const [node, ...args] = agentOf(onKernel);
    const bounds = ['--bounding-set=-all,+net_admin,+net_raw', '--inh-caps=-all', '--'];
    const agent = await host.spawn('setpriv', [...bounds, node!, ...args]);
    await agent.waitForLine(/"event":"ready"/);
    t.deepEqual(await agent.stop(15_000), { code: 0, signal: null });
    t.is(await leftovers(host), 0);
  }),
);
