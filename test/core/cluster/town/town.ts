import seedrandom from 'seedrandom';
import type { GossipSettings } from '../../../../src/core/cluster/gossip.js';
import type { CloseReason, MeshLink } from '../../../../src/core/cluster/peer.js';
import { type Endpoint, endpoint } from '../../../../src/core/endpoint.js';
import { Events } from './events.js';
import { type Disk, House, type Wires } from './house.js';

export interface TownSettings {
  readonly seed: string;
  /** One way. */
  readonly latencyMs?: number;
  readonly jitterMs?: number;
  readonly loss?: number;
  readonly gossip?: Partial<GossipSettings>;
}

interface End {
  readonly resident: Resident;
  readonly link: MeshLink;
  readonly incarnation: number;
  open: boolean;
  /** When the last thing sent from here arrives, at the other end. */
  lastArrivalMs: number;
  other: End;
}

export interface Sent {
  frames: number;
  octets: number;
  pings: number;
  readonly kinds: Map<string, { frames: number; octets: number }>;
}

export interface Resident {
  readonly index: number;
  readonly endpoint: Endpoint;
  house: House;
  readonly disk: Disk;
  up: boolean;
  incarnation: number;
  /** Nothing is handled before. */
  pausedUntilMs: number;
  nextTickMs: number;
  readonly ends: Map<number, End>;
  readonly sent: Sent;
  /** When each member was lost and found, as this one saw it. */
  readonly seen: {
    readonly atMs: number;
    readonly member: Endpoint;
    readonly kind: 'found' | 'lost' | 'left';
  }[];
}

/** A retransmission of TCP comes after this, then after twice as long, and so on. */
const RETRY_MS = 200;

/**
 * Nodes made of the pure parts, joined by links that behave like TCP: in order, reliable while both ends live,
 * silent when one does not. A lost packet delays what is behind it. Everything is drawn from the seed.
 */
export class Town {
  readonly events = new Events();
  readonly residents: Resident[] = [];
  readonly #byEndpoint = new Map<Endpoint, Resident>();
  readonly #random: () => number;
  readonly #settings: Required<Omit<TownSettings, 'gossip'>> & Pick<TownSettings, 'gossip'>;
  #nextLink = 1;
  loss: number;
  /** Whether packets from one to the other vanish now. */
  blocked: (from: number, to: number) => boolean = () => false;

  constructor(settings: TownSettings) {
    this.#settings = { latencyMs: 1, jitterMs: 0.2, loss: 0, ...settings };
    this.loss = this.#settings.loss;
    this.#random = seedrandom(`town ${settings.seed}`);
  }

  get nowMs(): number {
    return this.events.nowMs;
  }

  static endpointOf(index: number): Endpoint {
    return endpoint(0x0a630001 + index, 61420);
  }

  add(contacts: readonly number[], name?: string): Resident {
    const index = this.residents.length;
    const resident = {
      index,
      endpoint: Town.endpointOf(index),
      disk: { epoch: 0, members: [] },
      up: false,
      incarnation: 0,
      pausedUntilMs: 0,
      nextTickMs: Number.POSITIVE_INFINITY,
      ends: new Map(),
      sent: { frames: 0, octets: 0, pings: 0, kinds: new Map() },
      seen: [],
    } as unknown as Resident;
    this.residents.push(resident);
    this.#byEndpoint.set(resident.endpoint, resident);
    this.start(resident, contacts, name);
    return resident;
  }

  /** So many at once, the first `contacts` of them known to all. */
  static of(size: number, settings: TownSettings, contacts: readonly number[] = [0, 1]): Town {
    const town = new Town(settings);
    for (let i = 0; i < size; i += 1) town.add(contacts);
    return town;
  }

  start(resident: Resident, contacts: readonly number[], name = `n${resident.index}`): void {
    resident.up = true;
    resident.incarnation += 1;
    resident.pausedUntilMs = 0;
    const random = seedrandom(`${this.#settings.seed} ${resident.index} ${resident.incarnation}`);
    const wires: Wires = {
      send: (id, frame, kind) => {
        const { sent } = resident;
        sent.frames += 1;
        sent.octets += frame.length;
        if (kind === 'ping') sent.pings += 1;
        const ofKind = sent.kinds.get(kind) ?? { frames: 0, octets: 0 };
        ofKind.frames += 1;
        ofKind.octets += frame.length;
        sent.kinds.set(kind, ofKind);
        const end = resident.ends.get(id);
        if (end?.open)
          this.#transmit(end, () => {
            const { other } = end;
            if (other.open)
              this.#enter(
                other,
                () => other.open && other.resident.house.frame(other.link.id, frame, this.nowMs),
              );
          });
      },
      dial: (to, timeoutMs) => this.#dial(resident, to, timeoutMs),
      close: (id, reason) => {
        const end = resident.ends.get(id);
        if (end?.open) this.#close(end, reason);
      },
      tell: (effect) => {
        if (effect.kind !== 'members') return;
        for (const kind of ['found', 'lost', 'left'] as const) {
          for (const member of effect[kind]) resident.seen.push({ atMs: this.nowMs, member, kind });
        }
      },
    };
    const known = contacts.map(Town.endpointOf);
    resident.house = new House(
      resident.endpoint,
      name,
      known,
      resident.disk,
      wires,
      random,
      this.nowMs,
      this.#settings.gossip,
    );
    resident.nextTickMs = Number.POSITIVE_INFINITY;
    this.#wind(resident);
  }

  runFor(ms: number): void {
    this.events.runUntil(this.nowMs + ms);
  }

  /** Runs until `what` holds, looking every `everyMs`; answers how long it took, or undefined after `mostMs`. */
  until(what: () => boolean, mostMs: number, everyMs = 50): number | undefined {
    const startMs = this.nowMs;
    while (!what()) {
      if (this.nowMs - startMs >= mostMs) return undefined;
      this.runFor(everyMs);
    }
    return this.nowMs - startMs;
  }

  /** As a kernel panic looks: from now on nothing comes from it, and nobody says so. */
  panic(resident: Resident): void {
    resident.up = false;
    resident.incarnation += 1;
    for (const end of resident.ends.values()) end.open = false;
    resident.ends.clear();
  }

  /** kill -9: its kernel closes the links. */
  kill(resident: Resident): void {
    const ends = [...resident.ends.values()];
    resident.up = false;
    resident.incarnation += 1;
    for (const end of ends) {
      end.open = false;
      this.#farewell(end);
    }
    resident.ends.clear();
  }

  pause(resident: Resident, ms: number): void {
    resident.pausedUntilMs = Math.max(resident.pausedUntilMs, this.nowMs + ms);
  }

  /** Anything, at that node, as soon as it runs. */
  act(resident: Resident, what: (house: House) => void): void {
    what(resident.house);
    this.#wind(resident);
  }

  alive(): Resident[] {
    return this.residents.filter(({ up }) => up);
  }

  /** Whether every live node reaches every live node, as each sees it itself. */
  whole(members = this.alive()): boolean {
    return members.every(({ house }) => members.every((other) => house.reachability.has(other.endpoint)));
  }

  /** Whether the tables of all live nodes are equal. */
  agreed(): boolean {
    return new Set(this.alive().map(({ house }) => house.gossip.tableHash())).size === 1;
  }

  resetCounters(): void {
    for (const { sent } of this.residents) {
      sent.frames = sent.octets = sent.pings = 0;
      sent.kinds.clear();
    }
  }

  /** A link between two nodes made from outside, e.g. to lie over it; the id at the first one's end. */
  #latency(): number {
    const { latencyMs, jitterMs } = this.#settings;
    return latencyMs + jitterMs * this.#random();
  }

  #transmit(end: End, arrive: () => void): void {
    // Whether it gets lost, and its repetitions, is drawn now; a sender that dies meanwhile repeats nothing.
    let repeatedMs = 0;
    for (let retryMs = RETRY_MS; this.loss > 0 && this.#random() < this.loss; retryMs *= 2)
      repeatedMs += retryMs;
    end.lastArrivalMs = Math.max(this.nowMs + repeatedMs + this.#latency(), end.lastArrivalMs + 0.001);
    if (repeatedMs === 0) this.#arriveAt(end, end.lastArrivalMs, arrive, RETRY_MS);
    else {
      const arrivalMs = end.lastArrivalMs;
      this.events.at(this.nowMs + repeatedMs, () => {
        if (end.resident.incarnation === end.incarnation) this.#arriveAt(end, arrivalMs, arrive, RETRY_MS);
      });
    }
  }

  #arriveAt(end: End, atMs: number, arrive: () => void, retryMs: number): void {
    this.events.at(atMs, () => {
      const to = end.other.resident;
      if (!to.up || end.other.incarnation !== to.incarnation) return;
      if (!this.blocked(end.resident.index, to.index)) {
        arrive();
        return;
      }
      // What comes behind it waits, too.
      const againMs = this.nowMs + retryMs;
      end.lastArrivalMs = Math.max(end.lastArrivalMs, againMs);
      this.#arriveAt(end, againMs, arrive, Math.min(2 * retryMs, 5000));
    });
  }

  #dial(from: Resident, to: Endpoint, timeoutMs: number): void {
    const target = this.#byEndpoint.get(to);
    const { incarnation } = from;
    const fail = (afterMs: number): void =>
      this.events.at(this.nowMs + afterMs, () => {
        if (from.incarnation === incarnation)
          this.#enterResident(from, incarnation, () => from.house.dialFailed(to, this.nowMs));
      });
    const lost = this.loss > 0 && this.#random() < this.loss ? 1000 : 0;
    const openMs = this.nowMs + 3 * this.#latency() + lost;
    this.events.at(openMs, () => {
      if (from.incarnation !== incarnation) return;
      const cannot = target === undefined || !target.up || target.pausedUntilMs > this.nowMs;
      if (
        cannot ||
        lost >= timeoutMs ||
        this.blocked(from.index, target.index) ||
        this.blocked(target.index, from.index)
      ) {
        fail(timeoutMs - 3);
        return;
      }
      const [a, b] = this.#join(from, target);
      this.#enter(b, () => target.house.opened(b.link, this.nowMs));
      this.#transmit(b, () => this.#enter(a, () => from.house.opened(a.link, this.nowMs)));
    });
  }

  #join(from: Resident, to: Resident): [End, End] {
    const link = (peer: Resident, dialled: boolean): MeshLink => ({
      id: this.#nextLink++,
      peer: { endpoint: peer.endpoint, name: `n${peer.index}`, instance: peer.incarnation },
      dialled,
    });
    const a = {
      resident: from,
      link: link(to, true),
      incarnation: from.incarnation,
      open: true,
      lastArrivalMs: 0,
    } as End;
    const b = {
      resident: to,
      link: link(from, false),
      incarnation: to.incarnation,
      open: true,
      lastArrivalMs: 0,
    } as End;
    a.other = b;
    b.other = a;
    from.ends.set(a.link.id, a);
    to.ends.set(b.link.id, b);
    return [a, b];
  }

  #close(end: End, reason: CloseReason): void {
    void reason;
    end.open = false;
    end.resident.ends.delete(end.link.id);
    this.#farewell(end);
    const { resident, incarnation } = end;
    this.events.at(this.nowMs, () => {
      if (resident.incarnation === incarnation) resident.house.closed(end.link.id, this.nowMs);
      this.#wind(resident);
    });
  }

  #farewell(end: End): void {
    this.#transmit(end, () => {
      const { other } = end;
      if (!other.open) return;
      this.#enter(other, () => {
        if (!other.open) return;
        other.open = false;
        other.resident.ends.delete(other.link.id);
        other.resident.house.closed(other.link.id, this.nowMs);
      });
    });
  }

  #enter(end: End, what: () => void): void {
    this.#enterResident(end.resident, end.incarnation, what);
  }

  #enterResident(resident: Resident, incarnation: number, what: () => void): void {
    if (!resident.up || resident.incarnation !== incarnation) return;
    if (resident.pausedUntilMs > this.nowMs) {
      this.events.at(resident.pausedUntilMs, () => this.#enterResident(resident, incarnation, what));
      return;
    }
    what();
    this.#wind(resident);
  }

  /** Plans the next tick, if it is earlier than the one planned. */
  #wind(resident: Resident): void {
    if (!resident.up) return;
    const atMs = Math.max(resident.house.nextTickMs(), this.nowMs);
    if (atMs >= resident.nextTickMs) return;
    resident.nextTickMs = atMs;
    const { incarnation } = resident;
    this.events.at(atMs, () => {
      if (resident.nextTickMs !== atMs || resident.incarnation !== incarnation) return;
      resident.nextTickMs = Number.POSITIVE_INFINITY;
      this.#enterResident(resident, incarnation, () => resident.house.tick(this.nowMs));
    });
  }
}
