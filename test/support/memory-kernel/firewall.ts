import type { Firewall, FirewallPlan, FirewallResult, RuleName } from '../../../src/ports/firewall.js';
import type { Clock, Timers } from '../../../src/ports/time.js';
import type { MemoryAddressSet } from './address-set.js';
import { OneCall } from './one-call.js';

export const ALL_RULES: readonly RuleName[] = [
  'raw/OUTPUT',
  'raw/PREROUTING',
  'answers/INPUT',
  'answers/FORWARD',
  'answers/OUTPUT',
  'filter/OUTPUT',
  'filter/FORWARD',
  'nat hooks',
];

export class MemoryFirewall implements Firewall {
  readonly rules = new Set<RuleName>();
  readonly port: OneCall;
  /** Whether there is something to refresh; false once somebody else took it away. */
  beatable = false;
  lastBeatMs: number | undefined;
  readonly #time: Clock & Timers;
  readonly #set: MemoryAddressSet;
  #changes = 0;

  constructor(time: Clock & Timers, set: MemoryAddressSet) {
    this.port = new OneCall(time);
    this.#time = time;
    this.#set = set;
  }

  fingerprint(): string {
    return String(this.#changes);
  }

  ensure(plan: FirewallPlan, done: (result: FirewallResult<readonly RuleName[]>) => void): void {
    this.port.run(() => {
      if (this.#set.size(plan.ipset) === undefined) this.#set.sets.set(plan.ipset, new Set());
      this.beatable = true;
      this.lastBeatMs = this.#time.nowMs();
      const missing = ALL_RULES.filter((rule) => !this.rules.has(rule));
      for (const rule of missing) this.rules.add(rule);
      if (missing.length > 0) this.#changes += 1;
      return { ok: true, value: missing };
    }, done);
  }

  remove(_plan: FirewallPlan, keepHooks: boolean, done: (result: FirewallResult<void>) => void): void {
    this.port.run(() => {
      for (const rule of ALL_RULES) if (!keepHooks || rule !== 'nat hooks') this.rules.delete(rule);
      this.#changes += 1;
      return { ok: true, value: undefined };
    }, done);
  }

  heartbeat(): boolean {
    if (this.beatable) this.lastBeatMs = this.#time.nowMs();
    return this.beatable;
  }

  /** Somebody else takes rules away; all of them unless told which. */
  flush(...rules: readonly RuleName[]): void {
    for (const rule of rules.length > 0 ? rules : ALL_RULES) this.rules.delete(rule);
    this.#changes += 1;
  }

  /** Somebody else changes something that is not ours. */
  touch(): void {
    this.#changes += 1;
  }
}
