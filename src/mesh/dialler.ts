import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { WebSocket } from 'ws';
import type { Peer } from '../core/cluster/peer.js';
import { addressOf, type Endpoint, formatAddress, formatEndpoint, portOf } from '../core/endpoint.js';
import type { DialFailure } from '../ports/mesh.js';
import { Channel, socketOptions } from './channel.js';
import { credentialsFor } from './credentials.js';
import { DiallerHandshake, type HandshakeFault } from './handshake.js';
import { Refusals } from './refusals.js';
import { MAX_HEAD_BYTES, MESH_PATH, type MeshSettings, TLS_VERSION } from './settings.js';
import type { TlsIdentity } from './tls-files.js';

export interface DialOutcome {
  opened(channel: Channel, peer: Peer): void;
  failed(why: DialFailure): void;
}

/** What the kernel says of a connection that never was; anything else is `unreachable`. */
const FAILURES: Readonly<Record<string, DialFailure>> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'refused',
  ETIMEDOUT: 'timeout',
};

/** `is`: the endpoint that answered, as it claims. */
const WHY: Readonly<Record<HandshakeFault, (is: string | undefined) => string>> = {
  garbage: () => 'answers what no peer answers',
  version: () => 'speaks another version of the mesh',
  key: () => 'holds none of our keys; is its key file the same as ours?',
  misdirected: (is) => `is ${is} in truth; dial that, or mend node.address there`,
  self: () => 'is this node itself',
};

/** What went wrong with TLS, by Node's code: the other side ended it, or this one did not like what it was shown. */
function whyNotOverTls(code: string): string {
  if (code === 'ECONNRESET' || code.includes('ALERT'))
    return 'broke off the TLS handshake; has our certificate expired, or is its authority not trusted there? Its log says why';
  if (code.startsWith('ERR_SSL') || code === 'EPROTO')
    return 'does not speak TLS as we do; has it mesh.tls, too?';
  return 'has no certificate that we trust; is mesh.tls.ca its authority, does it name that address (subjectAltName IP)?';
}

/** Connects to other nodes, from the node's own address, and hands on what proved itself. */
export class Dialler {
  readonly #settings: MeshSettings;
  readonly #refusals: Refusals;
  readonly #under = new Set<Channel>();
  #identity: TlsIdentity | undefined;

  constructor(settings: MeshSettings) {
    this.#settings = settings;
    this.#refusals = new Refusals(settings.log, settings.clock);
    this.#identity = settings.tls;
  }

  /** For connections from now on. */
  useIdentity(identity: TlsIdentity): void {
    this.#identity = identity;
  }

  /** Answers by exactly one of `outcome`'s methods, never before it returns. */
  dial(to: Endpoint, timeoutMs: number, outcome: DialOutcome): void {
    const { limits } = this.#settings;
    const socket = this.#connect(to);
    socket.on('error', () => {});
    let connected = false;
    let handshake: DiallerHandshake | undefined;
    let settled = false;
    const settle = (): boolean => {
      if (settled) return false;
      settled = true;
      clearTimeout(timer);
      this.#under.delete(channel);
      return true;
    };
    const fail = (why: DialFailure): void => {
      if (!settle()) return;
      channel.abort();
      outcome.failed(why);
    };
    const timer = setTimeout(() => fail('timeout'), Math.max(timeoutMs, 1));

    const ws = new WebSocket(`ws://${formatEndpoint(to)}${MESH_PATH}`, {
      ...socketOptions(limits.maxFrameBytes),
      maxHeaderSize: MAX_HEAD_BYTES,
      createConnection: () => socket,
    });
    const channel = new Channel(ws, 'client', socket, {
      // Somebody who had not even challenged us was about to end, or overrun; else it did not like our proof.
      ended: (how) => {
        if (how === 'unproved') this.#turnedAway(to);
        fail(how === 'reset' && !handshake?.challenged ? 'refused' : 'unauthenticated');
      },
      frame: (frame) => {
        const step = handshake!.receive(frame);
        if (step.kind === 'send') return channel.send(step.frame);
        if (step.kind === 'failed') {
          const is = step.peer && formatEndpoint(step.peer.endpoint);
          this.#refusals.tell(
            step.fault,
            `mesh: ${formatEndpoint(to)} ${WHY[step.fault](is)}`,
            formatEndpoint(to),
          );
          return fail('unauthenticated');
        }
        // The certificate was checked against the address that was dialled, when TLS began.
        if (settle()) outcome.opened(channel, step.peer);
      },
    });
    this.#under.add(channel);
    socket.once('connect', () => {
      connected = true;
    });
    ws.on('open', () => {
      handshake = new DiallerHandshake(credentialsFor(this.#settings.self, this.#settings.keys, socket), to);
    });
    // Until it is open; then the channel hears of everything first.
    ws.on('error', (error) => {
      const code = error.code ?? '';
      if (!connected) fail(FAILURES[code] ?? 'unreachable');
      else if (this.#identity === undefined) fail(code === 'ECONNRESET' ? 'refused' : 'unauthenticated');
      else {
        if (!settled) this.#tlsFailed(to, code);
        fail('unauthenticated');
      }
    });
  }

  /** Forgets what is under way; nothing is answered. */
  close(): void {
    for (const channel of this.#under) channel.abort();
    this.#under.clear();
  }

  /** Why exactly, the other side tells its own operator only. */
  #turnedAway(to: Endpoint): void {
    const place = formatEndpoint(to);
    const message = `mesh: ${place} does not take us for a member; is its key file the same as ours? Its log says why`;
    this.#refusals.tell('turned away', message, place);
  }

  #tlsFailed(to: Endpoint, code: string): void {
    const why = whyNotOverTls(code);
    const place = formatEndpoint(to);
    this.#refusals.tell(why, `mesh: ${place} ${why} (${code || 'unknown error'})`, place);
  }

  #connect(to: Endpoint): Socket {
    const where = {
      host: formatAddress(addressOf(to)),
      port: portOf(to),
      localAddress: formatAddress(addressOf(this.#settings.self.endpoint)),
      noDelay: true,
    };
    if (this.#identity === undefined) return connect(where);
    return connectTls({ ...where, ...this.#identity, minVersion: TLS_VERSION });
  }
}
