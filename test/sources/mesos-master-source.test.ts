import test, { type ExecutionContext } from 'ava';
import { MesosSource } from '../../src/sources/mesos-source.js';
import { openSource } from '../../src/sources/open-source.js';
import { ReaderThread } from '../../src/sources/reader-thread.js';
import type { FakeCluster } from '../../testbed/fake-cluster.js';
import { type Behaviour, FakeMaster } from '../../testbed/fake-master.js';
import { Follower, readOnce } from './reading.js';

const thread = new ReaderThread();
test.after.always(() => thread.stop());

const web = (n: number) => ({ id: `web.${n}`, agent: `S${n}`, vip: '10.40.0.1:80', port: 8000 + n });
const agents = [
  { id: 'S0', address: '10.20.0.10' },
  { id: 'S1', address: '10.20.0.11' },
];
const cluster: FakeCluster = { agents, tasks: [web(0), web(1)] };
const BOTH = '10.40.0.1:80=10.20.0.10:8000,10.20.0.11:8001';
const MAX_BYTES = 4 * 1024 * 1024;

async function masterWith(t: ExecutionContext, served: FakeCluster = cluster): Promise<FakeMaster> {
  const master = new FakeMaster();
  master.serve(served);
  await master.start();
  t.teardown(() => master.stop());
  return master;
}

test('readings answer relative to the token', async (t) => {
  const master = await masterWith(t);
  const source = openSource({ type: 'mesos-master', url: master.url }, thread);
  const follower = new Follower(source);
  t.is(await follower.step(), `reset: ${BOTH}`);
  t.is(await follower.step(), `unchanged: ${BOTH}`);
  master.serve({ agents, tasks: [web(0), { ...web(1), vip: ['10.40.0.2:81'] }] });
  t.is(await follower.step(), 'changed: 10.40.0.1:80=10.20.0.10:8000 10.40.0.2:81=10.20.0.11:8001');
  master.serve({ agents, tasks: [] });
  t.is(await follower.step(), 'changed: ');
  t.is(await follower.step(), 'unchanged: ');
  follower.token = undefined;
  t.is(await follower.step(), 'reset: ');
  follower.token = 'of another reader';
  t.is(await follower.step(), 'reset: ');
  t.deepEqual([...new Set(master.requests)], ['/master/state']);
  source.close();
});

test('warnings name the task, also while nothing changes', async (t) => {
  const master = await masterWith(t, { agents, tasks: [web(0), { ...web(1), vip: '127.0.0.1:80' }] });
  const source = openSource({ type: 'mesos-master', url: master.url }, thread);
  const first = await readOnce(source);
  const second = await readOnce(source, first.kind === 'failed' ? undefined : first.token);
  t.is(second.kind, 'unchanged');
  for (const reading of [first, second]) {
    if (reading.kind === 'failed') t.fail(reading.reason);
    else
      t.deepEqual(
        reading.warnings.map((w) => w.item),
        ['task web.1'],
      );
  }
  source.close();
});

const bad: readonly (readonly [Behaviour, RegExp])[] = [
  [{ as: 'refuse' }, /connection refused \(ECONNREFUSED\)/],
  [{ as: 'hang' }, /no complete answer within 1500 ms \(nothing came\)/],
  [{ as: 'drip' }, /no complete answer within 1500 ms \(part of it came\)/],
  [{ as: 'status', status: 500 }, /answered 500, not 200/],
  [{ as: 'status', status: 401 }, /answered 401.*credentials/],
  [{ as: 'status', status: 404 }, /answered 404.*no Mesos master/],
  [{ as: 'status', status: 503 }, /answered 503.*no leader/],
  [{ as: 'redirect', location: 'ftp://10.20.0.1/state' }, /unusable Location/],
  [{ as: 'redirect', location: '/master/state' }, /redirected 4 times/],
  [{ as: 'truncated' }, /the answer was cut short/],
  [{ as: 'truncated-gzip' }, /the answer was cut short/],
  [{ as: 'half-json' }, /not JSON, or cut short/],
  [{ as: 'garbage' }, /not JSON, or cut short/],
  [{ as: 'huge', announced: true }, /too large \(209715200 bytes; the limit is 4194304\)/],
  [{ as: 'huge', announced: false }, /too large \(more than 4194304 bytes/],
];

for (const [behaviour, reason] of bad) {
  test(`a master that does ${JSON.stringify(behaviour)} changes nothing, and is taken again when it recovers`, async (t) => {
    const master = await masterWith(t);
    const timeoutMs = behaviour.as === 'hang' || behaviour.as === 'drip' ? 1_500 : 20_000;
    const source = openSource(
      { type: 'mesos-master', url: master.url, timeoutMs, maxBytes: MAX_BYTES },
      thread,
    );
    const follower = new Follower(source);
    t.is(await follower.step(), `reset: ${BOTH}`);
    await master.behave(behaviour);
    const reading = await follower.poll();
    t.is(reading.kind, 'failed');
    if (reading.kind === 'failed') {
      t.regex(reading.reason, reason);
      t.true(reading.reason.startsWith(`${master.url}/master/state: `), reading.reason);
    }
    if (behaviour.as === 'huge')
      t.true(master.hugeBytesSent < 60 * 1024 * 1024, `${master.hugeBytesSent} bytes left`);
    await master.behave({ as: 'plain' });
    t.is(await follower.step(), `unchanged: ${BOTH}`);
    source.close();
    await master.stop();
  });
}

for (const as of ['gzip', 'deflate'] as const) {
  test(`a state packed with ${as} is read`, async (t) => {
    const master = await masterWith(t);
    await master.behave({ as });
    const source = openSource({ type: 'mesos-master', url: master.url }, thread);
    t.is(await new Follower(source).step(), `reset: ${BOTH}`);
    source.close();
    await master.stop();
  });
}

test('a packed state counts by its unpacked size', async (t) => {
  const master = await masterWith(t);
  master.state = () => `{"slaves":[],"frameworks":[],"x":"${' '.repeat(8 << 20)}"}`;
  await master.behave({ as: 'gzip' });
  const source = openSource({ type: 'mesos-master', url: master.url, maxBytes: MAX_BYTES }, thread);
  const reading = await readOnce(source);
  t.true(reading.kind === 'failed' && /too large/.test(reading.reason));
  source.close();
});

test('a standby leads to its leader, and the configured master is asked first each time', async (t) => {
  const leader = await masterWith(t);
  const standby = await masterWith(t, { agents: [], tasks: [] });
  const { host } = new URL(leader.url);
  await standby.behave({ as: 'redirect', location: `//${host}/master/state` });
  const source = openSource({ type: 'mesos-master', url: standby.url }, thread);
  const follower = new Follower(source);
  t.is(await follower.step(), `reset: ${BOTH}`);
  await standby.behave({ as: 'redirect', location: `http://${host}/state` });
  t.is(await follower.step(), `unchanged: ${BOTH}`);
  t.deepEqual(leader.requests, ['/master/state', '/state']);
  t.is(standby.requests.length, 2);
  source.close();
});

test('garbage, a standby and an agent answer nothing that counts', async (t) => {
  const master = await masterWith(t);
  const source = openSource({ type: 'mesos-master', url: master.url }, thread);
  const follower = new Follower(source);
  await follower.poll();
  for (const [text, reason] of [
    ['null', /no Mesos state/],
    ['{"slaves":[]}', /lacks its list/],
    [
      '{"slaves":[],"frameworks":[],"pid":"master@10.0.0.2:5050","leader":"master@10.0.0.3:5050"}',
      /never elected/,
    ],
    ['{"frameworks":[],"pid":"slave(1)@10.0.0.2:5051"}', /state of an agent/],
  ] as const) {
    master.state = () => text;
    const reading = await follower.poll();
    t.true(reading.kind === 'failed' && reason.test(reading.reason), JSON.stringify(reading));
  }
  master.serve(cluster);
  t.is(await follower.step(), `unchanged: ${BOTH}`);
  source.close();
});

test('VIPs outlive a fail-over', async (t) => {
  const master = await masterWith(t);
  const source = openSource({ type: 'mesos-master', url: master.url }, thread);
  const follower = new Follower(source);
  await follower.poll();
  master.serve({ electedTime: 1_700_000_000, agents: [], tasks: [] });
  const reading = await follower.poll();
  t.is(reading.kind, 'unchanged');
  if (reading.kind === 'unchanged') t.regex(reading.warnings[0]?.item ?? '', /S0, S1/);
  master.serve({ electedTime: 1_700_000_000, agents: agents.slice(0, 1), tasks: [] });
  t.is(await follower.step(), 'changed: 10.40.0.1:80=10.20.0.11:8001');
  source.close();
});

test('a crash of the reader thread fails the reading; the next one counts from nothing', async (t) => {
  const own = new ReaderThread();
  const master = await masterWith(t);
  const source = openSource({ type: 'mesos-master', url: master.url }, own);
  const follower = new Follower(source);
  t.is(await follower.step(), `reset: ${BOTH}`);
  await master.behave({ as: 'hang' });
  const lost = follower.poll();
  while (master.requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  await own.stop();
  const reading = await lost;
  t.true(reading.kind === 'failed' && /reader thread ended/.test(reading.reason));
  await master.behave({ as: 'plain' });
  t.is(await follower.step(), `reset: ${BOTH}`);
  source.close();
  await own.stop();
});

test('a document that needs more memory than the reader may have ends the reader, not us', async (t) => {
  const own = new ReaderThread(48);
  const master = await masterWith(t);
  master.state = () => `{"slaves":[${'{"a":{}},'.repeat(700_000)}{}],"frameworks":[]}`;
  const source = openSource({ type: 'mesos-master', url: master.url }, own);
  const follower = new Follower(source);
  const reading = await follower.poll();
  t.true(
    reading.kind === 'failed' && /more than 48 MB of heap/.test(reading.reason),
    JSON.stringify(reading),
  );
  master.serve(cluster);
  t.is(await follower.step(), `reset: ${BOTH}`);
  source.close();
  await own.stop();
});

test('closing answers what is under way', async (t) => {
  const master = await masterWith(t);
  await master.behave({ as: 'hang' });
  const source = openSource({ type: 'mesos-master', url: master.url }, thread);
  const reading = readOnce(source);
  t.throws(() => source.read(undefined, () => {}), { message: /read already/ });
  source.close();
  const answer = await reading;
  t.true(answer.kind === 'failed' && /closed/.test(answer.reason));
});

test('the source is called by its url', (t) => {
  const source = openSource({ type: 'mesos-master', url: 'http://10.99.0.9:5050' }, thread);
  t.true(source instanceof MesosSource);
  t.is(source.name, 'mesos-master:http://10.99.0.9:5050');
  source.close();
});
