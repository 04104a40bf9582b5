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
  const bytes = new Uint8Array(HEAD_OCTETS + content.length);
  new DataView(bytes.buffer).setUint32(0, content.length);
  bytes[4] = KINDS.indexOf(kind);
  bytes.set(content, HEAD_OCTETS);
  return bytes;
}

/** Puts parcels together again from whatever pieces a byte stream delivers them in. */
export class ParcelReader {
  private readonly most: number;
  private waiting = new Uint8Array(0);

  /** Parcels of more than `most` octets are refused. */
  constructor(most: number) {
    this.most = most;
  }

  /** The parcels that are complete now, or undefined when the peer sends what is none. */
  add(bytes: Uint8Array): Parcel[] | undefined {
    let rest = bytes;
    if (this.waiting.length > 0) {
      rest = new Uint8Array(this.waiting.length + bytes.length);
      rest.set(this.waiting);
      rest.set(bytes, this.waiting.length);
    }
    const parcels: Parcel[] = [];
    while (rest.length >= HEAD_OCTETS) {
      const length = new DataView(rest.buffer, rest.byteOffset).getUint32(0);
      const kind = KINDS[rest[4]!];
      if (length > this.most || kind === undefined) return undefined;
      const end = HEAD_OCTETS + length;
      if (rest.length < end) break;
      parcels.push({ kind, content: rest.slice(HEAD_OCTETS, end) });
      rest = rest.subarray(end);
    }
    this.waiting = rest.slice();
    return parcels;
  }
}
