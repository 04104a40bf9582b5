import type { Endpoint } from '../endpoint.js';
import type { Message } from './messages.js';
import type { CloseReason, MeshLink } from './peer.js';

export interface SendEffect {
  readonly kind: 'send';
  /** The link's id. */
  readonly id: number;
  readonly message: Message;
}

export interface LogEffect {
  readonly kind: 'log';
  readonly level: 'debug' | 'info' | 'warn';
  readonly event: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** How a neighbour was lost. `died`: silence, or its link broke; the others: it lives and is somebody else's neighbour. */
export type PartingReason = 'died' | 'evicted' | 'disconnected' | 'replaced';

/** What the membership wants done, in order. */
export type OverlayEffect =
  | SendEffect
  | LogEffect
  | { readonly kind: 'dial'; readonly to: Endpoint; readonly timeoutMs: number }
  | { readonly kind: 'close'; readonly id: number; readonly reason: CloseReason }
  | { readonly kind: 'neighbour-up'; readonly link: MeshLink }
  | { readonly kind: 'neighbour-down'; readonly link: MeshLink; readonly why: PartingReason };

/** What the failure detector wants done. */
export type DetectorEffect =
  | SendEffect
  /** The neighbour on this link is silent: the membership cuts it. */
  | { readonly kind: 'cut'; readonly id: number; readonly silentMs: number };

/** What the gossip wants done. */
export type GossipEffect =
  | SendEffect
  | LogEffect
  /** The epoch was raised: keep it on disk. */
  | { readonly kind: 'epoch'; readonly epoch: number }
  /** Who can be reached changed. Paths to `found` came into being, those to `lost` broke, `left` went in good order, `dropped` were dead for too long. */
  | {
      readonly kind: 'members';
      readonly found: readonly Endpoint[];
      readonly lost: readonly Endpoint[];
      readonly left: readonly Endpoint[];
      readonly dropped: readonly Endpoint[];
    }
  /** What `origin` serves changed, in the table. */
  | { readonly kind: 'advert'; readonly origin: Endpoint };
