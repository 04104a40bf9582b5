import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Peer } from '../core/cluster/peer.js';
import { addressOf, formatAddress, formatEndpoint, portOf } from '../core/endpoint.js';
import { Channel, socketOptions } from './channel.js';
import { certificateFault, credentialsFor } from './credentials.js';
import { type HandshakeFault, ListenerHandshake } from './handshake.js';
import { MAX_HANDSHAKE_BYTES } from './hello.js';
import { Refusals } from './refusals.js';
import { MAX_HEAD_BYTES, MESH_PATH, type MeshSettings, TLS_VERSION } from './settings.js';
import type { TlsIdentity } from './tls-files.js';
import { WaitingRoom } from './waiting-room.js';

/** Octets a stranger may send after the upgrade: a hello, and the web socket's own headers. */
const MAX_STRANGER_BYTES = MAX_HANDSHAKE_BYTES + 64;

const WHY: Readonly<Record<HandshakeFault, string>> = {
  garbage: 'sent what no peer sends',
  version: 'speaks another version of the mesh',
  key: 'holds none of our keys; is its key file the same as ours?',
  misdirected: 'dialled another address than node.address here; contacts must name that',
  self: 'claims our own address and port; is node.address the same on two hosts?',
};

/**
 * Takes connections from outside and hands on those that proved themselves. Nothing else is served: any request that is
 * no upgrade at the one path gets a status and the end of its connection.
 */
export class Listener {
  readonly #settings: MeshSettings;
  readonly #opened: (channel: Channel, peer: Peer) => void;
  readonly #server: Server | TlsServer;
  readonly #upgrades: WebSocketServer;
  readonly #room: WaitingRoom;
  readonly #refusals: Refusals;

  /** `turnedAway` is called once for each connection that proved nothing. */
  constructor(
    settings: MeshSettings,
    opened: (channel: Channel, peer: Peer) => void,
    turnedAway: () => void,
  ) {
    this.#settings = settings;
    this.#opened = opened;
    this.#room = new WaitingRoom(settings.limits, turnedAway);
    this.#refusals = new Refusals(settings.log, settings.clock);
    this.#upgrades = new WebSocketServer({
      ...socketOptions(settings.limits.maxFrameBytes),
      noServer: true,
      clientTracking: false,
    });
    this.#server = this.#createServer();
  }

  /** Rejects with what is wrong, for the operator. */
  listen(): Promise<void> {
    const { endpoint } = this.#settings.self;
    const [host, port] = [formatAddress(addressOf(endpoint)), portOf(endpoint)];
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error: NodeJS.ErrnoException) =>
        reject(new Error(listenFault(formatEndpoint(endpoint), error.code ?? error.message))),
      );
      this.#server.listen({ host, port, backlog: 1024 }, () => {
        this.#server.removeAllListeners('error');
        this.#server.on('error', (error) =>
          this.#settings.log.event('error', 'mesh-listener', `mesh: ${error.message}`),
        );
        resolve();
      });
    });
  }

  /** For connections from now on. */
  useIdentity(identity: TlsIdentity): void {
    if ('setSecureContext' in this.#server) this.#server.setSecureContext(identity);
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#room.clear();
    });
  }

  #createServer(): Server | TlsServer {
    const { tls } = this.#settings;
    // The waiting room has all the deadlines that are needed.
    const http = { maxHeaderSize: MAX_HEAD_BYTES, requestTimeout: 0, headersTimeout: 0, noDelay: true };
    const server =
      tls === undefined
        ? createServer(http)
        : createTlsServer({
            ...http,
            ...tls,
            minVersion: TLS_VERSION,
            requestCert: true,
            rejectUnauthorized: true,
          });
    server.on('connection', (socket: Socket) => {
      socket.on('error', () => {});
      // Asked for now, it is remembered when the socket is gone.
      void socket.remoteAddress;
      this.#room.enter(socket);
    });
    server.on('tlsClientError', (_error: Error, socket: Socket) => {
      // The socket under it: this one, when Node ends it over the certificate, knows no address any more.
      const { _parent: raw = socket } = socket as Socket & { readonly _parent?: Socket };
      this.#refuse('offers no certificate that we trust', raw);
      socket.destroy();
    });
    server.on('request', (request, response) => {
      const status = request.url === MESH_PATH ? 426 : 404;
      response.writeHead(status, { Connection: 'close', 'Content-Length': 0 });
      response.end(() => request.socket.destroy());
    });
    server.on('clientError', (_error, socket) => turnAway(socket as Socket, '400 Bad Request'));
    server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      socket.on('error', () => {});
      if (request.url !== MESH_PATH) turnAway(socket, '404 Not Found');
      else this.#upgrades.handleUpgrade(request, socket, head, (ws) => this.#greet(ws, socket));
    });
    return server;
  }

  #greet(ws: WebSocket, socket: Socket): void {
    const { self, keys } = this.#settings;
    const handshake = new ListenerHandshake(credentialsFor(self, keys, socket));
    const channel = new Channel(ws, 'server', socket, {
      ended: () => {},
      frame: (frame) => {
        const step = handshake.receive(frame);
        if (step.kind === 'send') return channel.send(step.frame);
        const fault = step.kind === 'failed' ? WHY[step.fault] : certificateFault(socket, step.peer);
        if (fault !== undefined) {
          this.#refuse(fault, socket, step.peer?.name);
          return channel.close('unproved');
        }
        if (step.kind === 'failed') return;
        socket.off('data', count);
        this.#room.admit(socket);
        channel.send(step.frame!);
        this.#opened(channel, step.peer);
      },
    });
    let bytes = 0;
    const count = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > MAX_STRANGER_BYTES) channel.abort();
    };
    socket.prependListener('data', count);
    channel.send(handshake.challenge);
  }

  /** `claimed`: the name it gave, true or not. */
  #refuse(why: string, socket: Socket, claimed?: string): void {
    const from = socket.remoteAddress ?? 'unknown';
    const who = claimed === undefined ? from : `${from}, which calls itself ${claimed},`;
    this.#refusals.tell(why, `mesh: ${who} ${why}`, from);
  }
}

function turnAway(socket: Socket, status: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
}

function listenFault(where: string, code: string): string {
  switch (code) {
    case 'EADDRINUSE':
      return `mesh: another program listens at ${where}; set mesh.port to another port on all nodes, or end that program`;
    case 'EADDRNOTAVAIL':
      return `mesh: this host has no address of ${where}; set node.address to one of its own`;
    default:
      return `mesh: cannot listen at ${where} (${code})`;
  }
}
