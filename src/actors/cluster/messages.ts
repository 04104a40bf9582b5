import type { PartingReason } from '../../core/cluster/effects.js';
import type { OverlayMessage, PingMessage, Received } from '../../core/cluster/messages.js';
import type { MeshLink } from '../../core/cluster/peer.js';
import type { Endpoint } from '../../core/endpoint.js';
import type { Vips } from '../../core/vips.js';
import type { MeshEvent } from '../../ports/mesh.js';

/** To whom the transport speaks. */
export interface LinksMessage {
  readonly kind: 'events';
  readonly events: readonly MeshEvent[];
}

export type MembershipMessage =
  | { readonly kind: 'opened'; readonly link: MeshLink }
  | { readonly kind: 'closed'; readonly id: number }
  | { readonly kind: 'dial-failed'; readonly to: Endpoint }
  | { readonly kind: 'message'; readonly id: number; readonly message: OverlayMessage }
  /** The peer sent what no peer sends. */
  | { readonly kind: 'expel'; readonly id: number }
  /** A ping came by a link that is no neighbour's. */
  | { readonly kind: 'pinged'; readonly id: number }
  /** The neighbour is silent. */
  | { readonly kind: 'cut'; readonly id: number }
  | { readonly kind: 'tick' }
  | { readonly kind: 'leave'; done(): void };

export type PingerMessage =
  | { readonly kind: 'neighbour-up'; readonly link: MeshLink }
  | { readonly kind: 'neighbour-down'; readonly link: MeshLink }
  | { readonly kind: 'message'; readonly id: number; readonly message: PingMessage; readonly atMs: number }
  | { readonly kind: 'tick' };

export type GossipActorMessage =
  | { readonly kind: 'neighbour-up'; readonly link: MeshLink }
  | { readonly kind: 'neighbour-down'; readonly link: MeshLink; readonly why: PartingReason }
  /** What came in together. */
  | { readonly kind: 'messages'; readonly received: readonly Received[] }
  /** The hash of a neighbour's table. */
  | { readonly kind: 'hash'; readonly id: number; readonly hash: number }
  /** What this node has to offer. */
  | { readonly kind: 'serve'; readonly vips: Vips }
  /** Time to keep the members on the disk. */
  | { readonly kind: 'save' }
  | { readonly kind: 'tick' }
  | { readonly kind: 'leave'; done(): void };

/** Who came into reach and who is out of it. */
export interface MembersMessage {
  readonly kind: 'members';
  readonly found: readonly Endpoint[];
  readonly lost: readonly Endpoint[];
  readonly left: readonly Endpoint[];
  readonly dropped: readonly Endpoint[];
}

export type ReachabilityMessage =
  | MembersMessage
  /** Time to look for half-open connections to who is gone. */
  | { readonly kind: 'drop-handshakes' };
