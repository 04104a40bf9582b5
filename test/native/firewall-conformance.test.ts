import type { ExecutionContext } from 'ava';
import { Testbed } from '../../testbed/testbed.js';
import { addressSetCases } from '../conformance/address-set.js';
import { firewallCases } from '../conformance/firewall.js';
import { callInside } from '../support/inside.js';
import { serialKernelTest, workingFlavours } from '../support/prerequisites.js';

const SUBJECT = new URL('../support/real-firewall.js', import.meta.url);

for (const iptables of workingFlavours()) {
  for (const { title } of firewallCases)
    serialKernelTest(`firewall, ${iptables}: ${title}`, (t) =>
      runCase(t, 'runFirewallCase', title, iptables),
    );
}
for (const { title } of addressSetCases)
  serialKernelTest(`address set: ${title}`, (t) => runCase(t, 'runAddressSetCase', title, 'iptables'));

/** Each case has a namespace of its own, so that it begins on a bare host. */
async function runCase(t: ExecutionContext, name: string, title: string, iptables: string): Promise<void> {
  const bed = await Testbed.create();
  try {
    const host = await bed.host('host', { address: '10.99.0.1' });
    await t.notThrowsAsync(callInside(host, SUBJECT, name, { title, iptables }));
  } finally {
    await bed.destroy();
  }
}
