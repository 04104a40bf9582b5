import type { Peer } from '../core/cluster/peer.js';
import { addressOf, type Endpoint, endpoint, portOf } from '../core/endpoint.js';

/**
 * The three frames before a link stands, big-endian. Each begins with `MMsh`, the version and its kind:
 *
 * - challenge, from the listener: 32 random octets
 * - hello, from the dialler: 32 random octets, whom it dials (6 octets), who it is, its proof (32 octets)
 * - welcome, from the listener: who it is, its proof (32 octets)
 *
 * "Who it is": endpoint (6 octets), instance (6), length of the name (1), name. `signed` is the frame without its
 * proof, as it stood on the wire.
 */
export type HandshakeFrame =
  | { readonly kind: 'challenge'; readonly signed: Uint8Array }
  | {
      readonly kind: 'hello';
      readonly to: Endpoint;
      readonly peer: Peer;
      readonly signed: Uint8Array;
      readonly proof: Uint8Array;
    }
  | {
      readonly kind: 'welcome';
      readonly peer: Peer;
      readonly signed: Uint8Array;
      readonly proof: Uint8Array;
    };

const PROTOCOL_VERSION = 1;
export const NONCE_BYTES = 32;
export const PROOF_BYTES = 32;

const MAGIC = Buffer.from('MMsh', 'latin1');
const HEAD_BYTES = MAGIC.length + 2;
const ENDPOINT_BYTES = 6;
const INSTANCE_BYTES = 6;
const MAX_NAME_BYTES = 64;
const NAME = /^[A-Za-z0-9][\w.-]*$/;

const KINDS = ['challenge', 'hello', 'welcome'] as const;

/** No handshake frame is longer. */
export const MAX_HANDSHAKE_BYTES =
  HEAD_BYTES +
  NONCE_BYTES +
  ENDPOINT_BYTES +
  ENDPOINT_BYTES +
  INSTANCE_BYTES +
  1 +
  MAX_NAME_BYTES +
  PROOF_BYTES;

/** Whether a node of this name can say so in a handshake. */
export function isPeerName(name: string): boolean {
  return name.length <= MAX_NAME_BYTES && NAME.test(name);
}

export function encodeChallenge(nonce: Uint8Array): Uint8Array {
  return Buffer.concat([head('challenge'), nonce]);
}

/** A hello without its proof, which follows. */
export function encodeHello(nonce: Uint8Array, to: Endpoint, self: Peer): Uint8Array {
  return Buffer.concat([head('hello'), nonce, encodeEndpoint(to), encodePeer(self)]);
}

/** A welcome without its proof, which follows. */
export function encodeWelcome(self: Peer): Uint8Array {
  return Buffer.concat([head('welcome'), encodePeer(self)]);
}

/** Reads a frame of this version; `version` for one of another, `garbage` for anything else. */
export function decodeHandshake(frame: Uint8Array): HandshakeFrame | 'version' | 'garbage' {
  if (frame.length < HEAD_BYTES || frame.length > MAX_HANDSHAKE_BYTES) return 'garbage';
  const buffer = Buffer.from(frame.buffer, frame.byteOffset, frame.length);
  if (buffer.compare(MAGIC, 0, MAGIC.length, 0, MAGIC.length) !== 0) return 'garbage';
  if (buffer[MAGIC.length] !== PROTOCOL_VERSION) return 'version';
  switch (KINDS[buffer[MAGIC.length + 1]!]) {
    case 'challenge':
      return buffer.length === HEAD_BYTES + NONCE_BYTES ? { kind: 'challenge', signed: buffer } : 'garbage';
    case 'hello': {
      const at = HEAD_BYTES + NONCE_BYTES;
      const peer = decodePeer(buffer, at + ENDPOINT_BYTES);
      if (peer === undefined) return 'garbage';
      return { kind: 'hello', to: decodeEndpoint(buffer, at), peer, ...split(buffer) };
    }
    case 'welcome': {
      const peer = decodePeer(buffer, HEAD_BYTES);
      return peer === undefined ? 'garbage' : { kind: 'welcome', peer, ...split(buffer) };
    }
    default:
      return 'garbage';
  }
}

function head(kind: (typeof KINDS)[number]): Uint8Array {
  return Buffer.concat([MAGIC, Buffer.from([PROTOCOL_VERSION, KINDS.indexOf(kind)])]);
}

function encodeEndpoint(value: Endpoint): Uint8Array {
  const buffer = Buffer.alloc(ENDPOINT_BYTES);
  buffer.writeUInt32BE(addressOf(value), 0);
  buffer.writeUInt16BE(portOf(value), 4);
  return buffer;
}

function decodeEndpoint(buffer: Buffer, at: number): Endpoint {
  return endpoint(buffer.readUInt32BE(at), buffer.readUInt16BE(at + 4));
}

function encodePeer({ endpoint, instance, name }: Peer): Uint8Array {
  const tail = Buffer.alloc(INSTANCE_BYTES + 1 + name.length);
  tail.writeUIntBE(instance, 0, INSTANCE_BYTES);
  tail[INSTANCE_BYTES] = name.length;
  tail.write(name, INSTANCE_BYTES + 1, 'latin1');
  return Buffer.concat([encodeEndpoint(endpoint), tail]);
}

/** The peer that `buffer` tells of from `at` to its proof; undefined unless it ends exactly there. */
function decodePeer(buffer: Buffer, at: number): Peer | undefined {
  const nameAt = at + ENDPOINT_BYTES + INSTANCE_BYTES + 1;
  const nameBytes = buffer.length - PROOF_BYTES - nameAt;
  if (nameBytes < 1 || buffer[nameAt - 1] !== nameBytes) return undefined;
  const name = buffer.toString('latin1', nameAt, nameAt + nameBytes);
  if (!isPeerName(name)) return undefined;
  return {
    endpoint: decodeEndpoint(buffer, at),
    instance: buffer.readUIntBE(at + ENDPOINT_BYTES, INSTANCE_BYTES),
    name,
  };
}

function split(buffer: Buffer): { readonly signed: Uint8Array; readonly proof: Uint8Array } {
  const at = buffer.length - PROOF_BYTES;
  return { signed: buffer.subarray(0, at), proof: buffer.subarray(at) };
}
