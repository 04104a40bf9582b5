import type { Endpoint } from '../../core/endpoint.js';
import type { HostName } from '../engine/journal.js';
import type { Connection, ConnectionEvents, Listener, ListenerBehaviour } from '../kernel/connection.js';

/** What client and server programs ask of their host's kernel. */
export interface Sockets {
  connect(to: Endpoint, events: ConnectionEvents, options?: { readonly port?: number }): Connection;
  listen(at: Endpoint, behaviour?: Partial<ListenerBehaviour>): Listener;
}

/** A host that programs run on. */
export interface Site {
  readonly name: HostName;
  readonly sockets: Sockets;
}
