/** The part of `ws` that the mesh uses; the package brings no types of its own. */
declare module 'ws' {
  import type { EventEmitter } from 'node:events';
  import type { IncomingMessage } from 'node:http';
  import type { Duplex } from 'node:stream';

  interface SharedOptions {
    /** Answer pings without being asked. */
    readonly autoPong?: boolean;
    /** Milliseconds the closing handshake may take before the socket is destroyed. */
    readonly closeTimeout?: number;
    readonly maxBufferedChunks?: number;
    readonly maxFragments?: number;
    /** Octets of the largest message taken; a larger one ends the connection with status 1009. */
    readonly maxPayload?: number;
    readonly perMessageDeflate?: boolean;
    readonly skipUTF8Validation?: boolean;
  }

  interface ClientOptions extends SharedOptions {
    readonly createConnection?: () => Duplex;
    readonly generateMask?: (mask: Buffer) => void;
    readonly maxHeaderSize?: number;
  }

  interface ServerOptions extends SharedOptions {
    readonly noServer: true;
    readonly clientTracking?: boolean;
  }

  export class WebSocket extends EventEmitter {
    static readonly CONNECTING: 0;
    static readonly OPEN: 1;
    static readonly CLOSING: 2;
    static readonly CLOSED: 3;
    readonly readyState: 0 | 1 | 2 | 3;
    /** Octets that the kernel has not taken yet. */
    readonly bufferedAmount: number;
    constructor(address: string, options?: ClientOptions);
    send(data: Uint8Array | string): void;
    ping(data?: Uint8Array): void;
    pause(): void;
    resume(): void;
    close(code?: number, reason?: string): void;
    terminate(): void;
    on(event: 'open', listener: () => void): this;
    on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): this;
    on(event: 'ping' | 'pong', listener: (data: Buffer) => void): this;
    on(event: 'close', listener: (code: number, reason: Buffer) => void): this;
    on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): this;
  }

  export class WebSocketServer extends EventEmitter {
    constructor(options: ServerOptions);
    handleUpgrade(
      request: IncomingMessage,
      socket: Duplex,
      head: Buffer,
      done: (socket: WebSocket, request: IncomingMessage) => void,
    ): void;
  }
}
