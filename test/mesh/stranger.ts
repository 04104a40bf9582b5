import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { addressOf, type Endpoint, formatAddress, formatEndpoint, portOf } from '../../src/core/endpoint.js';
import { MESH_PATH } from '../../src/mesh/settings.js';

/** What a connection without a key saw. */
export interface Seen {
  readonly text: string;
  readonly closed: boolean;
  /** From its beginning to its end. */
  readonly ms: number;
}

/** A raw connection to `to`; it sends `octets` and looks until it is ended, or `forMs` are over. */
export async function poke(to: Endpoint, octets: Uint8Array | string, forMs = 15_000): Promise<Seen> {
  const startedMs = performance.now();
  const socket = rawConnection(to);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.write(octets);
  const closed = await Promise.race([
    new Promise<true>((resolve) => socket.once('close', () => resolve(true))),
    sleep(forMs, false, { ref: false }),
  ]);
  socket.destroy();
  return { text: Buffer.concat(chunks).toString('latin1'), closed, ms: performance.now() - startedMs };
}

const raw = new Set<Socket>();
const strangers = new Set<WebSocket>();

/** Ends every connection made here. */
export function leaveAll(): void {
  for (const socket of raw) socket.destroy();
  for (const ws of strangers) ws.terminate();
}

export function rawConnection(to: Endpoint, from?: string): Socket {
  const socket = connect({
    host: formatAddress(addressOf(to)),
    port: portOf(to),
    ...(from === undefined ? {} : { localAddress: from }),
  });
  socket.on('error', () => {});
  raw.add(socket);
  socket.on('close', () => raw.delete(socket));
  return socket;
}

export const UPGRADE = [
  `GET ${MESH_PATH} HTTP/1.1`,
  'Host: node',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  '\r\n',
].join('\r\n');

/** A web socket without a key. `frames` grows as they come; `closed` has the status code at its end. */
export interface StrangeSocket {
  readonly ws: WebSocket;
  readonly frames: Buffer[];
  frame(index: number): Promise<Buffer>;
  readonly closed: Promise<number>;
}

export function strangeSocket(to: Endpoint): StrangeSocket {
  const ws = new WebSocket(`ws://${formatEndpoint(to)}${MESH_PATH}`, { perMessageDeflate: false });
  return strange(ws);
}

/** The same around a web socket that is there already. */
export function strange(ws: WebSocket): StrangeSocket {
  const frames: Buffer[] = [];
  strangers.add(ws);
  ws.on('close', () => strangers.delete(ws));
  ws.on('message', (data) => frames.push(Buffer.from(data)));
  ws.on('error', () => {});
  const closed = new Promise<number>((resolve) => ws.on('close', resolve));
  const frame = async (index: number): Promise<Buffer> => {
    for (let i = 0; i < 1500; i++) {
      const found = frames[index];
      if (found !== undefined) return found;
      await sleep(10);
    }
    throw new Error(`no frame ${index} in 15 s`);
  };
  return { ws, frames, frame, closed };
}

/** A frame of a web socket as a client sends it, masked with zeros. `declared`: the length it claims. */
export function clientFrame(opcode: number, payload: Uint8Array, declared = payload.length): Buffer {
  const length =
    declared < 126
      ? Buffer.from([0x80 | declared])
      : declared < 65_536
        ? Buffer.from([0x80 | 126, declared >> 8, declared & 255])
        : Buffer.concat([Buffer.from([0x80 | 127]), u64(declared)]);
  return Buffer.concat([Buffer.from([0x80 | opcode]), length, Buffer.alloc(4), payload]);
}

function u64(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64BE(BigInt(value));
  return buffer;
}
