import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Peer } from '../core/cluster/peer.js';
import type { Endpoint } from '../core/endpoint.js';
import type { Credentials } from './credentials.js';
import { decodeHandshake, encodeChallenge, encodeHello, encodeWelcome, NONCE_BYTES } from './hello.js';

/**
 * Why a handshake came to nothing. `garbage`: no frame that belongs here; `version`: a peer of another version;
 * `key`: it holds none of our keys, or nobody proved anything; `misdirected`: it means, or is, another endpoint than
 * the one dialled; `self`: it claims our own endpoint.
 */
export type HandshakeFault = 'garbage' | 'version' | 'key' | 'misdirected' | 'self';

export type HandshakeStep =
  | { readonly kind: 'send'; readonly frame: Uint8Array }
  /** The peer is who it says, as far as holding a key proves it; `frame`, if any, is still to be sent. */
  | { readonly kind: 'done'; readonly peer: Peer; readonly frame: Uint8Array | undefined }
  /** `peer`: who it claimed to be, for the log. */
  | { readonly kind: 'failed'; readonly fault: HandshakeFault; readonly peer: Peer | undefined };

/** One side of the handshake on one connection. After `done` or `failed` it is of no further use. */
export interface Handshake {
  receive(frame: Uint8Array): HandshakeStep;
}

/**
 * A proof is HMAC-SHA256 over the roles' label, the connection's binding and every frame so far: both nonces, both
 * endpoints, instances and names, whom the dialler dialled, and the version. The nonces make replays worthless, the
 * label reflections, and who relays the frames between two nodes makes them each other's link, never its own.
 *
 * The dialler proves itself first: a stranger who connects learns a random number, and nothing signed.
 */
const DIALLER = 'minuteman mesh dialler';
const LISTENER = 'minuteman mesh listener';

function proofOf(key: Uint8Array, label: string, binding: Uint8Array, frames: readonly Uint8Array[]): Buffer {
  const hmac = createHmac('sha256', key);
  // Lengths go in front, so that no octet can pass from one part to the next.
  for (const part of [Buffer.from(label, 'latin1'), binding, ...frames]) {
    hmac.update(Buffer.from([part.length >> 8, part.length & 255])).update(part);
  }
  return hmac.digest();
}

/** The key that made `proof`, or undefined. Takes as long whichever it was. */
function signerOf(
  { keys, binding }: Credentials,
  label: string,
  frames: readonly Uint8Array[],
  proof: Uint8Array,
): Uint8Array | undefined {
  let signer: Uint8Array | undefined;
  for (const key of keys) if (timingSafeEqual(proofOf(key, label, binding, frames), proof)) signer ??= key;
  return signer;
}

function failed(fault: HandshakeFault, peer?: Peer): HandshakeStep {
  return { kind: 'failed', fault, peer };
}

/** The side that connected. It waits for the challenge. */
export class DiallerHandshake implements Handshake {
  readonly #credentials: Credentials;
  readonly #to: Endpoint;
  #sofar: readonly Uint8Array[] | undefined;

  constructor(credentials: Credentials, to: Endpoint) {
    this.#credentials = credentials;
    this.#to = to;
  }

  /** Whether whoever answered said anything that a peer would say. */
  get challenged(): boolean {
    return this.#sofar !== undefined;
  }

  receive(octets: Uint8Array): HandshakeStep {
    const frame = decodeHandshake(octets);
    if (typeof frame === 'string') return failed(frame);
    const { self, keys, binding } = this.#credentials;
    if (this.#sofar === undefined) {
      if (frame.kind !== 'challenge') return failed('garbage');
      const hello = encodeHello(randomBytes(NONCE_BYTES), this.#to, self);
      // A copy: the frame is a view of what the socket read, and the transcript must not change with it.
      this.#sofar = [new Uint8Array(frame.signed), hello];
      const proof = proofOf(keys[0]!, DIALLER, binding, this.#sofar);
      return { kind: 'send', frame: Buffer.concat([hello, proof]) };
    }
    if (frame.kind !== 'welcome') return failed('garbage');
    const signer = signerOf(this.#credentials, LISTENER, [...this.#sofar, frame.signed], frame.proof);
    if (signer === undefined) return failed('key', frame.peer);
    if (frame.peer.endpoint !== this.#to) return failed('misdirected', frame.peer);
    return { kind: 'done', peer: frame.peer, frame: undefined };
  }
}

/** The side that was connected to. It begins, with `challenge`. */
export class ListenerHandshake implements Handshake {
  readonly challenge: Uint8Array;
  readonly #credentials: Credentials;

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
    this.challenge = encodeChallenge(randomBytes(NONCE_BYTES));
  }

  receive(octets: Uint8Array): HandshakeStep {
    const frame = decodeHandshake(octets);
    if (typeof frame === 'string') return failed(frame);
    if (frame.kind !== 'hello') return failed('garbage');
    const { self, binding } = this.#credentials;
    const sofar = [this.challenge, frame.signed];
    const signer = signerOf(this.#credentials, DIALLER, sofar, frame.proof);
    // Nothing of what it said counts, or is answered, before this.
    if (signer === undefined) return failed('key', frame.peer);
    if (frame.peer.endpoint === self.endpoint) return failed('self', frame.peer);
    if (frame.to !== self.endpoint) return failed('misdirected', frame.peer);
    const welcome = encodeWelcome(self);
    // Signed with the dialler's key, which both hold, whichever is the first here: while keys are exchanged node by
    // node, one direction of dialling suffices.
    const proof = proofOf(signer, LISTENER, binding, [...sofar, welcome]);
    return { kind: 'done', peer: frame.peer, frame: Buffer.concat([welcome, proof]) };
  }
}
