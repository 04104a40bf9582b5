import { addressOf, type Endpoint, endpoint, portOf } from '../../core/endpoint.js';
import type { Engine } from '../engine/engine.js';
import type { Stream } from '../engine/seed.js';
import type { Packet } from '../network/packet.js';
import {
  ACK_INDEX,
  ESTABLISHED,
  FIN_WAIT,
  IGNORE,
  INVALID,
  indexOf,
  LAST_ACK,
  NONE,
  nextState,
  RST_INDEX,
  SYN_ACK_INDEX,
  SYN_INDEX,
  SYN_RECV,
  SYN_SENT,
  SYN_SENT2,
  TIME_WAIT,
  TIMEOUT_SECONDS,
  UNACKNOWLEDGED_SECONDS,
} from './tcp-states.js';
import { hashOf, TupleTable } from './tuple-table.js';

/** Attempts of the kernel to find a source port that makes the reply tuple unique. */
const PORT_ATTEMPTS = 128;
/** The kernel looks for what has timed out about once a minute; until then it counts. */
const SWEEP_EVERY_MS = 60_000;
/** Tuples the kernel looks through for an entry it may sacrifice when the table is full. */
const SACRIFICE_AMONG = 16;

/** A connection as conntrack holds it. */
export class Entry {
  readonly client: Endpoint;
  readonly vip: Endpoint;
  /** Where replies come from, and whom they go to: the source as the backend sees it. */
  backend: Endpoint;
  seen: Endpoint;
  state: number;
  /** Made over netlink, with our mark. */
  readonly ours: boolean;
  /** The entry is in the table or was. One made by a packet gets there when the packet leaves the host. */
  confirmed = false;
  /** It is in the table. */
  stands = false;
  seenReply = false;
  assured = false;
  /** Virtual time. */
  expiresMs = 0;
  slot = -1;
  id = 0;
  closing = false;
  lastIndex = -1;
  lastReply = false;
  lastEnd = -1;
  challengeExpected = false;
  simultaneous = false;

  constructor(
    client: Endpoint,
    vip: Endpoint,
    backend: Endpoint,
    seen: Endpoint,
    state: number,
    ours: boolean,
  ) {
    this.client = client;
    this.vip = vip;
    this.backend = backend;
    this.seen = seen;
    this.state = state;
    this.ours = ours;
  }

  get translatesDestination(): boolean {
    return this.backend !== this.vip;
  }
}

export type Fate = 'tracked' | 'invalid' | 'drop';

/** The connection table of one host. */
export class ConntrackTable {
  max = 262_144;
  /** Room that entries of others take, of connections that nobody here plays. They are in good use: none gives way. */
  others = 0;
  /** Of the last packet: its entry, and whether it goes from the one called to the caller. */
  entry: Entry | undefined;
  isReply = false;
  private readonly engine: Engine;
  private readonly random: Stream;
  private readonly tuples = new TupleTable<Entry>();
  /** Places in memory that are free again; the one freed last is used first. */
  private readonly freeSlots: number[] = [];
  private slots = 0;
  private sweepAt = 1024;
  private sweptMs = 0;

  constructor(engine: Engine, random: Stream) {
    this.engine = engine;
    this.random = random;
  }

  /** Entries of connections here, those that have timed out and were not found yet included. */
  private get size(): number {
    return this.tuples.size / 2;
  }

  /** What it says it holds: also what has timed out and was not found yet, and what is of others. */
  get count(): number {
    if (this.engine.nowMs - this.sweptMs >= SWEEP_EVERY_MS) this.sweep();
    return Math.min(this.max, this.size + this.others);
  }

  /** Those that have not timed out, in no order that means anything. Looking at them changes nothing. */
  entries(): readonly Entry[] {
    const { nowMs } = this.engine;
    const found: Entry[] = [];
    const { tuples } = this;
    tuples.forEach((entry, place) => {
      if (entry.expiresMs > nowMs && tuples.isAt(place, entry.client, entry.vip)) found.push(entry);
    });
    return found;
  }

  /** As `find`, for those who only look: it changes nothing. */
  peek(from: Endpoint, to: Endpoint): Entry | undefined {
    const entry = this.tuples.find(from, to);
    return entry !== undefined && entry.expiresMs > this.engine.nowMs ? entry : undefined;
  }

  /** The connection that has this tuple, in either direction. One that has timed out is gone from now on. */
  find(from: Endpoint, to: Endpoint): Entry | undefined {
    const entry = this.tuples.find(from, to);
    if (entry === undefined || entry.expiresMs > this.engine.nowMs) return entry;
    this.remove(entry);
    return undefined;
  }

  /** Whether there is room for one more, if need be that of an entry whose connection never stood. */
  makeRoom(): boolean {
    if (this.size + this.others < this.max) return true;
    this.sweep();
    if (this.size + this.others < this.max) return true;
    // Of so many tuples that lie together these are ours.
    let looked = 0;
    const share = this.size / (this.size + this.others);
    for (let left = SACRIFICE_AMONG; left > 0; left -= 1) if (this.random.chance(share)) looked += 1;
    const victim = this.tuples.some(this.random.next(), looked).find((entry) => !entry.assured);
    if (victim === undefined) return false;
    this.remove(victim);
    return true;
  }

  /** Puts an entry into the table; false if one of its tuples is taken. */
  insert(entry: Entry, lifetimeMs: number): boolean {
    if (this.size >= this.sweepAt) this.sweep();
    if (this.find(entry.client, entry.vip) !== undefined) return false;
    if (this.find(entry.backend, entry.seen) !== undefined) return false;
    this.tuples.add(entry.client, entry.vip, entry);
    this.tuples.add(entry.backend, entry.seen, entry);
    entry.stands = true;
    entry.confirmed = true;
    entry.expiresMs = this.engine.nowMs + lifetimeMs;
    entry.slot = this.freeSlots.pop() ?? this.slots++;
    // Made of the place in memory and the tuple, as the kernel does it: the same tuple may get the same id again.
    entry.id = hashOf(entry.client * 31 + entry.slot, entry.vip) >>> 0;
    return true;
  }

  remove(entry: Entry): void {
    if (!entry.stands) return;
    entry.stands = false;
    this.tuples.remove(entry.client, entry.vip);
    this.tuples.remove(entry.backend, entry.seen);
    this.freeSlots.push(entry.slot);
  }

  clear(): void {
    this.tuples.clear();
    this.freeSlots.length = 0;
    this.others = 0;
    this.entry = undefined;
  }

  /** Picks another source port if the reply tuple is taken. In vain, `insert` fails. */
  makeReplyUnique(entry: Entry): void {
    const wanted = entry.seen;
    if (this.find(entry.backend, wanted) === undefined) return;
    const port = portOf(wanted);
    const [least, count] = port < 512 ? [1, 511] : port < 1024 ? [600, 424] : [1024, 64_512];
    let attempts = Math.min(PORT_ATTEMPTS, count);
    while (attempts >= 16 || attempts === Math.min(PORT_ATTEMPTS, count)) {
      const offset = this.random.below(count);
      for (let i = 0; i < attempts; i += 1) {
        const other = endpoint(addressOf(wanted), least + ((offset + i) % count));
        if (this.find(entry.backend, other) !== undefined) continue;
        entry.seen = other;
        return;
      }
      attempts >>= 1;
    }
  }

  /**
   * Finds or makes the connection of a packet and moves its state; leaves it in `entry` and `isReply`. With
   * `nat` a new one gets a source port of its own. `invalid` packets belong to none, `drop`ped ones go no further.
   */
  track(packet: Packet, nat: boolean): Fate {
    for (;;) {
      const entry = this.find(packet.from, packet.to);
      if (entry === undefined) return this.begin(packet, nat);
      this.entry = entry;
      this.isReply = !(entry.client === packet.from && entry.vip === packet.to);
      if (this.follow(entry, packet, this.isReply)) return this.entry === undefined ? 'invalid' : 'tracked';
    }
  }

  /** The packet that began an entry leaves the host: the entry goes into the table. False: the packet is lost. */
  confirm(entry: Entry): boolean {
    const seconds = entry.state === ESTABLISHED ? UNACKNOWLEDGED_SECONDS : TIMEOUT_SECONDS[entry.state]!;
    return this.insert(entry, seconds * 1_000);
  }

  private begin(packet: Packet, nat: boolean): Fate {
    this.entry = undefined;
    this.isReply = false;
    const state = nextState(false, indexOf(packet.segment), NONE);
    if (state === INVALID) return 'invalid';
    if (!this.makeRoom()) return 'drop';
    const entry = new Entry(packet.from, packet.to, packet.to, packet.from, state, false);
    if (nat) this.makeReplyUnique(entry);
    remember(entry, packet, indexOf(packet.segment), false);
    this.entry = entry;
    return 'tracked';
  }

  /** Returns false when the entry gave way to a new connection, and the packet has to be looked up again. */
  private follow(entry: Entry, packet: Packet, reply: boolean): boolean {
    const index = indexOf(packet.segment);
    const old = entry.state;
    let next = nextState(reply, index, old);
    if (next === SYN_SENT && old >= TIME_WAIT) {
      if (entry.closing || (entry.lastReply === reply && entry.lastIndex === RST_INDEX)) {
        this.remove(entry);
        return false;
      }
      next = IGNORE;
    }
    if (next === IGNORE) {
      const answersIgnoredSyn =
        index === SYN_ACK_INDEX &&
        entry.lastIndex === SYN_INDEX &&
        entry.lastReply !== reply &&
        packet.acknowledged === entry.lastEnd;
      if (!answersIgnoredSyn) {
        // The answer to a SYN out of place is a challenge, which is not the last ACK.
        if (index === SYN_INDEX && old === LAST_ACK) entry.challengeExpected = true;
        remember(entry, packet, index, reply);
        return true;
      }
      // Both ends agree on a connection that we took for another.
      next = SYN_RECV;
      entry.closing = false;
    } else if (next === INVALID) {
      this.entry = undefined;
      return true;
    } else if (next === TIME_WAIT && old === LAST_ACK && index === ACK_INDEX && entry.challengeExpected) {
      if (entry.lastReply !== reply && entry.lastIndex === SYN_INDEX) {
        entry.challengeExpected = false;
        return true;
      }
    } else if (next === SYN_SENT2) {
      entry.simultaneous = true;
    } else if (next === SYN_RECV && reply && index === ACK_INDEX && entry.simultaneous) {
      next = ESTABLISHED;
    }
    remember(entry, packet, index, reply);
    entry.state = next;
    if (next === FIN_WAIT) entry.closing = true;
    if (!entry.seenReply && index === RST_INDEX) {
      // Nothing but a reset ever answered: there is no connection. The packet itself still belongs to it.
      this.remove(entry);
      return true;
    }
    let seconds = TIMEOUT_SECONDS[next]!;
    if (entry.seenReply) {
      if (next === ESTABLISHED && (old === SYN_RECV || old === ESTABLISHED)) entry.assured = true;
    } else if (index === SYN_INDEX && old === SYN_SENT) {
      // A client that goes on and on does not keep an entry alive that nobody answers. So one that was made
      // over netlink keeps the time it was given.
      return true;
    } else if (next === ESTABLISHED) seconds = Math.min(seconds, UNACKNOWLEDGED_SECONDS);
    if (reply) entry.seenReply = true;
    entry.expiresMs = this.engine.nowMs + seconds * 1_000;
    return true;
  }

  /** Takes out what has timed out. */
  private sweep(): void {
    const { nowMs } = this.engine;
    this.sweptMs = nowMs;
    const over: Entry[] = [];
    const { tuples } = this;
    tuples.forEach((entry, place) => {
      if (entry.expiresMs <= nowMs && tuples.isAt(place, entry.client, entry.vip)) over.push(entry);
    });
    for (const entry of over) this.remove(entry);
    this.sweepAt = Math.max(1024, this.size * 2);
  }
}

function remember(entry: Entry, packet: Packet, index: number, reply: boolean): void {
  entry.lastIndex = index;
  entry.lastReply = reply;
  entry.lastEnd = (packet.sequence ?? 0) + 1;
}
