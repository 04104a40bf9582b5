import type { HostName } from '../engine/journal.js';
import type { Fault, Plan } from '../plan/plan.js';

type KernelPort = Extract<Fault, { kind: 'kernel-error' }>['port'];
type MasterTrouble = Extract<Fault, { kind: 'master' }>['how'];

/** A kind of fault as invariants tell them apart. */
export type Trouble =
  | Exclude<Fault['kind'], 'kernel-error' | 'master'>
  /** All tables at once: no rule is left that tracks connections. */
  | 'all-rules-flushed'
  | `kernel-error/${KernelPort}`
  | `master/${MasterTrouble}`;

/** What may keep a daemon from doing its work in time. */
export const DAEMON_TROUBLE: readonly Trouble[] = [
  'panic',
  'host-killed',
  'daemon-killed',
  'daemon-stopped',
  'daemon-paused',
  'host-paused',
  'slow-cpu',
];

/** What may keep packets from arriving, or in time. */
export const NETWORK_TROUBLE: readonly Trouble[] = [
  'loss',
  'delay',
  'bandwidth',
  'partition',
  'cut',
  'half-open',
  'connect-blackhole',
];

/** What ends or stops a whole machine. */
export const MACHINE_TROUBLE: readonly Trouble[] = ['panic', 'host-killed', 'host-paused'];

interface Period {
  readonly trouble: Trouble;
  /** Where, or undefined for everywhere. */
  readonly hosts: ReadonlySet<HostName> | undefined;
  readonly fromMs: number;
  readonly toMs: number;
}

/** When and where the plan disturbs the world: what an invariant asks before it says that a promise was broken. */
export class Disturbances {
  private readonly periods: readonly Period[];
  private readonly master: { readonly completeSinceMs: number } | undefined;

  /**
   * A daemon that starts after a fail-over cannot know the tasks of agents that the new `master` does not know yet:
   * the fault lasts until it knows all.
   */
  constructor(plan: Plan, master?: { readonly completeSinceMs: number }) {
    this.master = master;
    this.periods = plan.faults.map(({ atMs, durationMs, fault }) => ({
      trouble: troubleOf(fault),
      hosts: hostsOf(fault),
      fromMs: atMs,
      toMs: atMs + durationMs,
    }));
  }

  /** Whether any fault was on anywhere at some time between the two instants. */
  any(fromMs: number, toMs: number): boolean {
    if (this.master !== undefined && this.master.completeSinceMs > fromMs) return true;
    return this.periods.some((period) => period.toMs >= fromMs && period.fromMs <= toMs);
  }

  /** Whether one of the troubles was on at the host, or anywhere, at some time between the two instants. */
  between(fromMs: number, toMs: number, troubles: readonly Trouble[], host?: HostName): boolean {
    for (const period of this.periods) {
      if (period.toMs < fromMs || period.fromMs > toMs) continue;
      if (host !== undefined && period.hosts !== undefined && !period.hosts.has(host)) continue;
      if (troubles.includes(period.trouble)) return true;
    }
    return false;
  }
}

/** Others meddle with the packet filter. */
export const FLUSHING: readonly Trouble[] = ['rules-flushed', 'all-rules-flushed'];

function troubleOf(fault: Fault): Trouble {
  if (fault.kind === 'kernel-error') return `kernel-error/${fault.port}`;
  if (fault.kind === 'rules-flushed' && fault.table === undefined) return 'all-rules-flushed';
  if (fault.kind === 'master') return `master/${fault.how}`;
  return fault.kind;
}

/** The hosts at which a fault is felt; undefined: anywhere. */
function hostsOf(fault: Fault): ReadonlySet<HostName> | undefined {
  switch (fault.kind) {
    case 'loss':
    case 'delay':
      // Whoever talks to one end is hit by what happens there; both ends are named only if both are known.
      return fault.from !== undefined && fault.to !== undefined ? new Set([fault.from, fault.to]) : undefined;
    case 'cut':
      return new Set([fault.a, fault.b]);
    case 'partition':
    case 'backend-refuses':
    case 'backend-silent':
    case 'backend-slow':
    case 'master':
    case 'tasks':
      return undefined;
    case 'mesh-liar':
      return undefined;
    default:
      return new Set([fault.host]);
  }
}
