/** Which packets go where: the rules that intercept SYNs towards VIPs and refuse those left unmapped. */
export interface FirewallPlan {
  readonly ipset: string;
  readonly firstQueue: number;
  readonly queues: number;
}

/** A rule as an operator would name it, e.g. `raw/OUTPUT`. */
export type RuleName = 'raw/OUTPUT' | 'raw/PREROUTING' | 'filter/OUTPUT' | 'filter/FORWARD' | 'nat hooks';

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
  /** Makes the rules stand exactly once each, first in their chains; answers which were missing or wrong. */
  ensure(plan: FirewallPlan, done: (result: FirewallResult<readonly RuleName[]>) => void): void;
  /**
   * Takes our rules away. The hooks that established connections need stay while `keepHooks`.
   */
  remove(plan: FirewallPlan, keepHooks: boolean, done: (result: FirewallResult<void>) => void): void;
}
