import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { ExecutionContext } from 'ava';
import { listNamespaces, removeNamespace } from '../../testbed/namespace.js';
import { listen, probe, startProbe } from '../../testbed/probing.js';
import { SWITCH_ADDRESS, Testbed } from '../../testbed/testbed.js';
import { kernelTest } from '../support/prerequisites.js';

async function withBed(t: ExecutionContext, run: (bed: Testbed) => Promise<void>): Promise<void> {
  const bed = await Testbed.create();
  try {
    await run(bed);
  } finally {
    await bed.destroy();
  }
  t.deepEqual(listNamespaces(bed.prefix), [], 'the bed left nothing');
}

kernelTest('hosts have their own names and addresses and reach each other', (t) =>
  withBed(t, async (bed) => {
    const client = await bed.host('client', { address: '10.99.0.1' });
    const server = await bed.host('server', { address: '10.99.0.2' });
    t.is((await server.must('hostname')).trim(), 'server');
    t.regex(await client.must('ip', ['-4', '-o', 'addr', 'show', 'eth0']), / 10\.99\.0\.1\/16 /);
    t.regex(
      await client.must('ip', ['route', 'get', '10.1.2.3']),
      new RegExp(`via ${SWITCH_ADDRESS} dev eth0 src 10.99.0.1`),
    );
    await listen(server, 80, 'one');
    const [seen] = await probe(client, '10.99.0.2:80');
    t.is(seen?.outcome, 'connected');
    t.is(seen?.first, `one ${seen?.from}\n`);
    t.regex(seen?.from ?? '', /^10\.99\.0\.1:/);
  }),
);

kernelTest('a probe tells refused, unanswered and held connections apart', (t) =>
  withBed(t, async (bed) => {
    const client = await bed.host('client', { address: '10.99.0.1' });
    const server = await bed.host('server', { address: '10.99.0.2' });
    await listen(server, 80, 'one', 20);
    const [refused] = await probe(client, '10.99.0.2:81');
    t.like(refused, { outcome: 'failed', errno: 'ECONNREFUSED', stood: false });
    const [unanswered] = await probe(client, '10.1.2.3:5000', { timeoutMs: 300 });
    t.like(unanswered, { outcome: 'timeout', stood: false });
    t.true(unanswered!.ms >= 295);
    const [held] = await probe(client, '10.99.0.2:80', { holdMs: 500, sourcePort: 34567 });
    t.like(held, { outcome: 'connected', stood: true, from: '10.99.0.1:34567' });
    t.true(held!.bytes > 15 && held!.longestGapMs < 400, JSON.stringify(held));
    const many = await probe(client, '10.99.0.2:80', { count: 20, concurrency: 5, reset: true });
    t.is(many.filter((one) => one.stood).length, 20);
    const waiting = await client.must('ss', ['-Htn', 'state', 'time-wait', 'dst', '10.99.0.2:80']);
    t.true(waiting.split('\n').filter(Boolean).length <= 1, 'of those that were reset nothing is left');
  }),
);

kernelTest('an interface that goes down silences a connection and up brings it back', (t) =>
  withBed(t, async (bed) => {
    const client = await bed.host('client', { address: '10.99.0.1' });
    const server = await bed.host('server', { address: '10.99.0.2' });
    await listen(server, 80, 'one', 10);
    const held = await startProbe(client, '10.99.0.2:80', { holdMs: 1_500 });
    await server.down();
    await new Promise((resolve) => setTimeout(resolve, 400));
    await server.up();
    const [seen] = await held.result;
    t.like(seen, { outcome: 'connected', stood: true });
    t.true(seen!.longestGapMs >= 350, JSON.stringify(seen));
    t.is(
      (await probe(server, '10.1.2.3:1', { timeoutMs: 100 }))[0]?.outcome,
      'timeout',
      'the default route is back',
    );
  }),
);

kernelTest('containers share the bridge of their host and are routed through it', (t) =>
  withBed(t, async (bed) => {
    const host = await bed.host('host', { address: '10.99.0.1' });
    const far = await bed.host('far', { address: '10.99.0.2' });
    const one = await host.container('c1', { address: '10.88.1.2' });
    const two = await host.container('c2', { address: '10.88.1.3' });
    await listen(far, 80, 'far');
    await listen(two, 80, 'two');
    t.regex((await probe(one, '10.99.0.2:80'))[0]?.first ?? '', /^far 10\.88\.1\.2:/);
    t.regex((await probe(one, '10.88.1.3:80'))[0]?.first ?? '', /^two 10\.88\.1\.2:/);
    t.regex((await probe(far, '10.88.1.3:80'))[0]?.first ?? '', /^two 10\.99\.0\.2:/);
  }),
);

kernelTest('a second wire makes a host multi-homed', (t) =>
  withBed(t, async (bed) => {
    const client = await bed.host('client', { address: '10.99.0.1' });
    const server = await bed.host('server', { address: '10.99.0.2' });
    const wire = await client.link(server, { addresses: ['10.50.0.1', '10.50.0.2'] });
    t.deepEqual(wire, { device: 'link0', otherDevice: 'link0' });
    t.regex(await client.must('ip', ['route', 'get', '10.50.0.2']), /dev link0 src 10\.50\.0\.1/);
    t.like((await probe(client, '10.50.0.2:80'))[0], { errno: 'ECONNREFUSED' });
  }),
);

kernelTest('a program is heard, can be stopped, and reports its end', (t) =>
  withBed(t, async (bed) => {
    const host = await bed.host('host', { address: '10.99.0.1' });
    const program = await host.spawn('sh', ['-c', 'echo pid $$; echo $COLOUR >&2; exec sleep 60'], {
      env: { COLOUR: 'blue' },
    });
    t.is(await program.waitForLine(/^pid/), `pid ${program.pid}`);
    t.is(await program.waitForLine((line) => line === 'blue'), 'blue');
    await t.throwsAsync(program.waitForLine(/never/, 50), {
      message: /ran 50 ms without the line .*never.*\npid/s,
    });
    t.deepEqual(await program.stop(), { code: null, signal: 'SIGTERM' });
    t.false(program.running);
    const run = await host.exec('sh', ['-c', 'echo out; echo err >&2; exit 3']);
    t.deepEqual(run, { code: 3, stdout: 'out\n', stderr: 'err\n', failure: undefined });
    t.is((await host.exec('sleep', ['9'], { timeoutMs: 50 })).failure, 'ETIMEDOUT');
  }),
);

kernelTest('a bed whose owner was killed is swept by the next, with its programs', async (t) => {
  const owner = spawn(process.execPath, ['--input-type=module', '-e', ownerSource()], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: owner.stdout }), 'line')) as [string];
  const { prefix, pid } = JSON.parse(line) as { prefix: string; pid: number };
  owner.kill('SIGKILL');
  await once(owner, 'exit');
  t.is(listNamespaces(prefix).length, 2);
  t.true(existsSync(`/proc/${pid}`));
  Testbed.sweep();
  t.deepEqual(listNamespaces(prefix), []);
  await t.notThrowsAsync(ended(pid));
});

kernelTest('a bed that is to be kept outlives its owner, and is left alone by sweeps', async (t) => {
  const owner = spawn(process.execPath, ['--input-type=module', '-e', ownerSource('{ kept: true }')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(createInterface({ input: owner.stdout }), 'line')) as [string];
  const { prefix, pid } = JSON.parse(line) as { prefix: string; pid: number };
  owner.kill('SIGTERM');
  await once(owner, 'exit');
  Testbed.sweep();
  t.is(listNamespaces(prefix).length, 2);
  t.true(existsSync(`/proc/${pid}`));
  // Not by a sweep for kept beds: somebody's demo may be among them.
  for (const name of listNamespaces(prefix)) removeNamespace(name);
  await t.notThrowsAsync(ended(pid));
});

for (const [ending, how] of [
  ['SIGTERM', 'a bed is removed when its owner is terminated'],
  ['SIGINT', 'a bed is removed when its owner is interrupted'],
] as const) {
  kernelTest(how, async (t) => {
    const owner = spawn(process.execPath, ['--input-type=module', '-e', ownerSource()], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface({ input: owner.stdout }), 'line')) as [string];
    const { prefix, pid } = JSON.parse(line) as { prefix: string; pid: number };
    owner.kill(ending);
    await once(owner, 'exit');
    t.deepEqual(listNamespaces(prefix), []);
    await t.notThrowsAsync(ended(pid));
  });
}

/** A process that makes a bed with a host and a program, says so, and waits. */
function ownerSource(options = '{}'): string {
  const module = new URL('../../testbed/testbed.js', import.meta.url).href;
  return `
    import { Testbed } from ${JSON.stringify(module)};
    const bed = await Testbed.create(${options});
    const host = await bed.host('host', { address: '10.99.0.1' });
    const program = await host.spawn('sleep', ['60']);
    console.log(JSON.stringify({ prefix: bed.prefix, pid: program.pid }));
    setTimeout(() => {}, 60000);
  `;
}

/** Waits until a killed process is gone, or is at most a zombie that nobody has reaped yet. */
async function ended(pid: number): Promise<void> {
  const running = (): boolean =>
    existsSync(`/proc/${pid}`) && !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  for (let i = 0; running(); i++) {
    if (i === 100) throw new Error(`process ${pid} still runs`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
