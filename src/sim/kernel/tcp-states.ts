import type { Segment } from '../network/packet.js';

/*
 * How conntrack follows a TCP connection: the table, timeouts and names of Linux' nf_conntrack_proto_tcp.c.
 */

/** States by their number in the kernel, as `ENTRY_STATES` names them. */
export const NONE = 0;
export const SYN_SENT = 1;
export const SYN_RECV = 2;
export const ESTABLISHED = 3;
export const FIN_WAIT = 4;
export const LAST_ACK = 6;
export const TIME_WAIT = 7;
export const CLOSE = 8;
export const SYN_SENT2 = 9;
/** The packet has no place in the connection; it passes without it, untranslated. */
export const INVALID = 10;
/** The packet may be out of place; it passes and changes nothing. */
export const IGNORE = 11;

/** Seconds that an entry lives after its last packet, by state. */
export const TIMEOUT_SECONDS: readonly number[] = [120, 120, 60, 432_000, 120, 60, 30, 120, 10, 120];

/** At most so long for a connection that was picked up on its way, until it is answered. */
export const UNACKNOWLEDGED_SECONDS = 300;

const IV = INVALID;
const IG = IGNORE;

/** New state by segment (syn, syn-ack, fin, ack, rst) and old state. */
const ORIGINAL: readonly (readonly number[])[] = [
  /* syn     */ [1, 1, IG, IG, IG, IG, IG, 1, 1, 9],
  /* syn-ack */ [IV, IV, 2, IV, IV, IV, IV, IV, IV, 2],
  /* fin     */ [IV, IV, 4, 4, 6, 6, 6, 7, 8, IV],
  /* ack     */ [3, IV, 3, 3, 5, 5, 7, 7, 8, IV],
  /* rst     */ [IV, 8, 8, 8, 8, 8, 8, 8, 8, 8],
];
const REPLY: readonly (readonly number[])[] = [
  /* syn     */ [IV, 9, IV, IV, IV, IV, IV, 1, IV, 9],
  /* syn-ack */ [IV, 2, IG, IG, IG, IG, IG, IG, IG, 2],
  /* fin     */ [IV, IV, 4, 4, 6, 6, 6, 7, 8, IV],
  /* ack     */ [IV, IG, 2, 3, 5, 5, 7, 7, 8, IG],
  /* rst     */ [IV, 8, 8, 8, 8, 8, 8, 8, 8, 8],
];

export const SYN_INDEX = 0;
export const SYN_ACK_INDEX = 1;
export const ACK_INDEX = 3;
export const RST_INDEX = 4;

export function indexOf(segment: Segment): number {
  switch (segment) {
    case 'syn':
      return SYN_INDEX;
    case 'syn-ack':
      return SYN_ACK_INDEX;
    case 'fin':
      return 2;
    case 'rst':
      return RST_INDEX;
    default:
      return ACK_INDEX;
  }
}

export function nextState(reply: boolean, index: number, state: number): number {
  return (reply ? REPLY : ORIGINAL)[index]![state]!;
}
