import test from 'ava';
import { type Host, missingCapabilities, preflight } from '../../src/cli/preflight.js';

const ROOT = 'Name:\tnode\nCapEff:\t000001ffffffffff\n';
const NET_ADMIN_ONLY = 'CapEff:\t0000000000001000\n';
const QUEUE_SIGN = '/proc/net/netfilter/nfnetlink_queue';
const CONNTRACK_SIGN = '/proc/sys/net/netfilter/nf_conntrack_max';

interface HostFaults {
  readonly status?: string;
  readonly absent?: readonly string[];
  /** Signs that appear once their module is loaded. */
  readonly loadable?: Readonly<Record<string, string>>;
  readonly toolMissing?: string;
}

function host({ status = ROOT, absent = [], loadable = {}, toolMissing }: HostFaults): Host {
  const missing = new Set(absent);
  return {
    processStatus: () => status,
    exists: (path) => !missing.has(path),
    loadModule: (name) => missing.delete(loadable[name] ?? ''),
    locateTools: () => {
      if (toolMissing !== undefined) throw new Error(toolMissing);
    },
  };
}

const rows: readonly { title: string; faults: HostFaults; lines: readonly RegExp[] }[] = [
  { title: 'nothing is wrong', faults: {}, lines: [] },
  {
    title: 'a user without capabilities',
    faults: { status: 'CapEff:\t0000000000000000\n' },
    lines: [/^this process lacks CAP_NET_ADMIN and CAP_NET_RAW; run it as root, or /],
  },
  { title: 'one capability of two', faults: { status: NET_ADMIN_ONLY }, lines: [/lacks CAP_NET_RAW;/] },
  {
    title: 'any user with both capabilities',
    faults: { status: 'CapEff:\t0000000000003000\n' },
    lines: [],
  },
  { title: 'a status that cannot be read', faults: { status: '' }, lines: [/lacks CAP_NET_ADMIN and/] },
  {
    title: 'a missing tool',
    faults: { toolMissing: 'ipset is not installed: apt-get install ipset' },
    lines: [/^ipset is not installed: apt-get install ipset$/],
  },
  {
    title: 'a module that only has to be loaded',
    faults: { absent: [QUEUE_SIGN], loadable: { nfnetlink_queue: QUEUE_SIGN } },
    lines: [],
  },
  {
    title: 'a kernel without queues and connection tracking',
    faults: { absent: [QUEUE_SIGN, CONNTRACK_SIGN] },
    lines: [
      /^this kernel has no packet queues \(nfnetlink_queue\); run "modprobe/,
      /no connection tracking \(nf_conntrack\)/,
    ],
  },
  {
    title: 'everything at once',
    faults: { status: '', toolMissing: 'no tool', absent: [QUEUE_SIGN] },
    lines: [/lacks/, /^no tool$/, /no packet queues/],
  },
];

for (const row of rows) {
  test(`preflight: ${row.title}`, (t) => {
    const lines = preflight(host(row.faults));
    t.is(lines.length, row.lines.length, lines.join('\n'));
    for (const [index, expected] of row.lines.entries()) t.regex(lines[index]!, expected);
  });
}

test('preflight: bits beyond 32 are read', (t) => {
  t.deepEqual(missingCapabilities('CapEff:\t000001ff00003000\n'), []);
  t.deepEqual(missingCapabilities('CapEff:\t000001ff00000000\n'), ['CAP_NET_ADMIN', 'CAP_NET_RAW']);
});
