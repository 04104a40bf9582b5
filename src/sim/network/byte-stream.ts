import type { Endpoint } from '../../core/endpoint.js';

/**
 * How a stream ended that its own program did not end. `end`: the other program closed it or was killed;
 * `reset`: the other kernel knows nothing of it (any more), or somebody cut it; `timeout`: what was sent was not
 * acknowledged for a quarter of an hour.
 */
export type StreamClosed = 'end' | 'reset' | 'timeout';

/** What a program hears of its stream, each by its own `Process.enter`. Nothing comes after `closed`. */
export interface StreamEvents {
  /** The receiver owns the octets. Where one `data` ends and the next begins means nothing. */
  data(bytes: Uint8Array): void;
  closed(why: StreamClosed): void;
  /** After a `send` that answered false: less than the low-water mark is unacknowledged again. */
  drain?(): void;
}

/** `refused`: nobody listens there; `timeout`: seven SYNs in 127 s found no answer; `unreachable`: no such address. */
export type DialFailed = 'refused' | 'timeout' | 'unreachable';

/** For a stream that one asked for: exactly one of `connected` and `failed` comes first. */
export interface DialEvents extends StreamEvents {
  connected(): void;
  failed(why: DialFailed): void;
}

/**
 * A program's end of a connection between two programs: reliable, in order, octets only. A stream knows nothing
 * of its other end but what the network tells: while packets vanish there is silence, retransmission after 200 ms,
 * 400 ms and so on up to two minutes, and after a quarter of an hour `closed('timeout')` for who had sent
 * something. Whoever sent nothing is never told.
 */
export interface ByteStream {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Octets handed to `send` that the other kernel has not acknowledged. */
  readonly buffered: number;
  /**
   * Copies the octets and sends them, also before the stream is connected. False: much is unacknowledged, and
   * `drain` comes. After the end of the stream nothing happens.
   */
  send(bytes: Uint8Array): boolean;
  /** Ends it after what was sent; the program hears no more of it. What still comes from the other end is reset. */
  close(): void;
  /** Ends it at once with a RST that may get lost; what was not sent is not. */
  abort(): void;
}
