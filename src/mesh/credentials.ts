import type { Socket } from 'node:net';
import { checkServerIdentity, TLSSocket } from 'node:tls';
import type { Peer } from '../core/cluster/peer.js';
import { addressOf, formatAddress } from '../core/endpoint.js';

/** What both sides need to prove themselves on one connection. */
export interface Credentials {
  readonly self: Peer;
  /** Each proves membership; the first signs. Never empty. */
  readonly keys: readonly Uint8Array[];
  /** What only the two ends of this very connection know (of TLS), or empty: a proof cannot be moved to another. */
  readonly binding: Uint8Array;
}

/** A purpose of its own, so that the octets are no other protocol's (RFC 5705). */
const EXPORTER = 'EXPORTER-minuteman-mesh';
const BINDING_BYTES = 32;

/**
 * What this node proves itself with on a connection. Over TLS both ends derive the same octets from the session, which
 * nobody between them knows: they bind the proofs to it, and are the key themselves where no other is configured.
 */
export function credentialsFor(
  self: Peer,
  keys: (() => readonly Uint8Array[]) | undefined,
  socket: Socket,
): Credentials {
  if (socket instanceof TLSSocket) {
    const binding = socket.exportKeyingMaterial(BINDING_BYTES, EXPORTER, Buffer.alloc(0));
    return { self, binding, keys: keys?.() ?? [binding] };
  }
  if (keys === undefined) throw new Error('a mesh needs keys or TLS');
  return { self, binding: new Uint8Array(), keys: keys() };
}

/** Why the certificate that came with the connection does not entitle to be `peer`, or undefined if it does. */
export function certificateFault(socket: Socket, peer: Peer): string | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const address = formatAddress(addressOf(peer.endpoint));
  const fault = checkServerIdentity(address, socket.getPeerCertificate());
  return fault && 'has a certificate for another address; it must name node.address (subjectAltName IP)';
}
