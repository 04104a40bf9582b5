import type { Endpoint } from '../endpoint.js';
import type { DetectorEffect } from './effects.js';
import type { MeshLink } from './peer.js';
import { RoundTrip } from './round-trip.js';

/** Milliseconds. */
export interface DetectorSettings {
  readonly intervalMs: number;
  /** A ping that is not answered within expected round trip + margin, and at least this, is a miss. */
  readonly missLeastMs: number;
  readonly missMostMs: number;
  readonly marginMs: number;
  /** After a miss, so much more silence is the end: at least this, at most that. */
  readonly graceLeastMs: number;
  readonly graceMostMs: number;
  /** What we ourselves come too late by may be our fault, not the peers'. */
  readonly stallMs: number;
  /**
   * After a miss the suspect is pinged once more while its other neighbours are alarmed. Without it the first miss is the end,
   * and the cut alarms the others: so Lashup does it.
   */
  readonly reping: boolean;
}

/**
 * A miss at 250 ms leaves room for one retransmission of TCP (200 ms), so that a lost packet does not alarm anybody. A neighbour
 * that dies is cut within 1.1 s interval + 0.25 + 0.3 at the worst; with seven neighbours the first
 * ping after its death is due within 0.14 s on average, and it alarms the others.
 */
export const DETECTOR_DEFAULTS: DetectorSettings = {
  intervalMs: 1000,
  missLeastMs: 250,
  missMostMs: 5000,
  marginMs: 150,
  graceLeastMs: 300,
  graceMostMs: 6000,
  stallMs: 100,
  reping: true,
};

/** Before anything was measured. */
const UNMEASURED_MS = 350;
/** Alarms of others about one neighbour are heeded so often at most, lest a liar make us ping without end. */
const HEED_MS = 500;
/** An alarm is no news to who heard from the suspect just now. */
const FRESH_MS = 25;
/**
 * Whoever is late itself gives its neighbours so many times its own lateness, within bounds, before it judges them: its machine
 * is busy, and theirs may be, too, since a death makes work for everybody. After Lifeguard's local health (Dadgar, Phillips,
 * Currey 2017).
 */
const LENIENCE = 4;
/** So late is everybody now and then. */
const PUNCTUAL_MS = 15;
const LENIENCE_MOST_MS = 1000;
/** Lateness is forgotten at this pace: by a factor of e. */
const LATENESS_FADES_MS = 500;
/** How far an alarm travels: beyond the suspect's neighbours, without the way through the suspect itself. */
const SUSPECT_STEPS = 4;
/** So many alarms a second are passed on at most: when much is lost, detection slows down to the pings' own pace. */
const RELAYS_PER_SECOND = 25;
const UNANSWERED_MOST = 16;
const DRAWS = 4;
/**
 * An alarm is passed on once in this time: longer than a miss and its grace, since the alarms of all neighbours of one dead
 * node come within that, and the first has said it all.
 */
const RELAY_MS = 900;

interface Waiting {
  readonly seq: number;
  readonly sinceMs: number;
  deadlineMs: number;
  /** It missed one already, or others did. */
  suspected: boolean;
  /** What the deadline was put off by, as we are late ourselves. */
  lenienceMs: number;
}

interface Watched {
  readonly link: MeshLink;
  readonly roundTrip: RoundTrip;
  seq: number;
  /** Pings not answered yet and when they were sent, oldest first: a late answer tells the round trip, too. */
  readonly unanswered: Map<number, number>;
  heardMs: number;
  heededMs: number;
  nextPingMs: number;
  waiting: Waiting | undefined;
}

/**
 * Watches the neighbours: says soon, and seldom wrongly, who fell silent. Each link is pinged once a second by whichever end
 * is first; a ping that comes in stands for the one to be sent. Whatever is heard on a link is a sign of life.
 *
 * A miss is answered by an immediate second ping and an alarm, upon which the suspect's other neighbours ping it, too; all
 * of them cut after the same grace, so that it is gone for everybody at about the same time.
 */
export class FailureDetector {
  readonly #settings: DetectorSettings;
  readonly #random: () => number;
  readonly #tableHash: () => number;
  readonly #heardMs: (id: number) => number | undefined;
  readonly #watched = new Map<number, Watched>();
  /** When an alarm was passed on, by suspect, within the last second. */
  readonly #relayed = new Map<Endpoint, number>();
  #promisedMs: number | undefined;
  #stalls = 0;
  #lateMs = 0;
  #lateAtMs = 0;

  /** `heardMs`: when anything came in on a link last; asked for before a link is judged, as most frames are no pings. */
  constructor(
    settings: DetectorSettings,
    tableHash: () => number,
    heardMs: (id: number) => number | undefined,
    random: () => number,
  ) {
    this.#settings = settings;
    this.#tableHash = tableHash;
    this.#heardMs = heardMs;
    this.#random = random;
  }

  /** Times that we ourselves were late. */
  get stalls(): number {
    return this.#stalls;
  }

  /** The links whose peers are watched. */
  watched(): Iterable<number> {
    return this.#watched.keys();
  }

  roundTripMs(id: number): number | undefined {
    return this.#watched.get(id)?.roundTrip.typicalMs;
  }

  /** A new neighbour; its first ping goes out at once. */
  add(link: MeshLink, nowMs: number): readonly DetectorEffect[] {
    this.#excuseOwnStall(nowMs);
    const watched: Watched = {
      link,
      roundTrip: new RoundTrip(),
      seq: 0,
      unanswered: new Map(),
      heardMs: nowMs,
      heededMs: Number.NEGATIVE_INFINITY,
      nextPingMs: nowMs,
      waiting: undefined,
    };
    this.#watched.set(link.id, watched);
    return this.#settled([this.#ping(watched, nowMs, false)]);
  }

  remove(id: number): void {
    this.#watched.delete(id);
    this.#promisedMs = this.#earliest();
  }

  /** A ping or something of that kind came in on the link. To be told before what it was. */
  heard(id: number, nowMs: number): void {
    this.#excuseOwnStall(nowMs);
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    this.#lives(watched, nowMs);
    this.#promisedMs = this.#earliest();
  }

  ping(id: number, seq: number, nowMs: number): readonly DetectorEffect[] {
    const watched = this.#watched.get(id);
    if (watched !== undefined) watched.nextPingMs = this.#nextPingMs(watched, nowMs);
    return this.#settled([
      { kind: 'send', id, message: { kind: 'pong', seq, tableHash: this.#tableHash() } },
    ]);
  }

  pong(id: number, seq: number, nowMs: number): void {
    const watched = this.#watched.get(id);
    const sentMs = watched?.unanswered.get(seq);
    if (watched === undefined || sentMs === undefined) return;
    watched.roundTrip.measured(nowMs - sentMs);
    for (const old of watched.unanswered.keys()) if (old <= seq) watched.unanswered.delete(old);
    if (watched.waiting !== undefined && watched.waiting.seq <= seq) watched.waiting = undefined;
    this.#promisedMs = this.#earliest();
  }

  /** Somebody's alarm, by link `from`: ping the suspect if it is our neighbour, else pass the alarm on. */
  alarm(target: Endpoint, steps: number, from: number, nowMs: number): readonly DetectorEffect[] {
    this.#excuseOwnStall(nowMs);
    for (const watched of this.#watched.values()) {
      if (watched.link.peer.endpoint !== target) continue;
      this.#catchUp(watched);
      if (watched.link.id === from || nowMs - watched.heardMs < FRESH_MS) return [];
      if (watched.waiting?.suspected === true || nowMs - watched.heededMs < HEED_MS) return [];
      watched.heededMs = nowMs;
      return this.#settled([this.#ping(watched, nowMs, true)]);
    }
    if (steps <= 1) return [];
    return this.#alarmOthers(target, Math.min(steps, SUSPECT_STEPS) - 1, from, nowMs);
  }

  tick(nowMs: number): readonly DetectorEffect[] {
    this.#excuseOwnStall(nowMs);
    const effects: DetectorEffect[] = [];
    for (const watched of this.#watched.values()) {
      if (watched.waiting !== undefined && watched.waiting.deadlineMs <= nowMs) this.#catchUp(watched);
      const { waiting, link } = watched;
      if (waiting === undefined) {
        if (watched.nextPingMs <= nowMs) effects.push(this.#ping(watched, nowMs, false));
      } else if (waiting.deadlineMs > nowMs) {
        // Still time.
      } else if (this.#putOff(waiting, nowMs)) {
        // We are late ourselves.
      } else {
        const { reping } = this.#settings;
        const isCut = waiting.suspected || !reping;
        if (isCut) {
          this.#watched.delete(link.id);
          effects.push({ kind: 'cut', id: link.id, silentMs: nowMs - watched.heardMs });
        } else effects.push(this.#ping(watched, nowMs, true));
        if (!waiting.suspected)
          effects.push(...this.#alarmOthers(link.peer.endpoint, SUSPECT_STEPS, link.id, nowMs));
      }
    }
    return this.#settled(effects);
  }

  nextTickMs(): number | undefined {
    return this.#promisedMs;
  }

  #ping(watched: Watched, nowMs: number, suspected: boolean): DetectorEffect {
    watched.seq += 1;
    watched.unanswered.set(watched.seq, nowMs);
    watched.unanswered.delete(watched.seq - UNANSWERED_MOST);
    watched.nextPingMs = this.#nextPingMs(watched, nowMs, watched.seq === 1 ? 0.05 : undefined);
    watched.waiting = {
      seq: watched.seq,
      sinceMs: nowMs,
      deadlineMs: nowMs + (suspected ? this.#graceMs(watched) : this.#missMs(watched)),
      suspected,
      lenienceMs: 0,
    };
    const message = { kind: 'ping', seq: watched.seq, tableHash: this.#tableHash() } as const;
    return { kind: 'send', id: watched.link.id, message };
  }

  /** Takes into account what came in on the link without our being told. */
  #catchUp(watched: Watched): void {
    const heardMs = this.#heardMs(watched.link.id);
    if (heardMs !== undefined && heardMs > watched.heardMs) this.#lives(watched, heardMs);
  }

  #lives(watched: Watched, atMs: number): void {
    watched.heardMs = atMs;
    const { waiting } = watched;
    if (waiting === undefined) return;
    if (!waiting.suspected) waiting.deadlineMs = atMs + this.#missMs(watched);
    else if (atMs >= waiting.sinceMs) watched.waiting = undefined;
  }

  #alarmOthers(target: Endpoint, steps: number, except: number, nowMs: number): DetectorEffect[] {
    const lastMs = this.#relayed.get(target);
    if (lastMs !== undefined && nowMs - lastMs < RELAY_MS) return [];
    for (const [old, atMs] of this.#relayed) if (nowMs - atMs >= 1000) this.#relayed.delete(old);
    if (this.#relayed.size >= RELAYS_PER_SECOND) return [];
    this.#relayed.delete(target);
    this.#relayed.set(target, nowMs);
    const message = { kind: 'suspect', target, steps } as const;
    return [...this.#watched.keys()]
      .filter((id) => id !== except)
      .map((id) => ({ kind: 'send', id, message }) as const);
  }

  /**
   * Of some moments drawn the one farthest from the pings of the other links. A node whose neighbours ping it evenly is missed
   * soon after its death; started together, they would all ping at once for minutes. Both ends draw
   * anew each time, so that either of them gets to measure.
   */
  #nextPingMs(watched: Watched, nowMs: number, least = 0.75): number {
    const { intervalMs } = this.#settings;
    let best = nowMs;
    let bestGapMs = -1;
    for (let draws = DRAWS; draws > 0; draws -= 1) {
      const candidate = nowMs + intervalMs * (least + (1.05 - least) * this.#random());
      let gapMs = intervalMs;
      for (const other of this.#watched.values()) {
        if (other === watched) continue;
        const apartMs = Math.abs(candidate - other.nextPingMs) % intervalMs;
        gapMs = Math.min(gapMs, apartMs, intervalMs - apartMs);
      }
      if (gapMs <= bestGapMs) continue;
      best = candidate;
      bestGapMs = gapMs;
    }
    return best;
  }

  #missMs(watched: Watched): number {
    const { missLeastMs, missMostMs, marginMs } = this.#settings;
    return clamp(watched.roundTrip.expectedMs(UNMEASURED_MS) + marginMs, missLeastMs, missMostMs);
  }

  #graceMs(watched: Watched): number {
    const { graceLeastMs, graceMostMs, reping } = this.#settings;
    if (!reping) return this.#missMs(watched);
    return clamp(1.2 * this.#missMs(watched), graceLeastMs, graceMostMs);
  }

  /** Whether there is still time, seen how late we ourselves are. */
  #putOff(waiting: Waiting, nowMs: number): boolean {
    if (!this.#settings.reping) return false;
    const lenienceMs = Math.min(LENIENCE_MOST_MS, LENIENCE * (this.#latenessMs(nowMs) - PUNCTUAL_MS));
    if (lenienceMs <= waiting.lenienceMs) return false;
    waiting.deadlineMs += lenienceMs - waiting.lenienceMs;
    waiting.lenienceMs = lenienceMs;
    return waiting.deadlineMs > nowMs;
  }

  #latenessMs(nowMs: number): number {
    return this.#lateMs * Math.exp((this.#lateAtMs - nowMs) / LATENESS_FADES_MS);
  }

  #noteLateness(nowMs: number): void {
    const lateMs = this.#promisedMs === undefined ? 0 : nowMs - this.#promisedMs;
    if (lateMs <= this.#latenessMs(nowMs)) return;
    this.#lateMs = lateMs;
    this.#lateAtMs = nowMs;
  }

  /** Answers may have come in while we did not run: whoever is waited for gets the whole time again. */
  #excuseOwnStall(nowMs: number): void {
    this.#noteLateness(nowMs);
    if (this.#promisedMs === undefined || nowMs - this.#promisedMs <= this.#settings.stallMs) return;
    this.#stalls += 1;
    for (const watched of this.#watched.values()) {
      const { waiting } = watched;
      if (waiting === undefined) continue;
      waiting.deadlineMs = nowMs + (waiting.suspected ? this.#graceMs(watched) : this.#missMs(watched));
    }
    this.#promisedMs = nowMs;
  }

  #settled(effects: readonly DetectorEffect[]): readonly DetectorEffect[] {
    this.#promisedMs = this.#earliest();
    return effects;
  }

  #earliest(): number | undefined {
    let earliest: number | undefined;
    for (const { waiting, nextPingMs } of this.#watched.values()) {
      const atMs = waiting?.deadlineMs ?? nextPingMs;
      if (earliest === undefined || atMs < earliest) earliest = atMs;
    }
    return earliest;
  }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
