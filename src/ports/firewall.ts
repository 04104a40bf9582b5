/**
 * Which packets go where: the rules that intercept SYNs towards VIPs, tell of the answers to those that were
 * mapped, and refuse those left unmapped.
 */
export interface FirewallPlan {
  readonly ipset: string;
  readonly firstQueue: number;
  readonly queues: number;
}

/** A rule as an operator would name it, e.g. `raw/OUTPUT`. */
export type RuleName =
  | 'raw/OUTPUT'
  | 'raw/PREROUTING'
  | 'answers/INPUT'
  | 'answers/FORWARD'
  | 'answers/OUTPUT'
  | 'filter/OUTPUT'
  | 'filter/FORWARD'
  | 'nat hooks';

export type FirewallResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: string; readonly message: string };

/**
 * The packet filter. `fingerprint` is cheap and answers at once; the others run tools that may wait for
 * the xtables lock, and answer later, once. At most one of them runs at a time: callers wait for the answer.
 */
export interface Firewall {
  /** Changes whenever anybody changed the rules; equal readings may still (rarely) hide a change. */
  fingerprint(): string;
  /**
   * Makes the rules stand exactly once each, inserted first in their chains; one that others have put rules
   * before since then stays where it is. Makes sets that the rules name and that do not stand, empty. Counts
   * as a heartbeat. Answers which rules were missing, duplicated or of another plan.
   */
  ensure(plan: FirewallPlan, done: (result: FirewallResult<readonly RuleName[]>) => void): void;
  /**
   * Takes our rules away, also those of another plan. The hooks that established connections need stay
   * while `keepHooks`.
   */
  remove(plan: FirewallPlan, keepHooks: boolean, done: (result: FirewallResult<void>) => void): void;
  /**
   * Says that somebody reads the queues. After three seconds without it the kernel queues no SYNs any more but
   * refuses them at once, so that a stopped daemon makes no client wait; the next one turns that round. Cheap;
   * answers at once. False when what it refreshes is gone: `ensure` puts it back.
   */
  heartbeat(plan: FirewallPlan): boolean;
}
