import type { Endpoint } from '../../../src/core/endpoint.js';
import type { AddressSet } from '../../../src/ports/address-set.js';
import type { FirewallResult } from '../../../src/ports/firewall.js';
import type { Timers } from '../../../src/ports/time.js';
import { OneCall } from './one-call.js';

const DONE = { ok: true, value: undefined } as const;

export class MemoryAddressSet implements AddressSet {
  readonly sets = new Map<string, Set<Endpoint>>();
  readonly port: OneCall;
  /** What was asked for, e.g. `replace 3` or `edit +1 -0`. */
  readonly journal: string[] = [];
  /** Whether a rule uses the set. */
  inUse: () => boolean = () => false;

  constructor(timers: Timers) {
    this.port = new OneCall(timers);
  }

  replace(name: string, vips: readonly Endpoint[], done: (result: FirewallResult<void>) => void): void {
    this.journal.push(`replace ${vips.length}`);
    this.port.run(() => {
      this.sets.set(name, new Set(vips));
      return DONE;
    }, done);
  }

  edit(
    name: string,
    added: readonly Endpoint[],
    removed: readonly Endpoint[],
    done: (result: FirewallResult<void>) => void,
  ): void {
    this.journal.push(`edit +${added.length} -${removed.length}`);
    this.port.run(() => {
      const set = this.sets.get(name);
      if (set === undefined) return { ok: false, code: 'ENOENT', message: `there is no set ${name}` };
      for (const vip of added) set.add(vip);
      for (const vip of removed) set.delete(vip);
      return DONE;
    }, done);
  }

  size(name: string): number | undefined {
    return this.sets.get(name)?.size;
  }

  destroy(name: string, done: (result: FirewallResult<void>) => void): void {
    this.journal.push('destroy');
    this.port.run(() => {
      if (this.inUse()) return { ok: false, code: 'EBUSY', message: `set ${name} is in use` };
      this.sets.delete(name);
      return DONE;
    }, done);
  }
}
