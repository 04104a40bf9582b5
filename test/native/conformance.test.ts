import { fileURLToPath } from 'node:url';
import test from 'ava';
import { Testbed } from '../../testbed/testbed.js';
import { CONNECTION_CASES } from '../conformance/connections.js';
import { CONNTRACK_CASES } from '../conformance/conntrack.js';
import { PACKET_QUEUE_CASES } from '../conformance/packet-queue.js';
import { ROUTES_CASES } from '../conformance/routes.js';
import { kernelTest } from '../support/prerequisites.js';
import { intercept } from './intercept.js';

const CHILD = fileURLToPath(new URL('./conformance-host.js', import.meta.url));
const QUEUE = 50;
const suites = {
  'packet-queue': PACKET_QUEUE_CASES,
  conntrack: CONNTRACK_CASES,
  connections: CONNECTION_CASES,
  routes: ROUTES_CASES,
};

const beds: Testbed[] = [];
test.after.always(async () => {
  for (const bed of beds) await bed.destroy();
});

/** Plays a suite on a host of its own; answers each case's error by the case's name. */
async function play(suite: string): Promise<ReadonlyMap<string, string | undefined>> {
  const bed = await Testbed.create();
  beds.push(bed);
  const host = await bed.host(suite, { address: '10.99.0.1' });
  await host.must('ip', ['addr', 'add', '10.99.0.2/32', 'dev', 'lo']);
  await host.must('ip', ['route', 'add', 'unreachable', '10.251.0.0/16']);
  // Since Linux 6.5 a SYN is sent four times a second apart before its pauses double; the suites expect them to double
  // from the first, as ever before. An older kernel does not know the setting.
  await host.exec('sysctl', ['-w', 'net.ipv4.tcp_syn_linear_timeouts=0']);
  await intercept(host, QUEUE);
  const args = [CHILD, suite, '10.99.0.1', '10.99.0.2', String(QUEUE)];
  const printed = await host.must(process.execPath, args, { timeoutMs: 120_000 });
  const results = printed
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly name: string; readonly error?: string });
  return new Map(results.map(({ name, error }) => [name, error]));
}

for (const [suite, cases] of Object.entries(suites)) {
  let results: Promise<ReadonlyMap<string, string | undefined>> | undefined;
  for (const { name } of cases) {
    kernelTest(`${suite}: ${name}`, async (t) => {
      results ??= play(suite);
      const errors = await results;
      t.true(errors.has(name), 'the case was not played');
      t.is(errors.get(name), undefined);
    });
  }
}
