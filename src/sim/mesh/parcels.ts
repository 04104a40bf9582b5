/** Its length, and what it is. */
const HEAD_OCTETS = 5;

/** What goes over a line: who one is, a frame of the link's users, or why one hangs up. */
export type ParcelKind = 'hello' | 'frame' | 'bye';

const KINDS: readonly ParcelKind[] = ['hello', 'frame', 'bye'];

export interface Parcel {
  readonly kind: ParcelKind;
  readonly content: Uint8Array;
}

export function packed(kind: ParcelKind, content: Uint8Array): Uint8Array {
  const { length } = content;
  const bytes = new Uint8Array(HEAD_OCTETS + length);
  bytes[0] = length >>> 24;
  bytes[1] = length >>> 16;
  bytes[2] = length >>> 8;
  bytes[3] = length;
  bytes[4] = KINDS.indexOf(kind);
  bytes.set(content, HEAD_OCTETS);
  return bytes;
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

const NOTHING = new Uint8Array(0);
/** V8 keeps arrays of up to 64 octets in its heap until somebody asks for a view of one: a copy is cheaper then. */
const SHORT = 64;

/** Puts parcels together again from whatever pieces a byte stream delivers them in. */
export class ParcelReader {
  private readonly most: number;
  private waiting = NOTHING;

  /** Parcels of more than `most` octets are refused. */
  constructor(most: number) {
    this.most = most;
  }

  /**
   * The parcels that are complete now, or undefined when the peer sends what is none. Long ones lie in `bytes` where they
   * came whole, which nobody writes to once it is sent.
   */
  add(bytes: Uint8Array): Parcel[] | undefined {
    let all = bytes;
    if (this.waiting.length > 0) {
      all = new Uint8Array(this.waiting.length + bytes.length);
      all.set(this.waiting);
      all.set(bytes, this.waiting.length);
    }
    const parcels: Parcel[] = [];
    let at = 0;
    while (all.length - at >= HEAD_OCTETS) {
      const length = lengthAt(all, at);
      const kind = KINDS[all[at + 4]!];
      if (length > this.most || kind === undefined) return undefined;
      const end = at + HEAD_OCTETS + length;
      if (all.length < end) break;
      const content = length < SHORT ? all.slice(at + HEAD_OCTETS, end) : all.subarray(at + HEAD_OCTETS, end);
      parcels.push({ kind, content });
      at = end;
    }
    this.waiting = at === all.length ? NOTHING : all.slice(at);
    return parcels;
  }
}
