import { hostName } from '../engine/host.js';
import type { HostName } from '../engine/journal.js';
import type { Stream } from '../engine/seed.js';
import type { Fault, Lie, Plan } from './plan.js';

/** What a family draws from: the plan without its faults. */
type Draft = Omit<Plan, 'faults'>;

/** Faults of one kind of trouble; the unit that a swarm switches on or off as a whole. */
export interface FaultFamily {
  draw(draft: Draft, stream: Stream): Fault;
  /** For how long, in milliseconds. */
  lasts(stream: Stream): number;
}

const SOME_SECONDS = (stream: Stream): number =>
  stream.chance(0.5) ? stream.between(100, 2_000) : stream.between(2_000, 15_000);

const LIES: readonly Lie[] = ['all-dead', 'in-others-names', 'old-records', 'alarms', 'phantoms', 'flood'];

const MESH_ACTORS: readonly string[] = [
  'cluster/membership',
  'cluster/pinger',
  'cluster/gossip',
  'cluster/reachability',
  'cluster/links',
];

/**
 * The families of faults (swarm testing: Groce, Zhang, Eide, Chen, Regehr, "Swarm Testing", 2012: runs that
 * leave most kinds of trouble out find more than runs with a little of everything).
 */
export const FAMILIES = {
  machines: {
    draw: (draft, stream) => {
      const host = hostOf(draft, stream);
      return stream.oneOf<Fault>([
        { kind: 'panic', host, wiped: stream.chance(0.3) },
        { kind: 'host-killed', host, wiped: stream.chance(0.3) },
        { kind: 'host-paused', host },
      ]);
    },
    lasts: SOME_SECONDS,
  },
  daemons: {
    draw: (draft, stream) => {
      const host = hostOf(draft, stream);
      return stream.oneOf<Fault>([
        { kind: 'daemon-killed', host },
        { kind: 'daemon-stopped', host },
        { kind: 'daemon-paused', host },
        { kind: 'slow-cpu', host, factor: stream.oneOf([5, 20, 100]) },
      ]);
    },
    lasts: SOME_SECONDS,
  },
  clocks: {
    draw: (draft, stream) => {
      const host = hostOf(draft, stream);
      return stream.chance(0.5)
        ? { kind: 'clock-drift', host, rate: 1 + stream.between(-0.01, 0.01) }
        : { kind: 'clock-jump', host, byMs: Math.round(stream.between(-86_400_000, 86_400_000)) };
    },
    lasts: SOME_SECONDS,
  },
  network: {
    draw: (draft, stream) => {
      const from = stream.chance(0.5) ? hostOf(draft, stream) : undefined;
      const to = stream.chance(0.5) ? hostOf(draft, stream) : undefined;
      const host = hostOf(draft, stream);
      return stream.oneOf<Fault>([
        { kind: 'loss', from, to, probability: stream.oneOf([0.01, 0.05, 0.3]) },
        { kind: 'delay', from, to, extraMs: stream.oneOf([1, 20, 200]) },
        { kind: 'bandwidth', host, bytesPerMs: stream.oneOf([10, 100, 1_000]) },
        { kind: 'cut', a: host, b: hostOf(draft, stream) },
        { kind: 'half-open', host },
        { kind: 'connect-blackhole', host },
      ]);
    },
    lasts: SOME_SECONDS,
  },
  partition: {
    draw: (draft, stream) => {
      const size = 1 + stream.below(Math.max(1, draft.nodes - 1));
      return { kind: 'partition', side: stream.some(hostsOf(draft), size), oneWay: stream.chance(0.3) };
    },
    lasts: (stream) => stream.between(1_000, 20_000),
  },
  kernel: {
    draw: (draft, stream) => {
      const host = hostOf(draft, stream);
      return stream.oneOf<Fault>([
        {
          kind: 'kernel-error',
          host,
          port: stream.oneOf([
            'conntrack-map',
            'conntrack-lookup',
            'verdict',
            'ipset',
            'iptables',
            'heartbeat',
            'routes',
          ] as const),
          code: stream.oneOf(['ENOBUFS', 'ENOENT', 'ENOMEM', 'EPERM', 'EINTR', 'EBUSY', 'EEXIST'] as const),
          count: 1 + stream.below(3),
        },
        { kind: 'events-lost', host, share: stream.oneOf([0.1, 0.5, 1]), told: stream.chance(0.5) },
        { kind: 'queue-limit', host, length: stream.below(3) },
        { kind: 'conntrack-full', host },
      ]);
    },
    lasts: SOME_SECONDS,
  },
  firewall: {
    draw: (draft, stream) => {
      const host = hostOf(draft, stream);
      return stream.oneOf<Fault>([
        {
          kind: 'rules-flushed',
          host,
          table: stream.oneOf(['raw', 'mangle', 'filter', 'nat', undefined] as const),
        },
        { kind: 'set-spoilt', host, how: stream.oneOf(['destroyed', 'emptied', 'edited'] as const) },
        { kind: 'slow-tools', host, tookMs: stream.oneOf([100, 400, 2_000]) },
      ]);
    },
    lasts: SOME_SECONDS,
  },
  backends: {
    draw: (draft, stream) => {
      const backend = stream.below(draft.backends);
      return stream.oneOf<Fault>([
        { kind: 'backend-refuses', backend },
        { kind: 'backend-silent', backend },
        { kind: 'backend-slow', backend, extraMs: stream.oneOf([5, 50, 600]) },
      ]);
    },
    lasts: SOME_SECONDS,
  },
  master: {
    draw: (_draft, stream) => ({
      kind: 'master',
      how: stream.oneOf([
        'down',
        'hanging',
        'late',
        'dripping',
        'error-500',
        'truncated',
        'garbage',
        'empty',
        'stale',
        'standby',
        'fail-over',
      ] as const),
    }),
    lasts: SOME_SECONDS,
  },
  tasks: {
    draw: (_draft, stream) => ({
      kind: 'tasks',
      how: stream.oneOf(['move', 'kill', 'add', 'unhealthy', 'remove-vip'] as const),
      count: 1 + stream.below(4),
    }),
    lasts: SOME_SECONDS,
  },
  actors: {
    draw: (draft, stream) => ({
      kind: 'actor-crash',
      host: hostOf(draft, stream),
      actor: stream.oneOf([
        ...(draft.mesh ? MESH_ACTORS : []),
        'vip-table',
        'sources/',
        'balancers/',
        'balancer-manager',
        'connection-observer',
        'nfqueue-pool/',
        'ipset-manager',
        'firewall-manager',
      ]),
      nth: 1 + stream.below(20),
      when: stream.chance(0.5) ? 'before' : 'after',
    }),
    lasts: SOME_SECONDS,
  },
  members: {
    draw: (draft, stream) => {
      const host = hostOf(draft, stream);
      return stream.oneOf<Fault>([
        { kind: 'mesh-liar', host, how: stream.oneOf(LIES) },
        { kind: 'disk-rolled-back', host },
        { kind: 'disk-read-only', host },
        { kind: 'same-name', host, as: hostOf(draft, stream) },
      ]);
    },
    lasts: SOME_SECONDS,
  },
} as const satisfies Readonly<Record<string, FaultFamily>>;

function hostOf(draft: Draft, stream: Stream): HostName {
  return hostName(stream.below(draft.nodes));
}

/** The names of all hosts of a plan. */
export function hostsOf(draft: Draft): HostName[] {
  return Array.from({ length: draft.nodes }, (_, index) => hostName(index));
}
