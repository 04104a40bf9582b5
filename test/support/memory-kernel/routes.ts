import type { Route } from '../../../src/core/data-plane/source-address.js';
import { type Address, parseAddress } from '../../../src/core/endpoint.js';
import type { Routes } from '../../../src/ports/routes.js';

/** A host with one address of its own; everything else lies behind one interface. */
export class MemoryRoutes implements Routes {
  own: Address = parseAddress('10.0.0.1')!;
  unroutable: Address | undefined;
  lookups = 0;
  #changed: () => void = () => {};

  lookup(destination: Address): Route | undefined {
    this.lookups += 1;
    if (destination === this.unroutable) return undefined;
    return { local: destination === this.own, outInterface: 2, source: this.own };
  }

  onChange(changed: () => void): void {
    this.#changed = changed;
  }

  change(own: Address): void {
    this.own = own;
    this.#changed();
  }
}
