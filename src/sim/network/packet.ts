import type { Endpoint } from '../../core/endpoint.js';

/**
 * What a TCP segment says, as far as conntrack and the sockets care. A segment that carries data carries a whole
 * message of its connection. All but `syn` acknowledge, and so may `rst`.
 */
export type Segment = 'syn' | 'syn-ack' | 'ack' | 'data' | 'fin' | 'rst';

/** A TCP segment on its way. Plain data; hops that rewrite addresses make a new one. */
export interface Packet {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly segment: Segment;
  /** Of `data`: how many octets; latency grows with them where bandwidth is limited. */
  readonly size: number;
  /** Its number in its sender's count, in which a SYN, a message and a FIN are one each; absent means 0. */
  readonly sequence?: number;
  /** The number its sender expects next. */
  readonly acknowledged?: number;
  /**
   * What a server's program says in it, out of reach of any translation: a `syn-ack` which endpoint answers, `data`
   * whom it takes the client for. Absent means 0.
   */
  readonly says?: number;
}
