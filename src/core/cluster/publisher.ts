import type { Endpoint } from '../endpoint.js';
import type { Vips } from '../vips.js';
import { ascending, type Death, type SealedRecord, sealRecord, type Version } from './record.js';

/** What a node says of itself, and when. */
export interface PublisherState {
  /** Counts the starts of this node; above anything it ever published. */
  epoch: number;
  counter: number;
}

/** Refutations follow each other after this at least, doubled each time, when somebody keeps speaking for us. */
const REFUTE_FIRST_MS = 100;
const REFUTE_MOST_MS = 300;
const REFUTE_FORGET_MS = 20_000;
/** Who is called dead again and again says so often at most that it is not. */
const CONTRADICT_EVERY_MS = 100;

/**
 * Versions what a node publishes, and refutes what others published in its name: a disk that was lost or rolled back, a lie,
 * a second daemon with the same endpoint. The last one would make two nodes shout each other down, so refutations slow down.
 */
export class Publisher {
  readonly self: Endpoint;
  readonly #name: string;
  readonly #state: PublisherState;
  #dueMs: number | undefined;
  #claimed: number | undefined;
  #refutedMs = Number.NEGATIVE_INFINITY;
  #refuteDelayMs = REFUTE_FIRST_MS;
  #calledDead = false;
  #contradictedMs = Number.NEGATIVE_INFINITY;

  constructor(self: Endpoint, name: string, state: PublisherState) {
    this.self = self;
    this.#name = name;
    this.#state = state;
  }

  get epoch(): number {
    return this.#state.epoch;
  }

  get dueMs(): number | undefined {
    return this.#dueMs;
  }

  /** There is news to publish at `atMs`, or earlier if earlier news wait. */
  schedule(atMs: number): void {
    if (this.#dueMs === undefined || atMs < this.#dueMs) this.#dueMs = atMs;
  }

  /** Somebody has a record of ours that we did not write, at `version`. */
  claimed(version: Version, nowMs: number): void {
    this.#claimed = Math.max(this.#claimed ?? 0, version.epoch);
    if (nowMs - this.#refutedMs > REFUTE_FORGET_MS) this.#refuteDelayMs = REFUTE_FIRST_MS;
    this.schedule(Math.max(nowMs, this.#refutedMs + this.#refuteDelayMs));
  }

  /** Somebody tells that we died after the last that we published: whatever we publish next says otherwise. */
  calledDead(nowMs: number): void {
    this.#calledDead = true;
    this.schedule(Math.max(nowMs, this.#contradictedMs + CONTRADICT_EVERY_MS));
  }

  /** To be asked when a publication is due: whether it is, just to say that we live. */
  contradicts(nowMs: number): boolean {
    if (!this.#calledDead) return false;
    const dueMs = this.#contradictedMs + CONTRADICT_EVERY_MS;
    if (nowMs < dueMs) {
      this.schedule(dueMs);
      return false;
    }
    this.#contradictedMs = nowMs;
    return true;
  }

  /** To be called before a due publication. True when a claim is refuted by it, with a new epoch. */
  begin(nowMs: number): boolean {
    this.#dueMs = undefined;
    if (this.#claimed === undefined) return false;
    if (nowMs < this.#refutedMs + this.#refuteDelayMs) {
      this.schedule(this.#refutedMs + this.#refuteDelayMs);
      return false;
    }
    this.#state.epoch = Math.max(this.#state.epoch, this.#claimed) + 1;
    this.#state.counter = 0;
    this.#claimed = undefined;
    this.#refutedMs = nowMs;
    this.#refuteDelayMs = Math.min(REFUTE_MOST_MS, 2 * this.#refuteDelayMs);
    return true;
  }

  adjacency(neighbours: readonly Endpoint[], left: boolean, died: readonly Death[]): SealedRecord {
    this.#calledDead = false;
    return sealRecord({
      kind: 'adjacency',
      ...this.#next(),
      name: this.#name,
      left,
      neighbours: [...neighbours].sort(ascending),
      died: [...died].sort((a, b) => ascending(a.node, b.node)),
    });
  }

  advert(vips: Vips): SealedRecord {
    return sealRecord({ kind: 'advert', ...this.#next(), vips });
  }

  #next(): Version & { origin: Endpoint } {
    this.#state.counter += 1;
    return { origin: this.self, epoch: this.#state.epoch, counter: this.#state.counter };
  }
}
