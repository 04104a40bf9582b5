import type { Endpoint } from '../../core/endpoint.js';
import type { Process } from '../engine/process.js';
import type { ByteStream, StreamClosed, StreamEvents } from './byte-stream.js';
import { type Chunk, Pipe } from './pipe.js';
import type { Station } from './station.js';
import type { Wire } from './wire.js';

/**
 * One program's end of a stream with what its kernel knows of it. `gone`: the kernel knows nothing any more, and
 * answers with a RST; `closing`: the program is done with it, the kernel still delivers.
 */
export class StreamEnd implements ByteStream {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly station: Station;
  readonly process: Process;
  gone = false;
  closing = false;
  /** Whether its kernel has heard of the other end. */
  established = false;
  /** Set when the other end exists; nothing is sent before. */
  peer!: StreamEnd;
  readonly out: Pipe;
  private readonly kin: Set<StreamEnd>;
  private events: StreamEvents | undefined;
  /** Called at the end of the handshake; only the end that was called has one. */
  private accept: ((stream: ByteStream) => StreamEvents) | undefined;
  /** Octets in the kernel that the program has not taken. */
  private unread = 0;

  /** `kin`: the living ends of the same process. */
  constructor(options: {
    wire: Wire;
    station: Station;
    process: Process;
    kin: Set<StreamEnd>;
    local: Endpoint;
    remote: Endpoint;
    salt: number;
  }) {
    this.station = options.station;
    this.process = options.process;
    this.kin = options.kin;
    this.local = options.local;
    this.remote = options.remote;
    this.out = new Pipe(options.wire, this, options.salt);
    this.station.ends.add(this);
    this.kin.add(this);
  }

  /** Whether its program wants to hear no more. */
  get deaf(): boolean {
    return this.events === undefined;
  }

  tell(events: StreamEvents): void {
    this.events = events;
  }

  onAccept(accept: (stream: ByteStream) => StreamEvents): void {
    this.accept = accept;
  }

  get buffered(): number {
    return this.gone ? 0 : this.out.buffered;
  }

  send(bytes: Uint8Array): boolean {
    if (this.gone || this.closing) return true;
    return this.out.write(bytes);
  }

  close(): void {
    if (this.gone || this.closing) return;
    this.closing = true;
    this.events = undefined;
    this.out.push('fin');
  }

  abort(): void {
    if (this.gone) return;
    this.events = undefined;
    const { peer } = this;
    if (this.established) this.out.signal(() => peer.fail('reset'));
    this.release();
  }

  /** The program was killed: its kernel ends the stream in order, unless somebody's words were never read. */
  orphan(): void {
    if (this.unread > 0 || !this.established) this.abort();
    else this.close();
  }

  /** What arrived for this end, in order. False: it was refused, with a RST. */
  take(chunk: Chunk): boolean {
    if (chunk.kind === 'open') {
      const { accept } = this;
      this.process.enter(() => {
        // Also one that has ended meanwhile is accepted first, as from a real backlog.
        if (accept !== undefined) this.events = accept(this);
      });
    } else if (chunk.kind === 'fin') {
      this.fail('end');
    } else if (this.closing) {
      // Nobody will read it: as Linux does, the connection is reset.
      this.abort();
      return false;
    } else {
      const bytes = chunk.bytes!;
      this.unread += bytes.length;
      this.process.enter(() => {
        this.unread -= bytes.length;
        this.peer.out.read(bytes.length);
        this.events?.data(bytes);
      });
    }
    return true;
  }

  drained(): void {
    this.process.enter(() => {
      if (!this.gone) this.events?.drain?.();
    });
  }

  /** The stream is over for this end, and not by its own program's will. */
  fail(why: StreamClosed): void {
    if (this.gone) return;
    this.release();
    this.process.enter(() => {
      const { events } = this;
      this.events = undefined;
      events?.closed(why);
    });
  }

  /** The kernel forgets this end without a word to anybody. */
  release(): void {
    this.gone = true;
    this.station.ends.delete(this);
    this.kin.delete(this);
    this.out.forget();
  }
}
