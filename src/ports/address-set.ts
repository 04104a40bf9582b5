import type { Endpoint } from '../core/endpoint.js';
import type { FirewallResult } from './firewall.js';

/** The kernel set (`hash:ip,port`) that says which destinations are VIPs. */
export interface AddressSet {
  /**
   * Makes the set hold exactly `vips`: built aside, swapped in at once, so that a packet sees the old set
   * or the new one. Creates the set if it is missing. Answers later, once; one call at a time.
   */
  replace(name: string, vips: readonly Endpoint[], done: (result: FirewallResult<void>) => void): void;
  /** Adds and removes single entries of a set that stands; the answer is an error if it does not stand. */
  edit(
    name: string,
    added: readonly Endpoint[],
    removed: readonly Endpoint[],
    done: (result: FirewallResult<void>) => void,
  ): void;
  /** How many entries the set has, or undefined when there is no such set. Cheap; answers at once. */
  size(name: string): number | undefined;
  /** Deletes the set and what an interrupted `replace` left. Fails while a rule uses it. */
  destroy(name: string, done: (result: FirewallResult<void>) => void): void;
}
