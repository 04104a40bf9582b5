import { readFileSync } from 'node:fs';
import test from 'ava';
import { AgentReading } from '../../../src/core/mesos/agent-reading.js';
import { readStateText } from '../../../src/core/mesos/master-reading.js';
import { textOf } from '../../support/vips.js';

const AGENT = readFileSync(new URL('../../../../../test/fixtures/mesos/agent.json', import.meta.url), 'utf8');
const MASTER = readFileSync(
  new URL('../../../../../test/fixtures/mesos/master.json', import.meta.url),
  'utf8',
);
const SERVED = {
  '10.40.1.1:80': ['10.20.0.14:12500', '10.20.0.14:12601'],
  '10.40.1.2:80': ['10.20.0.14:12600'],
};

const arrived = (text: string) => ({ digest: text, read: () => readStateText(text) });

test("an agent's state yields what runs there, and later ones what changed", (t) => {
  const reading = new AgentReading('r');
  const first = reading.take(undefined, arrived(AGENT));
  if (first.kind !== 'changed') return t.fail(JSON.stringify(first));
  t.true(first.reset);
  t.deepEqual(textOf(first.delta.upserts), SERVED);
  t.is(reading.take(first.token, arrived(AGENT)).kind, 'unchanged');
  const idle = JSON.stringify({ pid: 'slave(1)@10.20.0.14:5051', id: '81f3-S4', frameworks: [] });
  const last = reading.take(first.token, arrived(idle));
  if (last.kind !== 'changed') return t.fail(JSON.stringify(last));
  t.deepEqual([last.reset, last.delta.removed.length], [false, 2]);
});

const faults: readonly { title: string; text: string; reason: RegExp }[] = [
  {
    title: "a master's state",
    text: MASTER,
    reason: /^it is the state of a master, .*; the url must be an agent's/,
  },
  { title: 'half a document', text: AGENT.slice(0, 500), reason: /^the answer is not JSON, or cut short/ },
  { title: 'nothing', text: '', reason: /^the answer is not JSON, or cut short/ },
  {
    title: 'a document without frameworks',
    text: '{"pid":"slave(1)@10.0.0.1:5051"}',
    reason: /no Mesos state/,
  },
];

for (const { title, text, reason } of faults) {
  test(`${title} is no state of an agent and changes nothing`, (t) => {
    const reading = new AgentReading('r');
    const good = reading.take(undefined, arrived(AGENT));
    const bad = reading.take(good.kind === 'failed' ? undefined : good.token, arrived(text));
    if (bad.kind !== 'failed') return t.fail(bad.kind);
    t.regex(bad.reason, reason);
    t.is(reading.take(good.kind === 'failed' ? undefined : good.token, arrived(AGENT)).kind, 'unchanged');
  });
}
