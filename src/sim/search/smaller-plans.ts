import { hostName } from '../engine/host.js';
import type { HostName } from '../engine/journal.js';
import type { Fault, Plan, TimedFault } from '../plan/plan.js';

/** Shortest part of a run after its faults, for invariants that want everything to be well in time. */
const LEAST_TAIL_MS = 1_000;

/**
 * The plan with `nodes` hosts. Hosts with faults keep them under names that exist: they move to the front, in
 * their order. Undefined when there are more of them than hosts.
 */
export function withNodes(plan: Plan, nodes: number): Plan | undefined {
  const mentioned = new Set(plan.faults.flatMap(({ fault }) => hostsIn(fault)));
  const inOrder = [...mentioned].sort((a, b) => numberOf(a) - numberOf(b));
  if (inOrder.length > nodes) return undefined;
  const renamed = new Map(inOrder.map((host, index) => [host, hostName(index)]));
  // Names that are within the smaller fleet stay as they are, if all of them are.
  const fits = inOrder.every((host) => numberOf(host) <= nodes);
  const rename = (host: HostName): HostName => (fits ? host : renamed.get(host)!);
  return {
    ...plan,
    nodes,
    faults: plan.faults.map((one) => ({ ...one, fault: mapHosts(one.fault, rename) })),
  };
}

/** How many hosts a plan must have for its faults. */
export function leastNodes(plan: Plan): number {
  return Math.max(1, new Set(plan.faults.flatMap(({ fault }) => hostsIn(fault))).size);
}

/** The plan with fewer backends; faults of those that are gone happen to others. */
export function withBackends(plan: Plan, backends: number): Plan {
  const faults = plan.faults.map((one) =>
    'backend' in one.fault ? { ...one, fault: { ...one.fault, backend: one.fault.backend % backends } } : one,
  );
  return { ...plan, backends, faults };
}

/** The plan in which the quiet time before the first fault is no longer than `leadMs`. */
export function withLead(plan: Plan, leadMs: number): Plan {
  const firstMs = Math.min(...plan.faults.map(({ atMs }) => atMs));
  return Number.isFinite(firstMs) && firstMs > leadMs ? earlier(plan, 0, firstMs - leadMs) : plan;
}

/** The plan in which the quiet time before fault `index`, since the one before it, is `shareOf` of what it was. */
export function withGap(plan: Plan, index: number, shareOf: number): Plan {
  const before = plan.faults[index - 1];
  const fault = plan.faults[index];
  if (before === undefined || fault === undefined) return plan;
  return earlier(plan, index, Math.floor((fault.atMs - before.atMs) * (1 - shareOf)));
}

/** The plan whose time to get well begins at `healMs`, or when the last fault ended; it then lasts `tailMs`. */
export function endingAt(plan: Plan, healMs: number, tailMs: number): Plan {
  const lastMs = Math.max(0, ...plan.faults.map(({ atMs, durationMs }) => atMs + durationMs));
  const healed = Math.max(1, lastMs, Math.round(healMs));
  return { ...plan, healMs: healed, durationMs: healed + Math.max(LEAST_TAIL_MS, Math.round(tailMs)) };
}

export function withFault(plan: Plan, index: number, changed: TimedFault): Plan {
  return { ...plan, faults: plan.faults.with(index, changed) };
}

/** Faults from `index` on happen `byMs` earlier, and the run ends so much earlier. */
function earlier(plan: Plan, index: number, byMs: number): Plan {
  const faults = plan.faults.map((one, at) => (at < index ? one : { ...one, atMs: one.atMs - byMs }));
  const { durationMs, healMs } = plan;
  return endingAt({ ...plan, faults }, healMs - byMs, durationMs - healMs);
}

function hostsIn(fault: Fault): readonly HostName[] {
  switch (fault.kind) {
    case 'partition':
      return fault.side;
    case 'cut':
      return [fault.a, fault.b];
    case 'loss':
    case 'delay':
      return [fault.from, fault.to].filter((host) => host !== undefined);
    case 'same-name':
      return [fault.host, fault.as];
    default:
      return 'host' in fault ? [fault.host] : [];
  }
}

function mapHosts(fault: Fault, rename: (host: HostName) => HostName): Fault {
  switch (fault.kind) {
    case 'partition':
      return { ...fault, side: fault.side.map(rename) };
    case 'cut':
      return { ...fault, a: rename(fault.a), b: rename(fault.b) };
    case 'loss':
    case 'delay': {
      const { from, to } = fault;
      return {
        ...fault,
        from: from === undefined ? undefined : rename(from),
        to: to === undefined ? undefined : rename(to),
      };
    }
    case 'same-name':
      return { ...fault, host: rename(fault.host), as: rename(fault.as) };
    default:
      return 'host' in fault ? { ...fault, host: rename(fault.host) } : fault;
  }
}

function numberOf(host: HostName): number {
  return Number(host.slice(1));
}
