import type { Host } from '../../testbed/host.js';

/** A TCP connection as the kernel of a host tracks it: both directions as `address:port -> address:port`. */
export interface Tracked {
  readonly original: string;
  readonly reply: string;
  readonly state: string;
  /** Whether the entry carries the daemon's mark. */
  readonly ours: boolean;
}

const LINE =
  /^tcp\s+6 \d+ (\w+) src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+) (?:\[UNREPLIED\] )?src=(\S+) dst=(\S+) sport=(\d+) dport=(\d+) .*mark=(\d+)/;

/** The connections towards an address, as `conntrack -L` lists them. */
export async function trackedTowards(host: Host, address: string): Promise<readonly Tracked[]> {
  const listing = await host.must('conntrack', ['-L', '-p', 'tcp', '--orig-dst', address]);
  return listing
    .split('\n')
    .map((line) => LINE.exec(line))
    .filter((match) => match !== null)
    .map(([, state, a, b, aPort, bPort, c, d, cPort, dPort, mark]) => ({
      original: `${a}:${aPort} -> ${b}:${bPort}`,
      reply: `${c}:${cPort} -> ${d}:${dPort}`,
      state: state!,
      ours: Number(mark) >>> 16 === 0x4d4d,
    }));
}
