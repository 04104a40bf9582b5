import { plannedRules } from '../../src/native/iptables-rules.js';
import type { Host } from '../../testbed/host.js';

/** Destinations that are VIPs in these tests. */
export const VIPS = '10.1.0.0/16';

/**
 * The least set of rules that lets a queue place the host's own connections to VIPs: SYNs go to the queue, what
 * leaves it unmapped is reset, the backends' answers are logged to the group of the queue's number, and the tables
 * of NAT and connection tracking stand.
 */
export async function intercept(host: Host, queue: number): Promise<void> {
  const syn = `-d ${VIPS} -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN`;
  const planned = plannedRules({ ipset: 'none', firstQueue: queue, queues: 1 });
  const rules = [
    '*raw',
    `-A OUTPUT ${syn} -j NFQUEUE --queue-num ${queue} --queue-bypass`,
    'COMMIT',
    '*nat',
    // A table without a chain registers no hooks.
    ':OUTPUT ACCEPT [0:0]',
    ':POSTROUTING ACCEPT [0:0]',
    'COMMIT',
    '*filter',
    ...planned
      .filter(({ name }) => name.startsWith('answers'))
      .map(({ chain, spec }) => `-A ${chain} ${spec}`),
    `-A OUTPUT ${syn} -m conntrack ! --ctstate INVALID -j REJECT --reject-with tcp-reset`,
    'COMMIT',
    '',
  ];
  await host.must('iptables-restore', [], { input: rules.join('\n') });
}
