import type { MeshLink, Peer } from '../core/cluster/peer.js';
import { type Endpoint, formatEndpoint } from '../core/endpoint.js';
import type { CloseReason, DialFailure, Mesh, MeshEvent, MeshTraffic } from '../ports/mesh.js';
import type { Channel, ChannelEnd } from './channel.js';
import { Dialler } from './dialler.js';
import { EventBatch } from './event-batch.js';
import { Listener } from './listener.js';
import type { MeshSettings } from './settings.js';
import type { TlsIdentity } from './tls-files.js';

interface Entry {
  readonly link: MeshLink;
  readonly channel: Channel;
  /** Whether the receiver was told that it opened. */
  told: boolean;
}

/** Links to other daemons as web sockets over TCP, or over TLS. */
export class WsMesh implements Mesh {
  readonly maxFrameBytes: number;
  readonly #settings: MeshSettings;
  readonly #listener: Listener;
  readonly #dialler: Dialler;
  readonly #events: EventBatch;
  readonly #entries = new Map<number, Entry>();
  readonly #traffic = {
    sentBytes: 0,
    sentFrames: 0,
    receivedBytes: 0,
    receivedFrames: 0,
    slowLinks: 0,
    unauthenticated: 0,
  };
  #lastId = 0;
  #stopped = false;

  private constructor(settings: MeshSettings) {
    this.#settings = settings;
    this.maxFrameBytes = settings.limits.maxFrameBytes;
    this.#events = new EventBatch((event) => this.#delivering(event));
    this.#dialler = new Dialler(settings);
    this.#listener = new Listener(
      settings,
      (channel, peer) => this.#opened(channel, peer, false),
      () => {
        this.#traffic.unauthenticated += 1;
      },
    );
  }

  /** Rejects with what is wrong, for the operator, when it cannot listen. */
  static async open(settings: MeshSettings): Promise<WsMesh> {
    const mesh = new WsMesh(settings);
    await mesh.#listener.listen();
    return mesh;
  }

  receive(deliver: (events: readonly MeshEvent[]) => void): void {
    this.#events.receive(deliver);
  }

  links(): readonly MeshLink[] {
    const links: MeshLink[] = [];
    for (const { link, told } of this.#entries.values()) if (told) links.push(link);
    return links;
  }

  dial(to: Endpoint, timeoutMs: number): void {
    const failed = (reason: DialFailure): void => this.#events.add({ kind: 'dial-failed', to, reason });
    // The listener would refuse it as it refuses whoever else claims to be us.
    if (to === this.#settings.self.endpoint || this.#stopped) failed('refused');
    else {
      const opened = (channel: Channel, peer: Peer): void => this.#opened(channel, peer, true);
      this.#dialler.dial(to, timeoutMs, { opened, failed });
    }
  }

  send(id: number, frame: Uint8Array): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    if (frame.length > this.maxFrameBytes) {
      this.#settings.log.event(
        'error',
        'mesh-frame-too-long',
        'mesh: a frame too long for any link was not sent',
        {
          bytes: frame.length,
          maxFrameBytes: this.maxFrameBytes,
        },
      );
      return;
    }
    entry.channel.send(frame);
    this.#traffic.sentFrames += 1;
    this.#traffic.sentBytes += frame.length;
    if (entry.channel.waitingBytes <= this.#settings.limits.maxBufferedBytes) return;
    this.#settings.log.event(
      'warn',
      'mesh-link-slow',
      `mesh: ${entry.link.peer.name} does not take what is sent`,
      {
        peer: entry.link.peer.name,
        endpoint: formatEndpoint(entry.link.peer.endpoint),
        waitingBytes: entry.channel.waitingBytes,
      },
    );
    this.#traffic.slowLinks += 1;
    this.close(id, 'slow');
  }

  close(id: number, reason: CloseReason): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.channel.close(reason);
    this.#events.forgetFrames(id);
    this.#closed(id, reason);
  }

  traffic(): MeshTraffic {
    return { ...this.#traffic };
  }

  /** For connections from now on; links that stand keep what they proved. */
  useIdentity(identity: TlsIdentity): void {
    this.#listener.useIdentity(identity);
    this.#dialler.useIdentity(identity);
  }

  /** Ends all links in an orderly way and listens no more; settles when the last socket is closed. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#dialler.close();
    for (const id of [...this.#entries.keys()]) this.close(id, 'ended');
    await this.#listener.close();
  }

  #opened(channel: Channel, peer: Peer, dialled: boolean): void {
    this.#lastId += 1;
    const id = this.#lastId;
    const link = { id, peer, dialled };
    this.#entries.set(id, { link, channel, told: false });
    channel.handOver({
      frame: (frame) => {
        this.#traffic.receivedFrames += 1;
        this.#traffic.receivedBytes += frame.length;
        this.#events.add({ kind: 'frame', id, frame: plain(frame), atMs: this.#settings.clock.nowMs() });
      },
      ended: (how) => this.#closed(id, reasonOf(how)),
    });
    this.#events.add({ kind: 'opened', link });
  }

  #closed(id: number, reason: CloseReason): void {
    if (this.#entries.delete(id)) this.#events.add({ kind: 'closed', id, reason });
  }

  #delivering(event: MeshEvent): void {
    if (event.kind !== 'opened') return;
    const entry = this.#entries.get(event.link.id);
    if (entry !== undefined) entry.told = true;
  }
}

/** The same octets without what a Buffer does besides: pieces of it are made in a fraction of the time. */
function plain({ buffer, byteOffset, length }: Buffer): Uint8Array {
  return new Uint8Array(buffer, byteOffset, length);
}

/** Who proved itself once cannot be told that it did not. */
function reasonOf(how: ChannelEnd): CloseReason {
  return how === 'unproved' ? 'protocol' : how;
}
