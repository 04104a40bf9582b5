import type { EntryState } from '../core/data-plane/existing-entry.js';
import type { Address, Endpoint } from '../core/endpoint.js';

/** A connection as the client sees it: the original tuple. */
export interface Flow {
  readonly client: Endpoint;
  readonly vip: Endpoint;
}

/** A conntrack entry to make: packets of the flow go to `backend`, in SYN_SENT, with our mark. */
export interface Mapping extends Flow {
  readonly backend: Endpoint;
  /**
   * Source address the backend is to see; undefined keeps the client's. The source port stays the client's
   * unless the reply tuple would then clash with another connection: then the kernel picks one.
   */
  readonly source: Address | undefined;
  /** The flow's old entry, to be deleted first; left alone, and the new one not made, if it was replaced since. */
  readonly instead?: ConntrackEntry | undefined;
}

/** An entry as it stands in the kernel. */
export interface ConntrackEntry extends Flow {
  /** Where replies come from: the backend, or the VIP itself for an entry without NAT. */
  readonly backend: Endpoint;
  readonly state: EntryState;
  /** Whether we made it (its mark is ours). */
  readonly ours: boolean;
  /** The kernel's id of the entry; tells a new entry from an old one with the same tuple. */
  readonly id: number;
}

/**
 * `made`; `exists`: an entry with that original or reply tuple stands already, `entry` is the flow's own unless that
 * ended meanwhile; `full`: no room (ENOMEM,
 * table full); `error`: anything else, `code` names it.
 */
export type MapOutcome =
  | { readonly kind: 'made' }
  | { readonly kind: 'exists'; readonly entry: ConntrackEntry | undefined }
  | { readonly kind: 'full' }
  | { readonly kind: 'error'; readonly code: string };

/**
 * What happened to a handshake of ours: the backend's SYN-ACK came (`answered`), or its RST did
 * (`refused`). Silence is no event; whoever waits measures it.
 */
export interface HandshakeEvent extends Flow {
  readonly kind: 'answered' | 'refused';
  readonly backend: Endpoint;
  /** When the answer came by, on the port's monotonic clock, in milliseconds. */
  readonly atMs: number;
}

/**
 * The kernel's connection table. Requests are answered at once (netlink is synchronous: some microseconds
 * a request, one system call a batch); each batch is carried out in order.
 *
 * Events are lossy: a handshake is told at most once, and one whose answer came may never be told: `lost` is called
 * when we noticed that some were dropped, and the receiver then resynchronises; but an answer may also pass unseen,
 * e.g. while the rules that tell of it were gone. So the receiver looks up what is overdue before it takes silence
 * for failure.
 */
export interface Conntrack {
  /** Makes entries; the answer has one outcome per mapping, same order. */
  map(mappings: readonly Mapping[]): readonly MapOutcome[];
  /** The entry of each flow, or undefined where there is none. */
  lookup(flows: readonly Flow[]): readonly (ConntrackEntry | undefined)[];
  /** Deletes entries; one that is gone already, or replaced since (`id` differs), is left alone. */
  remove(entries: readonly ConntrackEntry[]): void;
  /** Our own entries that are still in a handshake (SYN_SENT). Walks the whole table: not for the path of a SYN. */
  handshakes(): readonly ConntrackEntry[];
  /** Replaces the receiver of events of our own entries. */
  observe(events: (events: readonly HandshakeEvent[]) => void, lost: () => void): void;
  /** Entries in the table and its limit. */
  usage(): { readonly count: number; readonly max: number };
  /** Deletes all of our entries; the answer is how many there were. */
  removeAll(): number;
  /** How many of our entries there are. Walks the whole table. */
  countOurs(): number;
}
