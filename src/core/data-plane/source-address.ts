import type { Address } from '../endpoint.js';

/** A network such as 172.17.0.0/16. */
export interface Network {
  readonly base: Address;
  readonly prefixLength: number;
}

export function inNetwork(address: Address, network: Network): boolean {
  const size = 2 ** (32 - network.prefixLength);
  return Math.floor(address / size) === Math.floor(network.base / size);
}

/** The way to an address from this host. */
export interface Route {
  /** Whether the address is this host's own. */
  readonly local: boolean;
  /** Index of the interface packets leave by. */
  readonly outInterface: number;
  /** The source address the kernel prefers on that route. */
  readonly source: Address;
}

/**
 * The source address the backend is to see instead of the client's, or undefined to keep the client's.
 *
 * - A client on this host chose its address by the route to the VIP; the route to the backend may prefer
 *   another one, and answers to the first could go astray. So it gets the one that route prefers, which for
 *   a backend on this host is an address of this host.
 * - A client elsewhere keeps its address, so that the backend knows it, except when the packet goes back out
 *   of the interface it came in by: client and backend are then neighbours, and the backend's answer would
 *   reach the client past this host, from an address the client never called.
 * - Clients in a network that only this host knows (a container bridge without routes from elsewhere) are
 *   replaced, as the operator says with `masquerade`.
 */
export function sourceTowards(
  client: Address,
  inInterface: number,
  route: Route | undefined,
  masquerade: readonly Network[],
): Address | undefined {
  if (route === undefined) return undefined;
  if (inInterface === 0) return route.source === client ? undefined : route.source;
  if (route.local) return undefined;
  if (route.outInterface === inInterface) return route.source;
  return masquerade.some((network) => inNetwork(client, network)) ? route.source : undefined;
}

/**
 * Whether connections of a client can be led to a backend at all: the kernel takes no packet for 127.0.0.0/8
 * from any wire, so a backend on this host's loopback is for clients on this host.
 */
export function withinReach(backend: Address, inInterface: number): boolean {
  return inInterface === 0 || Math.floor(backend / 2 ** 24) !== 127;
}
