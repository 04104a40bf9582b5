import { setTimeout as sleep } from 'node:timers/promises';
import { runTool } from '../../src/native/tool.js';
import { dismissProber, listen, probe, startProbe } from '../../testbed/probing.js';
import {
  badDay,
  entriesTo,
  eventually,
  kernelState,
  median,
  ONE,
  REFUSED_MS,
  TWO,
  VIP,
} from '../support/bad-day.js';
import { Daemon, startDaemon } from '../support/daemon.js';
import { sendSyns } from '../support/raw-syn.js';

const VIPS = { [VIP]: [ONE, TWO] };
/** How long the kernel waits for a heartbeat before it stops asking the daemon. */
const HEARTBEAT_MS = 3_000;
/** More than both queues hold. */
const FLOOD = 20_000;

badDay('a stopped daemon makes no client wait for long, and takes up again where it was', async (t, day) => {
  await listen(day.one, 80, 'one', 20);
  await listen(day.two, 80, 'two', 20);
  const daemon = await startDaemon(day.client, { vips: VIPS });
  const container = await day.client.container('c1', { address: '10.88.1.2' });
  const held = await startProbe(day.client, VIP, { holdMs: 100_000 });

  daemon.program.kill('SIGSTOP');
  // Queued while the kernel still takes the daemon to be alive. A client on this host does not send its SYN again
  // as long as the first one is held.
  const first = Promise.all([day.client, container].map((from) => probe(from, VIP, { timeoutMs: 20_000 })));
  await sleep(HEARTBEAT_MS + 1_300);
  const later = await probe(day.client, VIP, { count: 10, timeoutMs: 5_000 });
  const middle = median(later.map(({ ms }) => ms));
  t.log(`after ${HEARTBEAT_MS} ms of silence: refused in ${middle.toFixed(2)} ms, median of ${later.length}`);
  t.true(later.every(({ errno }) => errno === 'ECONNREFUSED'));
  t.true(Math.min(...later.map(({ ms }) => ms)) < REFUSED_MS);
  t.true(middle < 10 * REFUSED_MS);
  for (const [stuck] of await first) {
    t.log(`a SYN that had been queued: ${stuck?.errno} after ${stuck?.ms.toFixed(0)} ms`);
    t.is(stuck?.errno, 'ECONNREFUSED', JSON.stringify(stuck));
  }

  daemon.program.kill('SIGCONT');
  const { ms } = await eventually(
    'a connection',
    () => probe(day.client, VIP),
    ([seen]) => seen?.outcome === 'connected',
  );
  t.log(`places connections again ${ms.toFixed(0)} ms after it went on`);
  for (const seen of await probe(day.client, VIP, { count: 20 })) t.is(seen.outcome, 'connected');
  held.program.kill();
  const [seen] = await held.result;
  t.like(seen, { outcome: 'connected', stood: true });
  t.true(seen!.longestGapMs < 2_000, `a silence of ${seen!.longestGapMs} ms`);
  t.deepEqual(daemon.log('actor-restarted'), []);
  for (const { pending_connections, total_failures } of Object.values(await daemon.backends(VIP))) {
    t.deepEqual({ pending_connections, total_failures }, { pending_connections: 0, total_failures: 0 });
  }
});

badDay('more SYNs than the queues hold pass a stopped daemon, and leave no trace', async (t, day) => {
  await listen(day.one, 80, 'one', 20);
  await listen(day.two, 80, 'two', 20);
  const daemon = await startDaemon(day.client, { vips: VIPS });
  const container = await day.client.container('c1', { address: '10.88.1.2' });
  const held = await startProbe(day.client, VIP, { sourcePort: 40_000, holdMs: 100_000 });

  daemon.program.kill('SIGSTOP');
  const sinceMs = performance.now();
  // From somebody who is not there, so that nobody answers for him.
  const forged = { source: '10.88.1.77', to: VIP, firstPort: 1_024, count: FLOOD };
  t.is(await sendSyns(container, forged), FLOOD);
  const tookMs = performance.now() - sinceMs;
  const during = await probe(day.client, VIP, { count: 5, timeoutMs: 200 });
  daemon.program.kill('SIGCONT');
  t.log(`${FLOOD} SYNs in ${tookMs.toFixed(0)} ms; meanwhile ${during.map(({ outcome }) => outcome)}`);

  const { ms } = await eventually(
    'five connections',
    () => probe(day.client, VIP, { count: 5 }),
    (five) => five.every(({ outcome }) => outcome === 'connected'),
  );
  t.log(`places connections again ${ms.toFixed(0)} ms after it went on`);
  const queued = await daemon.metric('minuteman_queue_packets_total');
  const full = await daemon.metric('minuteman_queue_dropped_full_total');
  t.log(`${queued} queued, ${full} found the queue full and passed`);
  t.is(await daemon.metric('minuteman_queue_dropped_no_buffer_total'), 0);
  t.is(await daemon.metric('minuteman_queue_outstanding'), 0);
  t.deepEqual(daemon.log('actor-restarted'), []);
  held.program.kill();
  const [seen] = await held.result;
  t.like(seen, { outcome: 'connected', stood: true });
  t.true(seen!.longestGapMs < 5_000, `a silence of ${seen!.longestGapMs} ms`);
});

badDay('a connection outlives kill -9, restart, an orderly stop and another restart', async (t, day) => {
  await listen(day.one, 80, 'one', 20);
  await listen(day.two, 80, 'two', 20);
  const daemon = new Daemon(day.client, { vips: VIPS });
  await daemon.start();
  await daemon.waitFor('ready');
  const whole = await kernelState(day.client);
  const held = await startProbe(day.client, VIP, { sourcePort: 40_000, holdMs: 100_000 });
  const backend = (await entriesTo(day.client, VIP)).get('10.99.0.1:40000');
  const stands = async (when: string): Promise<void> => {
    t.is((await entriesTo(day.client, VIP)).get('10.99.0.1:40000'), backend, when);
  };
  const serves = async (when: string): Promise<void> => {
    await daemon.start();
    await daemon.waitFor('ready');
    t.deepEqual(await kernelState(day.client), whole, when);
    for (const seen of await probe(day.client, VIP, { count: 10 })) t.is(seen.outcome, 'connected', when);
    await stands(when);
    t.deepEqual(daemon.log('rules-restored'), [], when);
  };

  daemon.program.kill('SIGKILL');
  await daemon.program.exited;
  t.deepEqual(await kernelState(day.client), whole, 'what a killed daemon leaves');
  const dead = await probe(day.client, VIP, { count: 10 });
  t.true(
    dead.every(({ errno, ms }) => errno === 'ECONNREFUSED' && ms < 1_000),
    'a queue that nobody holds is passed by',
  );
  await stands('killed');
  await serves('after kill -9');

  t.is((await daemon.stop()).code, 0);
  const left = await kernelState(day.client);
  t.log('left by an orderly stop while a connection stands:', left);
  t.true(left.every((line) => line.includes('minuteman-hooks')));
  await stands('stopped');
  await sleep(500);
  await serves('after SIGTERM');

  held.program.kill();
  const [seen] = await held.result;
  t.is((await daemon.stop()).code, 0);
  await dismissProber(day.client);
  const listing = ['netns', 'pids', day.client.namespace.name];
  await eventually(
    'the end of all processes of ours',
    () => runTool('ip', listing),
    ({ stdout }) => stdout === '',
  );
  t.log('the connection through it all', JSON.stringify(seen));
  t.like(seen, { outcome: 'connected', stood: true });
  t.true(seen!.longestGapMs < 2_000, `a silence of ${seen!.longestGapMs} ms`);
});
