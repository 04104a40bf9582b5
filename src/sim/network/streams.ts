import { addressOf, type Endpoint, endpoint } from '../../core/endpoint.js';
import type { Process } from '../engine/process.js';
import type { ByteStream, DialEvents, StreamEvents } from './byte-stream.js';
import { Handshake } from './handshake.js';
import { mix } from './latency.js';
import type { Station } from './station.js';
import { StreamEnd } from './stream-end.js';
import type { Wire } from './wire.js';

/** Called for each new stream; answers with who hears of it. */
export type Accept = (stream: ByteStream) => StreamEvents;

/** Byte streams between programs: who listens where, who has which. */
export class Streams {
  private readonly wire: Wire;
  private readonly stationAt: (address: number) => Station | undefined;
  private readonly listening = new Map<Endpoint, { readonly process: Process; readonly accept: Accept }>();
  private readonly byProcess = new Map<Process, Set<StreamEnd>>();
  private dialled = 0;

  constructor(wire: Wire, stationAt: (address: number) => Station | undefined) {
    this.wire = wire;
    this.stationAt = stationAt;
  }

  listen(station: Station, process: Process, port: number, accept: Accept): { close(): void } {
    const at = endpoint(station.host.address, port);
    if (this.listening.has(at)) throw new Error(`${station.host.name}: port ${port} is taken (EADDRINUSE)`);
    const listening = { process, accept };
    this.listening.set(at, listening);
    const close = (): void => {
      if (this.listening.get(at) === listening) this.listening.delete(at);
    };
    process.onEnd(close);
    return { close };
  }

  dial(station: Station, process: Process, to: Endpoint, events: DialEvents): ByteStream {
    this.dialled += 1;
    const salt = mix(this.dialled, station.index);
    const local = endpoint(station.host.address, station.ephemeralPort());
    const { wire } = this;
    const end = new StreamEnd({
      wire,
      station,
      process,
      kin: this.kin(process),
      local,
      remote: to,
      salt,
    });
    end.tell(events);
    const target = this.stationAt(addressOf(to));
    const handshake = new Handshake(wire, end, target, salt, events, (from) => {
      const listening = this.listening.get(to);
      if (listening === undefined || target === undefined) return undefined;
      const far = new StreamEnd({
        wire,
        station: target,
        process: listening.process,
        kin: this.kin(listening.process),
        local: to,
        remote: from,
        salt: mix(salt, 1),
      });
      far.onAccept(listening.accept);
      return far;
    });
    handshake.begin();
    return end;
  }

  /** The living ends of a process. A killed program's kernel ends them; one callback however many there are. */
  private kin(process: Process): Set<StreamEnd> {
    const known = this.byProcess.get(process);
    if (known !== undefined) return known;
    const ends = new Set<StreamEnd>();
    this.byProcess.set(process, ends);
    process.onEnd(() => {
      this.byProcess.delete(process);
      for (const end of [...ends]) end.orphan();
    });
    return ends;
  }
}
