import type { Firewall, FirewallPlan, FirewallResult, RuleName } from '../../../src/ports/firewall.js';
import type { Timers } from '../../../src/ports/time.js';
import type { MemoryAddressSet } from './address-set.js';
import { OneCall } from './one-call.js';

export const ALL_RULES: readonly RuleName[] = [
  'raw/OUTPUT',
  'raw/PREROUTING',
  'filter/OUTPUT',
  'filter/FORWARD',
  'nat hooks',
];

export class MemoryFirewall implements Firewall {
  readonly rules = new Set<RuleName>();
  readonly port: OneCall;
  readonly #set: MemoryAddressSet;
  #changes = 0;

  constructor(timers: Timers, set: MemoryAddressSet) {
    this.port = new OneCall(timers);
    this.#set = set;
  }

  fingerprint(): string {
    return String(this.#changes);
  }

  ensure(plan: FirewallPlan, done: (result: FirewallResult<readonly RuleName[]>) => void): void {
    this.port.run(() => {
      if (this.#set.size(plan.ipset) === undefined)
        return { ok: false, code: 'ENOENT', message: `there is no set ${plan.ipset}` };
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
