import type { ExecutionContext } from 'ava';
import type { Host } from '../../testbed/host.js';
import type { Testbed } from '../../testbed/testbed.js';
import { withBed } from './bed.js';
import { serialKernelTest } from './prerequisites.js';

export { eventually } from './eventually.js';

export const VIP = '10.1.2.3:5000';
export const ONE = '10.99.0.2:80';
export const TWO = '10.99.0.3:80';

/** Where nobody serves, the client is to hear so within this. A single attempt may meet a busy processor. */
export const REFUSED_MS = 10;

const TEST_MS = 120_000;

/** A client's machine, whose daemon the days befall, and two machines for backends. */
export interface BadDay {
  readonly bed: Testbed;
  readonly client: Host;
  readonly one: Host;
  readonly two: Host;
}

/** A test on the real kernel with machines of its own. */
export function badDay(title: string, run: (t: ExecutionContext, day: BadDay) => Promise<void>): void {
  serialKernelTest(title, async (t) => {
    t.timeout(TEST_MS);
    await withBed(t, async (bed) => {
      const client = await bed.host('client', { address: '10.99.0.1' });
      const one = await bed.host('one', { address: '10.99.0.2' });
      const two = await bed.host('two', { address: '10.99.0.3' });
      await run(t, { bed, client, one, two });
    });
  });
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

/** Where the kernel's entries of connections to `vip` lead: from the client's `ADDRESS:PORT` to its backend's. */
export async function entriesTo(host: Host, vip: string): Promise<ReadonlyMap<string, string>> {
  const [address, port] = vip.split(':');
  const listing = await host.must('conntrack', ['-L', '-p', 'tcp', '-d', address!, '--dport', port!]);
  const found = new Map<string, string>();
  for (const line of listing.split('\n')) {
    const [original, reply] = [...line.matchAll(/src=(\S+) dst=\S+ sport=(\d+)/g)];
    if (original && reply) found.set(`${original[1]}:${original[2]}`, `${reply[1]}:${reply[2]}`);
  }
  return found;
}

/** Every rule of either flavour and every set of a host, to be compared with another time's. */
export async function kernelState(host: Host): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const save of ['iptables-nft-save', 'iptables-legacy-save']) {
    const rules = (await host.must(save)).split('\n').filter((line) => line.startsWith('-A'));
    lines.push(...rules.map((rule) => `${save}: ${rule}`));
  }
  const sets = (await host.must('ipset', ['save'])).split('\n').filter(Boolean);
  // What the heartbeat renews comes and goes.
  const lasting = sets.filter((set) => !/^add .* timeout \d+$/.test(set));
  return [...lines, ...lasting.map((set) => set.replace(/ bucketsize \d+ initval \S+/, '')).sort()];
}
