import type { Endpoint } from '../../core/endpoint.js';

/**
 * Why a connection ended, as its program sees it: `done`: in order, or after it was closed here; `refused`: a RST
 * answered the SYN; `reset`: a RST ended it later; `timeout`: nobody answered, to the SYN or to data;
 * `abandoned`: aborted here; `unreachable`: no route, or no free port; `host-ended`: this machine did.
 */
export type CloseReason =
  | 'done'
  | 'refused'
  | 'reset'
  | 'timeout'
  | 'abandoned'
  | 'unreachable'
  | 'host-ended';

/** What a client's program is told of its connection. Nothing comes after `closed`. */
export interface ConnectionEvents {
  /** A SYN went out, the first one (1) before `connect` returns. One that is still held in a queue is not sent again. */
  syn?(attempt: number): void;
  /** `backend`: who answered, as that server itself says. */
  connected(backend: Endpoint): void;
  /** A message; `says` is what its sender put in: a listener that echoes tells whom it takes the client for. */
  data?(size: number, says: number): void;
  /** The other side sends no more; without this the connection is closed then. */
  ended?(): void;
  closed(why: CloseReason): void;
}

/** One end of a TCP connection in the hands of a program. */
export interface Connection {
  readonly local: Endpoint;
  readonly peer: Endpoint;
  /** Sends a message of so many octets; in vain once the connection is closed. */
  send(size: number, says?: number): void;
  /** Sends no more, but still receives. */
  finish(): void;
  /** Ends it in order; whatever still comes is answered with a RST. */
  close(): void;
  /** Ends it at once, with a RST if it stands. */
  abort(): void;
}

/** What a server's program does. */
export interface ListenerBehaviour {
  /**
   * `accept`: takes connections and echoes their messages; `refuse`: its port is closed, but what it has goes on;
   * `silent`: SYNs find no answer, nor do messages.
   */
  readonly answer: 'accept' | 'refuse' | 'silent';
  /** Milliseconds until a SYN is answered, on top of what the network takes. */
  readonly handshakeMs: number;
  /** Milliseconds until a message is echoed. */
  readonly echoMs: number;
  /** Whether it keeps its side open when the client has finished. */
  readonly staysOpen: boolean;
}

export const ACCEPTING: ListenerBehaviour = { answer: 'accept', handshakeMs: 0, echoMs: 0, staysOpen: false };

/** A server's program. */
export interface Listener {
  readonly at: Endpoint;
  /** Connections it has taken and not lost. */
  readonly connections: ReadonlySet<Connection>;
  become(behaviour: Partial<ListenerBehaviour>): void;
  /** The program ends: its connections are reset, its port is closed. */
  close(): void;
}
