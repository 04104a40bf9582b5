import type { Endpoint } from '../endpoint.js';
import { NO_VIPS, sameVips, type Vips } from '../vips.js';
import { boundedAdvert } from './advert-bounds.js';
import { compareDigest, differing, digests } from './anti-entropy.js';
import type { GossipEffect, PartingReason } from './effects.js';
import { Liveness } from './liveness.js';
import type { GossipMessage, Received } from './messages.js';
import { Mourning } from './mourning.js';
import type { MeshLink } from './peer.js';
import type { Publisher } from './publisher.js';
import type { Reachability } from './reachability.js';
import { compareVersions, type SealedRecord } from './record.js';
import { RecordQueue } from './record-queue.js';
import { hashOf, type RecordTable } from './record-table.js';
import { ENOUGH } from './view.js';
import { DIGEST_MOST } from './wire.js';

/** Milliseconds. */
export interface GossipSettings {
  /** New links and adverts wait so long for others to be published with. */
  readonly batchMs: number;
  /** So long wait new links without which the two of us reach everybody just as well. */
  readonly spareMs: number;
  /** Records for one link that come within so long travel in one frame. */
  readonly mergeMs: number;
  /** Tables that differ for so long lack something. */
  readonly repairAfterMs: number;
  readonly repairMostMs: number;
  /** Records of whom nobody reaches any more are kept so long. */
  readonly keepDeadMs: number;
  readonly keepLeftMs: number;
}

export const GOSSIP_DEFAULTS: GossipSettings = {
  batchMs: 400,
  spareMs: 2000,
  mergeMs: 10,
  repairAfterMs: 2000,
  repairMostMs: 30_000,
  keepDeadMs: 24 * 3_600_000,
  keepLeftMs: 60_000,
};

/**
 * Changes of links that are nobody's death are passed on so much later (up to twice that) to whoever has not spoken of them first.
 * Then one frame carries many, and each link carries each about once. No tree is needed for that, of which
 * there would be one for each origin, all searched anew with each change, while many come at once.
 */
const CALM_MS = 40;
/** The same for changes that make nobody known who was not. */
const SPARE_MS = 300;

interface Outlet {
  readonly link: MeshLink;
  readonly queue: RecordQueue;
  /** Since when the peer's table has differed from ours. */
  differsSinceMs: number | undefined;
  repairMs: number;
  nextRepairMs: number;
}

/**
 * Spreads records to everybody. News of deaths go over all links at once, each record at most twice over each; other changes of
 * links a little later, over those by which they did not come first; adverts along the tree rooted at their origin and to
 * one more neighbour. What gets lost is repaired: pings carry a hash of the
 * table, and tables that stay different, or that have just met, are compared by buckets.
 *
 * Records of those that cannot be reached take no part in that: they are forgotten at different times, and would come back
 * from whoever forgets last.
 */
export class Gossip {
  readonly #table: RecordTable;
  readonly #reachability: Reachability;
  readonly #publisher: Publisher;
  readonly #settings: GossipSettings;
  readonly #random: () => number;
  readonly #outlets = new Map<number, Outlet>();
  readonly #liveness: Liveness;
  #vips: Vips = NO_VIPS;
  #advertise: 'no' | 'changed' | 'again' = 'no';
  #left = false;
  /** What the last advert had no room for. */
  #leftOut = 0;
  #effects: GossipEffect[] = [];
  #summary: readonly number[] = [];
  #hash = 0;
  #hashedTable = -1;
  #hashedReached = -1;
  #lookedMs = Number.NEGATIVE_INFINITY;
  readonly #mourning = new Mourning();

  constructor(
    table: RecordTable,
    reachability: Reachability,
    publisher: Publisher,
    settings: GossipSettings,
    random: () => number,
    nowMs: number,
  ) {
    this.#table = table;
    this.#reachability = reachability;
    this.#publisher = publisher;
    this.#settings = settings;
    this.#random = random;
    this.#liveness = new Liveness(table, reachability, settings);
    const advert = table.get(publisher.self)?.advert;
    if (advert !== undefined) this.#vips = advert.record.vips;
    publisher.schedule(nowMs);
  }

  /** A hash of all that is known of those that can be reached: equal at all who know the same. */
  tableHash(): number {
    this.#rehash();
    return this.#hash;
  }

  linkUp(link: MeshLink, nowMs: number): readonly GossipEffect[] {
    const outlet: Outlet = {
      link,
      queue: new RecordQueue(this.#settings.mergeMs),
      differsSinceMs: undefined,
      repairMs: this.#settings.repairAfterMs,
      nextRepairMs: nowMs + this.#settings.repairAfterMs,
    };
    this.#outlets.set(link.id, outlet);
    const spare = this.#outlets.size > ENOUGH && this.#reachability.has(link.peer.endpoint);
    this.#publisher.schedule(nowMs + (spare ? this.#settings.spareMs : this.#settings.batchMs));
    // One side asks, the other answers with what differs.
    if (this.#publisher.self < link.peer.endpoint) this.#sendSummary(outlet);
    return this.#done(nowMs);
  }

  linkDown(link: MeshLink, why: PartingReason, nowMs: number): readonly GossipEffect[] {
    if (!this.#outlets.delete(link.id)) return [];
    const { endpoint } = link.peer;
    if (why === 'died') this.#mourning.add(endpoint, this.#table.get(endpoint)?.adjacency?.record, nowMs);
    this.#publisher.schedule(why === 'died' ? nowMs : nowMs + this.#settings.batchMs);
    return this.#done(nowMs);
  }

  /** What this node serves from now on. */
  serve(served: Vips, nowMs: number): readonly GossipEffect[] {
    const { vips, leftOut } = boundedAdvert(served);
    if (leftOut > 0 && leftOut !== this.#leftOut) {
      this.#effects.push({
        kind: 'log',
        level: 'warn',
        event: 'advert-too-large',
        message: `this node serves more than it can tell the others: ${leftOut} VIPs and backends are left out; let the nodes read that source themselves`,
        fields: { leftOut },
      });
    }
    this.#leftOut = leftOut;
    if (sameVips(vips, this.#vips)) return this.#take();
    this.#vips = vips;
    this.#advertise = 'changed';
    this.#publisher.schedule(nowMs + this.#settings.batchMs);
    return this.#done(nowMs);
  }

  /** Says good-bye: to be called before the links are closed. */
  leave(nowMs: number): readonly GossipEffect[] {
    this.#left = true;
    this.#publisher.schedule(nowMs);
    this.#publish(nowMs);
    this.#flush(nowMs, true);
    return this.#take();
  }

  /** The hash of a neighbour's table, as a ping or its answer brought it. */
  heardHash(id: number, hash: number, nowMs: number): readonly GossipEffect[] {
    const outlet = this.#outlets.get(id);
    if (outlet === undefined) return [];
    if (hash === this.tableHash()) {
      outlet.differsSinceMs = undefined;
      outlet.repairMs = this.#settings.repairAfterMs;
      return [];
    }
    outlet.differsSinceMs ??= nowMs;
    if (nowMs - outlet.differsSinceMs < this.#settings.repairAfterMs || nowMs < outlet.nextRepairMs)
      return [];
    outlet.repairMs = Math.min(this.#settings.repairMostMs, 2 * outlet.repairMs);
    outlet.nextRepairMs = nowMs + outlet.repairMs;
    this.#sendSummary(outlet);
    return this.#done(nowMs);
  }

  /** What came in together: its records go on together, too. */
  receive(received: readonly Received[], nowMs: number): readonly GossipEffect[] {
    for (const { id, message } of received) this.#receive(id, message, nowMs);
    return this.#done(nowMs);
  }

  #receive(id: number, message: GossipMessage, nowMs: number): void {
    const outlet = this.#outlets.get(id);
    if (outlet === undefined) return;
    switch (message.kind) {
      case 'records':
        for (const sealed of message.records) this.#received(sealed, outlet, nowMs);
        break;
      case 'summary':
        this.#answerSummary(outlet, message.hashes);
        break;
      case 'digest': {
        const { send, want } = compareDigest(this.#table, message, this.#included);
        for (const entry of message.entries)
          if (entry.origin === this.#publisher.self) this.#doubt(entry, nowMs);
        for (const sealed of send) outlet.queue.add(sealed, nowMs);
        for (let at = 0; at < want.length; at += DIGEST_MOST) {
          this.#effects.push({
            kind: 'send',
            id,
            message: { kind: 'want', keys: want.slice(at, at + DIGEST_MOST) },
          });
        }
        break;
      }
      case 'want':
        for (const { origin, kind } of message.keys) {
          const sealed = this.#table.record(origin, kind);
          if (sealed !== undefined) outlet.queue.add(sealed, nowMs);
        }
        break;
    }
  }

  tick(nowMs: number): readonly GossipEffect[] {
    return this.#done(nowMs);
  }

  nextTickMs(): number | undefined {
    let nextMs = this.#publisher.dueMs ?? Number.POSITIVE_INFINITY;
    for (const { queue } of this.#outlets.values()) nextMs = Math.min(nextMs, queue.dueMs ?? nextMs);
    nextMs = Math.min(nextMs, this.#lookMs(Number.NEGATIVE_INFINITY));
    return nextMs === Number.POSITIVE_INFINITY ? undefined : nextMs;
  }

  readonly #included = (origin: Endpoint): boolean => this.#reachability.has(origin);

  #received(sealed: SealedRecord, from: Outlet, nowMs: number): void {
    const { origin } = sealed.record;
    if (origin === this.#publisher.self) {
      this.#doubt({ ...sealed.record, hash: sealed.hash }, nowMs);
      return;
    }
    from.queue.known(sealed);
    if (sealed === this.#table.record(origin, sealed.record.kind)) return;
    const outcome = this.#table.merge(sealed);
    if (outcome === 'newer') {
      const delayMs = this.#patience(sealed);
      this.#stored(sealed);
      this.#contradict(sealed.record, nowMs);
      this.#forward(sealed, from, nowMs, delayMs);
    } else if (
      outcome === 'older' &&
      (origin === from.link.peer.endpoint || !this.#reachability.has(origin))
    ) {
      // It lost its memory, or somebody lies: what we have makes it speak up with a higher version.
      const ours = this.#table.record(origin, sealed.record.kind);
      if (ours !== undefined) from.queue.add(ours, nowMs);
    }
  }

  /** A record in our own name: either the one we published, or an older one, or not ours. */
  #doubt(
    claim: { kind: SealedRecord['record']['kind']; epoch: number; counter: number; hash: number },
    nowMs: number,
  ): void {
    const ours = this.#table.record(this.#publisher.self, claim.kind);
    const order = ours === undefined ? 1 : compareVersions(claim, ours.record);
    if (order < 0 || (order === 0 && claim.hash === ours?.hash)) return;
    if (claim.kind === 'advert') this.#advertise = 'again';
    this.#publisher.claimed(claim, nowMs);
  }

  /** Who is said to be dead says something, whatever it is. */
  #contradict(record: SealedRecord['record'], nowMs: number): void {
    if (record.kind !== 'adjacency') return;
    const { self } = this.#publisher;
    const death = record.died.find(({ node }) => node === self);
    const ours = this.#table.get(self)?.adjacency?.record;
    if (death === undefined || ours === undefined) return;
    const order = compareVersions(death, ours);
    if (order > 0) this.#publisher.claimed(death, nowMs);
    else if (order === 0) this.#publisher.calledDead(nowMs);
  }

  #stored(sealed: SealedRecord): void {
    const { record } = sealed;
    if (record.kind === 'advert') this.#effects.push({ kind: 'advert', origin: record.origin });
    else {
      if (record.left) this.#reachability.set(record.origin, []);
      else this.#reachability.set(record.origin, record.neighbours, record.died, record);
      this.#liveness.named(record.origin, record.name);
    }
  }

  /** How long news of links may wait for others to travel with, at least; to be asked before they are stored. */
  #patience({ record }: SealedRecord): number {
    if (record.kind !== 'adjacency' || record.left) return 0;
    // It lives: whoever heard of its death hears of that as soon.
    if (this.#reachability.doubted(record.origin)) return 0;
    // Whoever has heard from as many witnesses as we needed needs no more of them at once either.
    if (record.died.some(({ node }) => this.#included(node))) return 0;
    const known = this.#included(record.origin) && record.neighbours.every(this.#included);
    return known ? SPARE_MS : CALM_MS;
  }

  /** `delayMs`: by which news of links are late, up to twice that. */
  #forward(sealed: SealedRecord, from: Outlet | undefined, nowMs: number, delayMs = 0): void {
    const { record } = sealed;
    const others = [...this.#outlets.values()].filter((outlet) => outlet !== from);
    if (record.kind === 'adjacency') {
      for (const { queue } of others) queue.add(sealed, nowMs, delayMs * (1 + this.#random()));
      return;
    }
    if (!this.#reachability.has(record.origin)) {
      for (const { queue } of others) queue.add(sealed, nowMs);
      return;
    }
    const children = new Set(this.#reachability.children(record.origin));
    const rest: Outlet[] = [];
    for (const outlet of others) {
      if (children.has(outlet.link.peer.endpoint)) outlet.queue.add(sealed, nowMs);
      else rest.push(outlet);
    }
    rest[Math.floor(this.#random() * rest.length)]?.queue.add(sealed, nowMs);
  }

  #publish(nowMs: number): void {
    const { dueMs } = this.#publisher;
    if (dueMs === undefined || dueMs > nowMs) return;
    const refutes = this.#publisher.begin(nowMs);
    if (refutes) {
      const { epoch } = this.#publisher;
      this.#effects.push({ kind: 'epoch', epoch });
      this.#effects.push({
        kind: 'log',
        level: 'warn',
        event: 'records-refuted',
        message:
          'others had records of this node that it did not write; it publishes anew (normal after its disk was lost)',
        fields: { epoch },
      });
      if (this.#table.get(this.#publisher.self)?.advert !== undefined) this.#advertise = 'again';
    }
    if (this.#publisher.contradicts(nowMs) || refutes || this.#saysOtherwise()) {
      const neighbours = this.#neighbours();
      const died = this.#mourning.recent(neighbours, nowMs);
      this.#keep(this.#publisher.adjacency(neighbours, this.#left, died), nowMs);
    }
    if (this.#advertise === 'no') return;
    this.#advertise = 'no';
    this.#keep(this.#publisher.advert(this.#vips), nowMs);
  }

  /** Whether our links are not those that we published last. */
  #saysOtherwise(): boolean {
    const published = this.#table.get(this.#publisher.self)?.adjacency?.record;
    const now = this.#neighbours();
    if (published === undefined || published.epoch !== this.#publisher.epoch) return true;
    return (
      published.left !== this.#left ||
      published.neighbours.length !== now.length ||
      !now.every((neighbour) => published.neighbours.includes(neighbour))
    );
  }

  #neighbours(): Endpoint[] {
    if (this.#left) return [];
    return [...new Set([...this.#outlets.values()].map(({ link }) => link.peer.endpoint))];
  }

  #keep(sealed: SealedRecord, nowMs: number): void {
    this.#table.merge(sealed);
    this.#stored(sealed);
    this.#forward(sealed, undefined, nowMs);
  }

  #sendSummary(outlet: Outlet): void {
    this.#rehash();
    this.#effects.push({
      kind: 'send',
      id: outlet.link.id,
      message: { kind: 'summary', hashes: this.#summary },
    });
  }

  #answerSummary(outlet: Outlet, hashes: readonly number[]): void {
    this.#rehash();
    const mask = differing(this.#summary, hashes);
    if (mask === 0) return;
    for (const digest of digests(this.#table, mask, this.#included)) {
      this.#effects.push({ kind: 'send', id: outlet.link.id, message: { kind: 'digest', ...digest } });
    }
  }

  #rehash(): void {
    const { revision } = this.#table;
    const { reachedRevision } = this.#reachability;
    if (revision === this.#hashedTable && reachedRevision === this.#hashedReached) return;
    this.#hashedTable = revision;
    this.#hashedReached = reachedRevision;
    this.#summary = this.#table.summary(this.#included);
    this.#hash = hashOf(this.#summary);
  }

  #done(nowMs: number): readonly GossipEffect[] {
    this.#publish(nowMs);
    if (this.#lookMs(nowMs) <= nowMs) {
      this.#effects.push(...this.#liveness.look(nowMs));
      this.#lookedMs = nowMs;
    }
    this.#flush(nowMs, false);
    return this.#take();
  }

  /** When to look again who is there. A search costs the more the more there are, so it waits the longer for further news. */
  #lookMs(nowMs: number): number {
    // Who leaves reaches nobody, and that is no news.
    if (this.#left) return Number.POSITIVE_INFINITY;
    const dropMs = this.#liveness.nextDropMs() ?? Number.POSITIVE_INFINITY;
    if (!this.#liveness.stale) return dropMs;
    return Math.min(dropMs, Math.max(nowMs, this.#lookedMs + this.#settings.mergeMs + this.#table.size / 25));
  }

  #flush(nowMs: number, all: boolean): void {
    for (const { link, queue } of this.#outlets.values()) {
      if (queue.dueMs === undefined || (queue.dueMs > nowMs && !all)) continue;
      for (const records of queue.take(nowMs)) {
        this.#effects.push({ kind: 'send', id: link.id, message: { kind: 'records', records } });
      }
    }
  }

  #take(): readonly GossipEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
