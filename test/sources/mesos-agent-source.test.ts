import { readFileSync } from 'node:fs';
import test from 'ava';
import { openSource } from '../../src/sources/open-source.js';
import { ReaderThread } from '../../src/sources/reader-thread.js';
import { type Behaviour, FakeMaster } from '../../testbed/fake-master.js';
import { Follower } from './reading.js';

const thread = new ReaderThread();
test.after.always(() => thread.stop());

const STATE = JSON.parse(
  readFileSync(new URL('../../../../test/fixtures/mesos/agent.json', import.meta.url), 'utf8'),
) as unknown;
const SERVED = '10.40.1.1:80=10.20.0.14:12500,10.20.0.14:12601 10.40.1.2:80=10.20.0.14:12600';

test("an agent's state is read from /state, whatever happens in between", async (t) => {
  const agent = new FakeMaster(STATE);
  await agent.start();
  t.teardown(() => agent.stop());
  const source = openSource({ type: 'mesos-agent', url: agent.url, timeoutMs: 20_000 }, thread);
  t.is(source.name, `mesos-agent:${agent.url}`);
  const follower = new Follower(source);
  t.is(await follower.step(), `reset: ${SERVED}`);
  t.deepEqual(agent.requests, ['/state']);
  const bad: readonly (readonly [Behaviour, RegExp])[] = [
    [{ as: 'refuse' }, /does a Mesos agent listen there\?$/],
    [{ as: 'status', status: 503 }, /the agent has not recovered its tasks yet$/],
    [{ as: 'status', status: 401 }, /the agent wants credentials/],
    [{ as: 'half-json' }, /not JSON, or cut short/],
  ];
  for (const [behaviour, reason] of bad) {
    await agent.behave(behaviour);
    const reading = await follower.poll();
    if (reading.kind !== 'failed') return t.fail(reading.kind);
    t.regex(reading.reason, reason);
    t.true(reading.reason.startsWith(`${agent.url}/state: `), reading.reason);
  }
  await agent.behave({ as: 'plain' });
  t.is(await follower.step(), `unchanged: ${SERVED}`);
  source.close();
});
