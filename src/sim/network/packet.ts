import type { Endpoint } from '../../core/endpoint.js';

/**
 * What a TCP segment says, as far as conntrack and the sockets care. A segment that carries data carries a whole
 * message of its connection.
 */
export type Segment = 'syn' | 'syn-ack' | 'ack' | 'data' | 'fin' | 'rst';

/** A TCP segment on its way. Plain data; hops that rewrite addresses make a new one. */
export interface Packet {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly segment: Segment;
  /** Of `data`: how many octets; latency grows with them where bandwidth is limited. */
  readonly size: number;
}
