import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FakeCluster, masterDocument } from '../../testbed/fake-cluster.js';
import type { Behaviour } from '../../testbed/fake-master.js';
import type { Host } from '../../testbed/host.js';
import { listen, probe, startProbe } from '../../testbed/probing.js';
import type { Program } from '../../testbed/program.js';
import { type BadDay, badDay, eventually, kernelState, VIP } from '../support/bad-day.js';
import { type Daemon, startDaemon } from '../support/daemon.js';
import { startInside } from '../support/inside.js';
import type { MasterPart } from '../support/master-part.js';

const PARTS = new URL('../support/master-part.js', import.meta.url);
const PORT = 31_000;
const MASTER = { address: '10.99.0.9', port: 5_050 };
const LEADER = { address: '10.99.0.8', port: 5_050 };
const URL_OF_MASTER = 'http://10.99.0.9:5050';
const SOURCE = {
  type: 'mesos-master',
  url: URL_OF_MASTER,
  pollInterval: '200ms',
  timeout: '1s',
  maxBytes: 4 * 1024 * 1024,
};
const CLUSTER: FakeCluster = {
  agents: [{ id: 'agent-one', address: '10.99.0.2' }],
  tasks: [{ id: 'web.1', agent: 'agent-one', vip: VIP, port: PORT }],
};

interface Scene {
  readonly daemon: Daemon;
  readonly master: Host;
  /** Replaces what plays the master. */
  play(state: unknown, behaviour?: Behaviour): Promise<void>;
}

async function startMaster(host: Host, part: MasterPart): Promise<Program> {
  const program = await startInside(host, PARTS, 'playMaster', part);
  await program.waitForLine(/^listening$/);
  return program;
}

async function scene(day: BadDay, source: object = SOURCE): Promise<Scene> {
  const master = await day.bed.host('master', { address: MASTER.address });
  await listen(day.one, PORT, 'one', 20);
  let player: Program | undefined;
  const play = async (state: unknown, behaviour: Behaviour = { as: 'plain' }): Promise<void> => {
    player?.kill('SIGKILL');
    await player?.exited;
    player = await startMaster(master, { ...MASTER, state, behaviour });
  };
  await play(masterDocument(CLUSTER));
  const daemon = await startDaemon(day.client, { sources: [source] });
  return { daemon, master, play };
}

/** Bad behaviour, and what the operator reads of it. */
const BEHAVIOURS: readonly { readonly behaviour: Behaviour; readonly told: RegExp }[] = [
  { behaviour: { as: 'refuse' }, told: /connection refused/ },
  { behaviour: { as: 'hang' }, told: /no complete answer within 1000 ms/ },
  { behaviour: { as: 'drip' }, told: /no complete answer within 1000 ms/ },
  { behaviour: { as: 'status', status: 500 }, told: /answered 500/ },
  { behaviour: { as: 'redirect', location: `${URL_OF_MASTER}/master/state` }, told: /redirected 4 times/ },
  { behaviour: { as: 'truncated' }, told: /cut short/ },
  { behaviour: { as: 'truncated-gzip' }, told: /cut short/ },
  { behaviour: { as: 'half-json' }, told: /not JSON, or cut short/ },
  { behaviour: { as: 'garbage' }, told: /not JSON/ },
  { behaviour: { as: 'huge', announced: true }, told: /too large/ },
  { behaviour: { as: 'huge', announced: false }, told: /too large/ },
];

badDay('whatever a Mesos master does wrong, its VIPs stay and serve', async (t, day) => {
  const { daemon, master, play } = await scene(day);
  const whole = await kernelState(day.client);
  const held = await startProbe(day.client, VIP, { holdMs: 100_000 });
  const errors = () => daemon.metric('minuteman_source_errors_total');
  const rssMb = async () => (await daemon.metric('minuteman_process_resident_memory_bytes')) / 2 ** 20;
  const beforeMb = await rssMb();
  for (const { behaviour, told } of BEHAVIOURS) {
    const logged = daemon.log('source-error').length;
    const counted = await errors();
    await play(masterDocument(CLUSTER), behaviour);
    const { answer } = await eventually(
      JSON.stringify(behaviour),
      () => daemon.log('source-error').slice(logged),
      (lines) => lines.some(({ reason }) => told.test(String(reason))),
    );
    t.log(String(answer.find(({ reason }) => told.test(String(reason)))?.reason));
    t.true((await errors()) > counted);
    t.is(await daemon.metric('minuteman_source_up'), 0);
    t.true((await daemon.metric('minuteman_source_age_seconds')) > 0);
    t.regex((await probe(day.client, VIP))[0]?.first ?? '', /^one /, JSON.stringify(behaviour));
    t.deepEqual(await kernelState(day.client), whole);
  }
  t.log(`resident: ${beforeMb.toFixed(0)} MB before, ${(await rssMb()).toFixed(0)} MB after`);
  t.true((await rssMb()) < beforeMb + 200);

  const redirect = { as: 'redirect', location: `//${LEADER.address}:${LEADER.port}/master/state` } as const;
  const leader = await day.bed.host('leader', { address: LEADER.address });
  await startMaster(leader, { ...LEADER, state: masterDocument(CLUSTER), behaviour: { as: 'gzip' } });
  await play({}, redirect);
  const up = () => daemon.metric('minuteman_source_up');
  await eventually('the leader is read', up, (value) => value === 1);
  t.true(daemon.log('source-recovered').length > 0);
  t.true((await daemon.metric('minuteman_source_age_seconds')) < 10);
  t.truthy(master);
  t.deepEqual(daemon.log('vip-removed'), []);
  t.deepEqual(daemon.log('actor-restarted'), []);
  held.program.kill();
  t.like((await held.result)[0], { outcome: 'connected', stood: true });
});

/** What a process held at most so far, in megabytes. */
function mostResidentMb({ pid }: Program): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

badDay(
  'a document of 200 MB is refused at the limit there is by default, and costs no more than that',
  async (t, day) => {
    const { maxBytes, ...byDefault } = SOURCE;
    const limitMb = 64;
    const { daemon, play } = await scene(day, { ...byDefault, timeout: '60s' });
    const beforeMb = mostResidentMb(daemon.program);
    for (const announced of [true, false]) {
      const logged = daemon.log('source-error').length;
      await play(masterDocument(CLUSTER), { as: 'huge', announced });
      const { answer } = await eventually(
        'it is refused',
        () => daemon.log('source-error').slice(logged),
        (lines) => lines.some(({ reason }) => /too large/.test(String(reason))),
        60_000,
      );
      t.log(String(answer.find(({ reason }) => /too large/.test(String(reason)))?.reason));
      // Again and again, as long as the master is like that.
      await sleep(3_000);
      t.regex((await probe(day.client, VIP))[0]?.first ?? '', /^one /);
    }
    const mostMb = mostResidentMb(daemon.program);
    t.log(`most resident: ${beforeMb.toFixed(0)} MB before, ${mostMb.toFixed(0)} MB since`);
    // What one reading gathered may not be collected yet when the next one gathers, 200 ms later.
    t.true(mostMb < beforeMb + 3 * limitMb, `${mostMb} MB`);
    t.deepEqual(daemon.log('vip-removed'), []);
    t.deepEqual(daemon.log('actor-restarted'), []);
  },
);

badDay('tasks that cannot be used are skipped by name, the others serve', async (t, day) => {
  const { daemon, play } = await scene(day);
  const task = (id: string, vip: string, more: object = {}) => {
    return { id, agent: 'agent-one', vip, port: PORT, ...more };
  };
  const document = masterDocument({
    agents: [...CLUSTER.agents, { id: 'agent-lost', address: 'nowhere' }],
    tasks: [
      task('web.1', VIP),
      task('web.2', VIP, { agent: 'agent-lost' }),
      task('web.3', VIP),
      task('zero', '0.0.0.0:80'),
      task('loopback', '127.0.0.1:80'),
      task('multicast', '224.0.0.1:80'),
      task('broadcast', '255.255.255.255:80'),
      task('no-port', '10.1.2.50'),
      task('bad-port', '10.1.2.51:99999'),
      task('udp', 'udp://10.1.2.52:53'),
      task('port-zero', '10.1.2.53:80', { port: 0 }),
      task('staging', '10.1.2.54:80', { state: 'TASK_STAGING' }),
      task('unhealthy', '10.1.2.55:80', { healthy: false }),
      task('healthy', '10.1.2.56:80', { healthy: true }),
      task('twice', '10.1.2.57:80', { vip: ['10.1.2.57:80', '10.1.2.57:80'] }),
      task('older', '10.1.2.58:80', { labels: 'task' }),
    ],
  }) as { frameworks: { tasks: unknown[] }[] };
  document.frameworks[0]?.tasks.push(null, 'a task', { id: 'odd', state: 'TASK_RUNNING', labels: 7 });
  await play(document);
  await daemon.waitFor('vip-added', ({ vip }) => vip === '10.1.2.58:80');
  const { vips } = JSON.parse(await daemon.get('/vips')) as { vips: Record<string, object> };
  t.deepEqual(Object.keys(vips).sort(), [VIP, '10.1.2.56:80', '10.1.2.57:80', '10.1.2.58:80'].sort());
  for (const vip of Object.keys(vips)) {
    t.deepEqual(Object.keys(vips[vip]!), [`10.99.0.2:${PORT}`], vip);
    t.regex((await probe(day.client, vip))[0]?.first ?? '', /^one /, vip);
  }
  const warnings = daemon.log('source-warning').map(({ item, reason }) => `${item}: ${reason}`);
  t.log(warnings.join('\n'));
  for (const [id, reason] of [
    ['web.2', /nowhere/],
    ['zero', /0\.0\.0\.0\/8/],
    ['loopback', /127\.0\.0\.0\/8/],
    ['multicast', /multicast/],
    ['broadcast', /broadcast/],
    ['no-port', /no IPv4 ADDRESS:PORT/],
    ['bad-port', /no IPv4 ADDRESS:PORT/],
    ['udp', /only tcp/],
    ['port-zero', /not a number of 1 to 65535/],
  ] as const) {
    t.true(
      warnings.some((line) => line.includes(id) && reason.test(line)),
      `${id}: ${reason}`,
    );
  }
  t.false(warnings.some((line) => /staging|unhealthy|twice|older/.test(line)));
  const told = warnings.length;
  await sleep(1_000);
  t.is(daemon.log('source-warning').length, told, 'told once, not at every poll');
});

badDay('a master that just took over keeps the tasks of agents that have not come back', async (t, day) => {
  const { daemon, play } = await scene(day);
  const after: FakeCluster = { electedTime: 1_700_000_000.5, agents: [], tasks: [] };
  await play(masterDocument(after));
  await eventually(
    'the new master is read',
    () => daemon.metric('minuteman_source_up'),
    (up) => up === 1,
  );
  await sleep(1_500);
  t.deepEqual(daemon.log('vip-removed'), []);
  t.regex((await probe(day.client, VIP))[0]?.first ?? '', /^one /);
  // The agent comes back without the task: now it is gone.
  await play(masterDocument({ ...after, agents: CLUSTER.agents }));
  t.like(await daemon.waitFor('vip-removed'), { vip: VIP });
});
