import type { Endpoint } from '../endpoint.js';
import { BackOff } from './back-off.js';
import type { HyparviewSettings, Surroundings } from './hyparview-settings.js';
import type { LinkBook } from './link-book.js';
import { ENOUGH, FEW, sample, type View } from './view.js';

const DIALS_CALM = 2;
const DIALS_URGENT = 16;
/** Walks sent for a joiner bring somebody within so long, as a rule. */
const WALKS_MS = 200;

/** Says when somebody is to be asked to take a place that is free, and whom to ask. */
export class Recruiter {
  readonly #self: Endpoint;
  readonly #view: View;
  readonly #links: LinkBook;
  readonly #around: Surroundings;
  readonly #settings: HyparviewSettings;
  readonly #diedLately: (peer: Endpoint) => boolean;
  readonly #random: () => number;
  readonly #backOff: BackOff;
  #nextMs: number;

  constructor(
    self: Endpoint,
    view: View,
    links: LinkBook,
    around: Surroundings,
    settings: HyparviewSettings,
    diedLately: (peer: Endpoint) => boolean,
    random: () => number,
    nowMs: number,
  ) {
    this.#self = self;
    this.#view = view;
    this.#links = links;
    this.#around = around;
    this.#settings = settings;
    this.#diedLately = diedLately;
    this.#random = random;
    this.#backOff = new BackOff(settings.promoteLeastMs, settings.promoteMostMs);
    this.#nextMs = nowMs + settings.promoteLeastMs;
  }

  get nextMs(): number {
    return this.#nextMs;
  }

  hurry(nowMs: number): void {
    this.#nextMs = Math.min(this.#nextMs, nowMs);
  }

  /** A neighbour is one no more, whichever way it went: its place is free. */
  lost(died: boolean, nowMs: number): void {
    this.#backOff.reset();
    if (died && this.#view.active.size >= ENOUGH) this.#mourn(nowMs);
    else this.hurry(nowMs);
  }

  /** Who refused a joiner sent out walks for it. Those who ask others at once all ask the same few, and with priority. */
  awaitWalks(nowMs: number): void {
    this.#nextMs = nowMs + WALKS_MS * (1 + this.#random());
  }

  /** Whom to ask now; nobody before `nextMs`. */
  due(nowMs: number): readonly Endpoint[] {
    if (nowMs < this.#nextMs) return [];
    const urgent = this.#view.active.size < ENOUGH;
    if (urgent) this.#backOff.reset();
    this.#nextMs = nowMs + this.#backOff.next(this.#random);
    const free = this.#settings.active - this.#view.active.size - this.#links.asked().length;
    // After most have died most dials end in silence, so more than are needed go out at once.
    const count = (urgent && free > 0 ? DIALS_URGENT : Math.min(free, DIALS_CALM)) - this.#links.dials;
    if (count <= 0) return [];
    const candidates = this.#candidates(nowMs);
    if (candidates.length > 0) return sample(candidates, count, this.#random);
    if (this.#view.active.size >= FEW) return [];
    // Nobody has room, but somebody may make some for who has nearly nobody.
    const others = [...this.#around.reachable()].filter((peer) => this.isStranger(peer));
    return sample(others, Math.min(count, DIALS_CALM), this.#random);
  }

  /**
   * The dead seldom go alone: for a moment the news of the others come first, and whom one would ask may be among them. New
   * links cost far more than news do.
   */
  #mourn(nowMs: number): void {
    const { mournLeastMs, mournMostMs } = this.#settings;
    this.#nextMs = nowMs + mournLeastMs + (mournMostMs - mournLeastMs) * this.#random();
  }

  /** Those of the passive view who may have room, or of all, if it knows of none. Who has no neighbour at all asks anybody. */
  #candidates(nowMs: number): Endpoint[] {
    const { size } = this.#view.active;
    const mayHaveRoom = (peer: Endpoint): boolean => {
      if (!this.isStranger(peer)) return false;
      const degree = this.#around.degree(peer);
      if (degree === undefined || size === 0) return true;
      // Shuffles bring the dead to mind again and again: who has neighbours leaves those to the prober.
      return degree < this.#settings.active && (size < ENOUGH || this.#around.isReachable(peer));
    };
    const candidates = [...this.#view.passive]
      .filter(([peer, { notBeforeMs }]) => notBeforeMs <= nowMs && mayHaveRoom(peer))
      .map(([peer]) => peer);
    return candidates.length > 0 ? candidates : [...this.#around.reachable()].filter(mayHaveRoom);
  }

  /** Whether there is neither a link nor a dial to it, and it did not die a moment ago. */
  isStranger(peer: Endpoint): boolean {
    return peer !== this.#self && !this.#links.inTouch(peer) && !this.#diedLately(peer);
  }
}
