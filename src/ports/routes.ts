import type { Address } from '../core/endpoint.js';

/** The way to an address from this host. */
export interface Route {
  /** Whether the address is this host's own. */
  readonly local: boolean;
  /** Index of the interface packets leave by. */
  readonly outInterface: number;
  /** The source address the kernel prefers on that way. */
  readonly source: Address;
}

/** The routing table. Answers at once (one netlink request). */
export interface Routes {
  /** The route to `destination`, or undefined if there is none. */
  lookup(destination: Address): Route | undefined;
  /** Replaces the receiver; called when routes, addresses or links changed. May be called too often, never too seldom. */
  onChange(changed: () => void): void;
}
