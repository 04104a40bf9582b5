import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { WebSocket } from 'ws';
import type { CloseReason } from '../ports/mesh.js';

/** Status codes of the closing frame: what one side tells the other about why. */
const STATUS = { ended: 1000, protocol: 1002, refused: 4001, slow: 4002, silent: 4003, unproved: 4401 };

/** How long a closing frame may wait for its answer before the socket is destroyed. */
const CLOSE_GRACE_MS = 250;
/** A frame that comes in more pieces than this is sent by nobody who means it. */
const MAX_FRAGMENTS = 64;
const MAX_PIECES = 4096;

/** How a channel ended that this side did not end. `unproved`: the other side takes none of our keys. */
export type ChannelEnd = CloseReason | 'unproved';

export interface ChannelHandler {
  /** A binary frame: a view of what the socket read. */
  frame(frame: Buffer): void;
  /** Last, and once; not after `close` or `abort`. */
  ended(how: ChannelEnd): void;
}

/** Of a binary message that is one frame (RFC 6455, 5.2). */
const FINAL_BINARY = 0x82;
const MASKED = 0x80;
const MASK_OCTETS = 4;

/** What `ws` is told at both ends. */
export function socketOptions(maxFrameBytes: number) {
  return {
    perMessageDeflate: false,
    autoPong: false,
    closeTimeout: CLOSE_GRACE_MS,
    maxPayload: maxFrameBytes,
    maxFragments: MAX_FRAGMENTS,
    maxBufferedChunks: MAX_PIECES,
  } as const;
}

/**
 * A web socket of which only binary frames are wanted: text, pings and pongs end it as any other breach of the protocol
 * does. It also ends as soon as the kernel says that the other side is gone, without waiting for what is left to send.
 */
export class Channel {
  readonly socket: Socket;
  readonly #ws: WebSocket;
  readonly #side: 'client' | 'server';
  #handler: ChannelHandler;
  #over = false;

  /** `socket` carries `ws`, or will, which is that side of it. */
  constructor(ws: WebSocket, side: 'client' | 'server', socket: Socket, handler: ChannelHandler) {
    this.#ws = ws;
    this.#side = side;
    this.socket = socket;
    this.#handler = handler;
    ws.on('message', (data, isBinary) => {
      if (this.#over) return;
      if (isBinary) this.#handler.frame(data);
      else this.#breach();
    });
    ws.on('ping', () => this.#breach());
    ws.on('pong', () => this.#breach());
    // What the receiver cannot parse; the socket's own errors end in `close`. ws sends the closing frame itself.
    ws.on('error', (error) => {
      if (error.code?.startsWith('WS_ERR_')) this.#end('protocol');
    });
    ws.on('close', (code) => this.#end(endOf(code)));
    // Before ws sees it: with a closing frame it would no longer be open.
    socket.prependListener('end', () => {
      if (ws.readyState === WebSocket.OPEN) ws.terminate();
    });
  }

  /** From now on another part of the program has it. */
  handOver(handler: ChannelHandler): void {
    this.#handler = handler;
  }

  /** Octets that the kernel has not taken yet. */
  get waitingBytes(): number {
    return this.#ws.bufferedAmount;
  }

  /**
   * Written here and not by ws, in one piece: which takes two thirds of the time, and is what a burst of news mostly does. ws
   * sends nothing by itself but closing frames, so the two never come into each other's way.
   */
  send(frame: Uint8Array): void {
    if (!this.#over && this.#ws.readyState === WebSocket.OPEN)
      this.socket.write(webSocketFrame(frame, this.#side === 'client'));
  }

  /** Ends it and tells the other side why; what was sent still goes out if it can within a moment. */
  close(why: ChannelEnd): void {
    if (this.#over) return;
    this.#over = true;
    // What waits will not go out, and a closing frame behind it would not either.
    if (why === 'slow') this.#destroy();
    else this.#ws.close(STATUS[why === 'reset' ? 'ended' : why]);
  }

  /** Ends it at once. */
  abort(): void {
    this.#over = true;
    this.#destroy();
  }

  #destroy(): void {
    // A reset, so that the kernel drops what is unsent. Node can do so for plain TCP only.
    if (this.socket instanceof TLSSocket || this.socket.connecting) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  #breach(): void {
    if (this.#over) return;
    this.#ws.close(STATUS.protocol);
    this.#end('protocol');
  }

  #end(how: ChannelEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#handler.ended(how);
  }
}

/**
 * Clients must mask what they send, so that no web page can have a proxy take its octets for something else. Here both ends are
 * daemons: the mask is 0, and nobody has to apply it.
 */
function webSocketFrame(payload: Uint8Array, masked: boolean): Buffer {
  const { length } = payload;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const head = 2 + extended + (masked ? MASK_OCTETS : 0);
  const frame = Buffer.allocUnsafe(head + length);
  frame[0] = FINAL_BINARY;
  frame[1] = (masked ? MASKED : 0) + (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) frame.writeUInt16BE(length, 2);
  else if (extended === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  if (masked) frame.fill(0, 2 + extended, head);
  frame.set(payload, head);
  return frame;
}

function endOf(code: number): ChannelEnd {
  switch (code) {
    case STATUS.refused:
      return 'refused';
    case STATUS.unproved:
      return 'unproved';
    // No closing frame came.
    case 1006:
      return 'reset';
    default:
      return 'ended';
  }
}
