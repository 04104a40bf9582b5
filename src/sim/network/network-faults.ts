import type { Engine } from '../engine/engine.js';
import type { HostName } from '../engine/journal.js';
import type { Fault } from '../plan/plan.js';
import type { Station } from './station.js';
import type { Wire } from './wire.js';

type Of<K extends Fault['kind']> = Extract<Fault, { kind: K }>;
/** Takes the fault back. To be called once; in what order several are called does not matter. */
export type Undo = () => void;

/** The faults of a plan that are the network's. Each lasts until its undo; several of a kind add up. */
export class NetworkFaults {
  private readonly engine: Engine;
  private readonly wire: Wire;
  private readonly stations: ReadonlyMap<HostName, Station>;

  constructor(engine: Engine, wire: Wire, stations: ReadonlyMap<HostName, Station>) {
    this.engine = engine;
    this.wire = wire;
    this.stations = stations;
  }

  loss({ from, to, probability }: Of<'loss'>): Undo {
    const stream = this.stream(`loss ${from}>${to} ${probability}`);
    return enlist(this.wire.losses, { from: this.index(from), to: this.index(to), probability, stream });
  }

  delay({ from, to, extraMs }: Of<'delay'>): Undo {
    const stream = this.stream(`delay ${from}>${to} ${extraMs}`);
    return enlist(this.wire.delays, { from: this.index(from), to: this.index(to), extraMs, stream });
  }

  /** What the host sends and what it is sent, each. */
  bandwidth({ host, bytesPerMs }: Of<'bandwidth'>): Undo {
    const station = this.station(host);
    station.limits.push(bytesPerMs);
    this.wire.limited += 1;
    return () => {
      station.limits.splice(station.limits.indexOf(bytesPerMs), 1);
      this.wire.limited -= 1;
    };
  }

  partition({ side, oneWay }: Of<'partition'>): Undo {
    const members = new Set(side.map((name) => this.station(name).index));
    return enlist(this.wire.partitions, { side: members, oneWay });
  }

  /** Byte streams only: the network does not know the connections of the hosts' own kernels. */
  cut({ a, b }: Of<'cut'>): Undo {
    const other = this.station(b);
    for (const end of [...this.station(a).ends]) {
      if (!end.established || end.peer.station !== other) continue;
      end.peer.fail('reset');
      end.fail('reset');
    }
    return () => {};
  }

  /**
   * Byte streams only. Whoever is connected with the host is told that the stream was reset; the host is told
   * nothing, and finds out when it next sends.
   */
  'half-open'({ host }: Of<'half-open'>): Undo {
    for (const end of [...this.station(host).ends]) if (end.established) end.peer.fail('reset');
    return () => {};
  }

  'connect-blackhole'({ host }: Of<'connect-blackhole'>): Undo {
    const station = this.station(host);
    station.blackholes += 1;
    return () => {
      station.blackholes -= 1;
    };
  }

  /** A stream for this fault alone; two that are alike in every way draw alike. */
  private stream(what: string) {
    return this.engine.stream(`network ${what} at ${this.engine.nowMs}`);
  }

  private index(name: HostName | undefined): number | undefined {
    return name === undefined ? undefined : this.station(name).index;
  }

  private station(name: HostName): Station {
    const station = this.stations.get(name);
    if (station === undefined) throw new Error(`a fault names ${name}, which is no host of the network`);
    return station;
  }
}

function enlist<T>(list: T[], item: T): Undo {
  list.push(item);
  return () => {
    const at = list.indexOf(item);
    if (at >= 0) list.splice(at, 1);
  };
}
