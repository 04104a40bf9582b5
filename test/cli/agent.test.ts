import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Host } from '../../testbed/host.js';
import { Program } from '../../testbed/program.js';
import { Testbed } from '../../testbed/testbed.js';
import { MINUTEMAN } from '../support/command.js';
import { serialKernelTest } from '../support/prerequisites.js';

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

/** The machine may be busy with other things; how fast the daemon starts is not the matter here. */
const PATIENCE_MS = 60_000;
const ready = (agent: Program): Promise<string> => agent.waitForLine(/"event":"ready"/, PATIENCE_MS);
const run = (host: Host, file: string, args: readonly string[]) =>
  host.exec(file, args, { timeoutMs: PATIENCE_MS });

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

test.serial('agent without a data plane: serves the API, logs ready, ends in order', async (t) => {
  const port = await freePort();
  const file = config(
    `node: { name: watcher }\napi: { port: ${port} }\ndataPlane: { enabled: false }\nsources: [{ type: file, path: vips.yaml }]\n`,
  );
  const agent = await startAgent(t, file);
  const line = JSON.parse(await ready(agent)) as LogLine;
  t.like(line, { level: 30, name: 'watcher', api: `http://127.0.0.1:${port}`, pid: agent.pid });
  t.true(Math.abs(line.time - Date.now()) < 60_000);
  const health = (await (await fetch(`http://127.0.0.1:${port}/healthz`)).json()) as Record<string, unknown>;
  t.like(health, { ok: true, node: 'watcher', conntrack: null, queues: [] });
  const ending = await agent.stop(PATIENCE_MS);
  t.deepEqual(ending, { code: 0, signal: null });
  t.deepEqual(
    logOf(agent)
      .map(({ event }) => event)
      .slice(-2),
    ['stopping', 'stopped'],
  );
});

test.serial('agent whose API port is taken ends with what to do', async (t) => {
  const port = await freePort();
  const file = config(`api: { port: ${port} }\ndataPlane: { enabled: false }\n`);
  const first = await startAgent(t, file);
  await ready(first);
  const second = await startAgent(t, file);
  t.deepEqual(await second.exited, { code: 1, signal: null });
  t.deepEqual(second.lines, [
    `api: 127.0.0.1:${port} is in use by another program; stop it or set api.port to a free port`,
  ]);
});

async function withHost(body: (host: Host) => Promise<void>): Promise<void> {
  const bed = await Testbed.create();
  try {
    await body(await bed.host('n1', { address: '10.99.0.1' }));
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

serialKernelTest('agent: a second one on the same host says so and exits, also one with another set', (t) =>
  withHost(async (host) => {
    const [node, ...args] = agentOf(onKernel);
    const first = await host.spawn(node!, args);
    await ready(first);
    const other = config('dataPlane: { ipset: other, firstQueue: 70 }\napi: { port: 61422 }\n');
    for (const file of [onKernel, other]) {
      const second = await run(host, process.execPath, agentOf(file).slice(1));
      t.is(second.code, 1);
      t.is(second.stdout, '');
      t.is(
        second.stderr,
        `another minuteman (node n1, pid ${first.pid}) runs in this network namespace; stop it first, since both would program the same kernel tables\n`,
      );
    }
    const teardown = await run(host, process.execPath, minuteman('teardown'));
    t.is(teardown.code, 1);
    t.regex(teardown.stderr, /^another minuteman \(node n1, pid \d+\) runs/);
    t.true(first.running);
    await first.stop(PATIENCE_MS);
  }),
);

serialKernelTest('agent: SIGTERM takes rules and set away', (t) =>
  withHost(async (host) => {
    const [node, ...args] = agentOf(onKernel);
    const agent = await host.spawn(node!, args);
    await ready(agent);
    t.true((await leftovers(host)) > 0);
    const vips = await host.must(process.execPath, minuteman('vips'), { timeoutMs: PATIENCE_MS });
    t.regex(vips, /^VIP .*\n10\.1\.2\.3:5000 +10\.99\.0\.1:8080 +available /);
    t.deepEqual(await agent.stop(PATIENCE_MS), { code: 0, signal: null });
    t.is(await leftovers(host), 0);
  }),
);

serialKernelTest('teardown: removes what a killed agent left', (t) =>
  withHost(async (host) => {
    const [node, ...args] = agentOf(onKernel);
    const agent = await host.spawn(node!, args);
    await ready(agent);
    agent.kill('SIGKILL');
    await agent.exited;
    t.true((await leftovers(host)) > 0);
    const answer = await run(host, process.execPath, minuteman('teardown'));
    t.is(answer.code, 0, answer.stderr);
    t.regex(answer.stdout, /^removed [1-9]\d* rules, 2 sets and \d+ connection entries\n$/);
    t.is(await leftovers(host), 0);
    const again = await run(host, process.execPath, minuteman('teardown'));
    t.is(again.stdout, 'removed 0 rules, 0 sets and 0 connection entries\n');
  }),
);

serialKernelTest('agent: what it lacks is told in one line each, and nothing is touched', (t) =>
  withHost(async (host) => {
    const [node, ...args] = agentOf(onKernel);
    const answer = await run(host, 'setpriv', ['--bounding-set=-net_admin,-net_raw', '--', node!, ...args]);
    t.is(answer.code, 1);
    t.is(
      answer.stderr,
      'this process lacks CAP_NET_ADMIN and CAP_NET_RAW; run it as root, or give it the capabilities as packaging/minuteman.service does\n',
    );
    t.is(answer.stdout, '');
    t.is(await leftovers(host), 0);
  }),
);

serialKernelTest('agent: two capabilities of root are enough', (t) =>
  withHost(async (host) => {
    const [node, ...args] = agentOf(onKernel);
    const bounds = ['--bounding-set=-all,+net_admin,+net_raw', '--inh-caps=-all', '--'];
    const agent = await host.spawn('setpriv', [...bounds, node!, ...args]);
    await ready(agent);
    t.deepEqual(await agent.stop(PATIENCE_MS), { code: 0, signal: null });
    t.is(await leftovers(host), 0);
  }),
);
