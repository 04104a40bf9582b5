import type { Route } from '../core/data-plane/source-address.js';
import type { Address } from '../core/endpoint.js';

/** The routing table. Answers at once (one netlink request). */
export interface Routes {
  /** The route to `destination`, or undefined if there is none. */
  lookup(destination: Address): Route | undefined;
  /** Replaces the receiver; called when routes, addresses or links changed. May be called too often, never too seldom. */
  onChange(changed: () => void): void;
}
