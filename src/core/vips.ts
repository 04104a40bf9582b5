import type { Endpoint } from './endpoint.js';

/** The desired state: each VIP with its backends. A VIP with no backend exists and refuses connections. */
export type Vips = ReadonlyMap<Endpoint, ReadonlySet<Endpoint>>;

/** What changes one `Vips` into another; an empty delta changes nothing. */
export interface VipsDelta {
  /** VIPs that are new or whose backends differ, with all of their backends. */
  readonly upserts: ReadonlyMap<Endpoint, ReadonlySet<Endpoint>>;
  readonly removed: readonly Endpoint[];
}

/** Something a source had to skip or doubt, said once to the operator: which item, and what to do. */
export interface SourceWarning {
  /** The task, line or key at fault, as the operator knows it. */
  readonly item: string;
  readonly reason: string;
}

export const NO_VIPS: Vips = new Map();

export function sameBackends(a: ReadonlySet<Endpoint>, b: ReadonlySet<Endpoint>): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const backend of a) if (!b.has(backend)) return false;
  return true;
}

export function diffVips(before: Vips, after: Vips): VipsDelta {
  const upserts = new Map<Endpoint, ReadonlySet<Endpoint>>();
  const removed: Endpoint[] = [];
  for (const [vip, backends] of after) {
    const old = before.get(vip);
    if (old === undefined || !sameBackends(old, backends)) upserts.set(vip, backends);
  }
  for (const vip of before.keys()) if (!after.has(vip)) removed.push(vip);
  return { upserts, removed };
}

export function applyDelta(vips: Vips, delta: VipsDelta): Vips {
  const next = new Map(vips);
  for (const [vip, backends] of delta.upserts) next.set(vip, backends);
  for (const vip of delta.removed) next.delete(vip);
  return next;
}

export function sameVips(a: Vips, b: Vips): boolean {
  if (a.size !== b.size) return false;
  for (const [vip, backends] of a) {
    const others = b.get(vip);
    if (others === undefined || !sameBackends(backends, others)) return false;
  }
  return true;
}
