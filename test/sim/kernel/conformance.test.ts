import test from 'ava';
import { addressSetCases } from '../../conformance/address-set.js';
import { CONNECTION_CASES } from '../../conformance/connections.js';
import { CONNTRACK_CASES } from '../../conformance/conntrack.js';
import { firewallCases } from '../../conformance/firewall.js';
import { PACKET_QUEUE_CASES } from '../../conformance/packet-queue.js';
import { ROUTES_CASES } from '../../conformance/routes.js';
import { simStage } from './sim-stage.js';
import { simSubject } from './sim-subject.js';

/*
 * The suites that test/native plays on the real kernel, on the simulated one.
 */
const suites = {
  'packet queue': PACKET_QUEUE_CASES,
  conntrack: CONNTRACK_CASES,
  connections: CONNECTION_CASES,
  routes: ROUTES_CASES,
};

for (const [suite, cases] of Object.entries(suites))
  for (const { name, run } of cases) test(`${suite}: ${name}`, (t) => t.notThrowsAsync(run(simStage())));

for (const { title, run } of firewallCases)
  test(`firewall: ${title}`, (t) => t.notThrowsAsync(run(simSubject())));

for (const { title, run } of addressSetCases)
  test(`address set: ${title}`, (t) => t.notThrowsAsync(run(simSubject())));
