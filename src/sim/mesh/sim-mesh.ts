import { type Endpoint, endpoint, portOf } from '../../core/endpoint.js';
import type {
  CloseReason,
  DialFailure,
  Mesh,
  MeshEvent,
  MeshLink,
  MeshTraffic,
  Peer,
} from '../../ports/mesh.js';
import type { Timer } from '../../ports/time.js';
import type { Host } from '../engine/host.js';
import type { Process } from '../engine/process.js';
import type { ByteStream, StreamClosed, StreamEvents } from '../network/byte-stream.js';
import type { Network } from '../network/network.js';
import { type Parcel, ParcelReader, packed } from './parcels.js';

export interface SimMeshOptions {
  readonly network: Network;
  readonly host: Host;
  readonly process: Process;
  readonly self: Peer;
  /** Who has another one cannot be linked with. */
  readonly key: string;
  /** Octets unacknowledged on a link at most. */
  readonly maxBuffered?: number;
  readonly maxFrameBytes?: number;
}

const MAX_BUFFERED = 1 << 20;
const MAX_FRAME_BYTES = 64 << 10;
/** Whoever connects says who it is within that time. */
const HELLO_MS = 2_000;

interface Hello extends Peer {
  readonly key: string;
}

/** A stream on its way to be a link, a link, or what was one. */
interface Line {
  readonly stream: ByteStream;
  readonly reader: ParcelReader;
  readonly dialledTo: Endpoint | undefined;
  patience: Timer | undefined;
  link: MeshLink | undefined;
  over: boolean;
}

/**
 * Links over the virtual network's byte streams. Where the real transport proves a key with a challenge, this one
 * says it: nobody listens in here.
 */
export class SimMesh implements Mesh {
  readonly maxFrameBytes: number;
  private readonly options: SimMeshOptions;
  private readonly lines = new Map<number, Line>();
  private readonly pending = new Set<Line>();
  private readonly counts = {
    sentBytes: 0,
    sentFrames: 0,
    receivedBytes: 0,
    receivedFrames: 0,
    slowLinks: 0,
    unauthenticated: 0,
  };
  private deliver: (events: readonly MeshEvent[]) => void = () => {};
  private made = 0;

  /** Listens at once. Throws if the port is taken. */
  constructor(options: SimMeshOptions) {
    this.options = options;
    this.maxFrameBytes = options.maxFrameBytes ?? MAX_FRAME_BYTES;
    const { network, host, process, self } = options;
    network.listen(host, process, portOf(self.endpoint), (stream) => {
      const line = this.line(stream, undefined);
      line.patience = process.start(HELLO_MS, () => this.forget(line));
      return this.eventsOf(() => line);
    });
  }

  receive(deliver: (events: readonly MeshEvent[]) => void): void {
    this.deliver = deliver;
  }

  links(): readonly MeshLink[] {
    return [...this.lines.values()].map(({ link }) => link!);
  }

  dial(to: Endpoint, timeoutMs: number): void {
    const { network, host, process, self } = this.options;
    if (to === self.endpoint) {
      process.start(0, () => this.deliver([{ kind: 'dial-failed', to, reason: 'refused' }]));
      return;
    }
    const failed = (reason: DialFailure): void => {
      if (!line.over) this.dialFailed(line, reason);
    };
    const stream = network.dial(host, process, to, {
      ...this.eventsOf(() => line),
      connected: () => {
        if (!line.over) stream.send(packed('hello', this.hello()));
      },
      failed,
    });
    const line: Line = this.line(stream, to);
    line.patience = process.start(timeoutMs, () => failed('timeout'));
  }

  send(id: number, frame: Uint8Array): void {
    const line = this.lines.get(id);
    if (line === undefined || line.over) return;
    const { counts } = this;
    counts.sentBytes += frame.length;
    counts.sentFrames += 1;
    line.stream.send(packed('frame', frame));
    if (line.stream.buffered <= (this.options.maxBuffered ?? MAX_BUFFERED)) return;
    counts.slowLinks += 1;
    this.end(line, 'slow');
  }

  close(id: number, reason: CloseReason): void {
    const line = this.lines.get(id);
    if (line !== undefined && !line.over) this.end(line, reason);
  }

  traffic(): MeshTraffic {
    return { ...this.counts };
  }

  private line(stream: ByteStream, dialledTo: Endpoint | undefined): Line {
    const reader = new ParcelReader(this.maxFrameBytes);
    const line: Line = { stream, reader, dialledTo, patience: undefined, link: undefined, over: false };
    this.pending.add(line);
    return line;
  }

  private eventsOf(lineOf: () => Line): StreamEvents {
    return {
      data: (bytes) => this.read(lineOf(), bytes),
      closed: (why) => this.lost(lineOf(), why),
    };
  }

  private read(line: Line, bytes: Uint8Array): void {
    if (line.over) return;
    const parcels = line.reader.add(bytes);
    if (parcels === undefined) {
      this.misbehaved(line);
      return;
    }
    const events: MeshEvent[] = [];
    for (const parcel of parcels) {
      const event = this.take(line, parcel);
      if (event !== undefined) events.push(event);
      if (line.over) break;
    }
    if (events.length > 0) this.deliver(events);
  }

  private take(line: Line, { kind, content }: Parcel): MeshEvent | undefined {
    const { link } = line;
    if (link === undefined && kind === 'hello') return this.greet(line, content);
    if (link === undefined || kind === 'hello') {
      this.misbehaved(line);
      return undefined;
    }
    if (kind === 'bye') {
      this.over(line);
      line.stream.close();
      return { kind: 'closed', id: link.id, reason: new TextDecoder().decode(content) as CloseReason };
    }
    this.counts.receivedBytes += content.length;
    this.counts.receivedFrames += 1;
    return { kind: 'frame', id: link.id, frame: content, atMs: this.options.host.clock.nowMs() };
  }

  /** The first frame says who the other side is. */
  private greet(line: Line, frame: Uint8Array): MeshEvent | undefined {
    const hello = readHello(frame);
    if (hello === undefined || hello.key !== this.options.key) {
      this.counts.unauthenticated += line.dialledTo === undefined ? 1 : 0;
      this.misbehaved(line);
      return undefined;
    }
    // Somebody else lives there now.
    if (line.dialledTo !== undefined && hello.endpoint !== line.dialledTo) {
      this.misbehaved(line);
      return undefined;
    }
    line.patience?.cancel();
    this.pending.delete(line);
    this.made += 1;
    const { endpoint: at, name, instance } = hello;
    const link: MeshLink = {
      id: this.made,
      peer: { endpoint: at, name, instance },
      dialled: line.dialledTo !== undefined,
    };
    line.link = link;
    this.lines.set(link.id, line);
    if (!link.dialled) line.stream.send(packed('hello', this.hello()));
    return { kind: 'opened', link };
  }

  private hello(): Uint8Array {
    const { self, key } = this.options;
    return new TextEncoder().encode(JSON.stringify({ ...self, key }));
  }

  private misbehaved(line: Line): void {
    if (line.link !== undefined) this.end(line, 'protocol');
    else if (line.dialledTo !== undefined) this.dialFailed(line, 'unauthenticated');
    else this.forget(line);
  }

  private lost(line: Line, why: StreamClosed): void {
    if (line.over) return;
    if (line.link !== undefined) {
      this.over(line);
      // An orderly end says so before; whatever else ends a stream is a process or a network that died.
      this.deliver([{ kind: 'closed', id: line.link.id, reason: 'reset' }]);
    } else if (line.dialledTo !== undefined) {
      // Whoever takes a call and hangs up holds another key.
      this.dialFailed(line, why === 'timeout' ? 'timeout' : 'unauthenticated');
    } else this.over(line);
  }

  private dialFailed(line: Line, reason: DialFailure): void {
    this.forget(line);
    const to = line.dialledTo!;
    this.options.process.start(0, () => this.deliver([{ kind: 'dial-failed', to, reason }]));
  }

  private end(line: Line, reason: CloseReason): void {
    this.over(line);
    if (reason === 'slow') line.stream.abort();
    else {
      line.stream.send(packed('bye', new TextEncoder().encode(reason)));
      line.stream.close();
    }
    const { id } = line.link!;
    this.options.process.start(0, () => this.deliver([{ kind: 'closed', id, reason }]));
  }

  private forget(line: Line): void {
    if (line.over) return;
    this.over(line);
    line.stream.abort();
  }

  private over(line: Line): void {
    line.over = true;
    line.patience?.cancel();
    this.pending.delete(line);
    if (line.link !== undefined) this.lines.delete(line.link.id);
  }
}

function readHello(frame: Uint8Array): Hello | undefined {
  try {
    const hello = JSON.parse(new TextDecoder().decode(frame)) as Hello;
    return typeof hello.key === 'string' && typeof hello.endpoint === 'number' ? hello : undefined;
  } catch {
    return undefined;
  }
}

/** Where a host's daemon takes links. */
export function meshEndpoint(host: Host): Endpoint {
  return endpoint(host.address, 61_420);
}
