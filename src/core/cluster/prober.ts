import type { Endpoint } from '../endpoint.js';
import { BackOff } from './back-off.js';
import type { HyparviewSettings, Surroundings } from './hyparview-settings.js';
import { sample } from './view.js';

/** Of those apart so many are tried at a time: a quarter, but at least one and at most eight. */
const PART = 4;
const PROBES_MOST = 8;
/** So long after the first neighbour it is known from the news whom that made reachable. */
const SETTLE_MS = 1000;
/** Who is all alone waits no longer than this. */
const ALONE_MS = 2000;

/**
 * Says whom to try to reach though no path leads there: the contacts for ever, and whoever was lost. Each is tried once before
 * anybody is tried twice, so that of four dead and one living the living one is found within five rounds.
 */
export class Prober {
  readonly #self: Endpoint;
  readonly #contacts: readonly Endpoint[];
  readonly #around: Surroundings;
  readonly #random: () => number;
  readonly #backOff: BackOff;
  readonly #tried = new Set<Endpoint>();
  #missed = 0;
  #paceMs: number;
  #nextMs: number;

  constructor(
    self: Endpoint,
    contacts: readonly Endpoint[],
    around: Surroundings,
    settings: HyparviewSettings,
    random: () => number,
    nowMs: number,
  ) {
    this.#self = self;
    this.#contacts = contacts;
    this.#around = around;
    this.#random = random;
    this.#backOff = new BackOff(settings.probeLeastMs, settings.probeMostMs);
    this.#nextMs = nowMs;
    this.#paceMs = settings.probeLeastMs;
  }

  get nextMs(): number {
    return this.#nextMs;
  }

  /** There is a first neighbour: whom it leads to need not be tried. */
  settle(nowMs: number): void {
    this.#nextMs = Math.max(this.#nextMs, nowMs + SETTLE_MS * (0.75 + 0.5 * this.#random()));
  }

  /** Whom to dial now; nobody before `nextMs`. `touched`: there is, or soon will be, a link. */
  due(
    heardOf: Iterable<Endpoint>,
    alone: boolean,
    touched: (member: Endpoint) => boolean,
    nowMs: number,
  ): readonly Endpoint[] {
    if (nowMs < this.#nextMs) return [];
    const missed = this.#elsewhere([...this.#contacts, ...this.#around.unreachable()]);
    // More are gone than before: look for them at once. Those who are being tried are gone all the same, and whoever a
    // shuffle brings to mind again is no news.
    const more = missed.size > this.#missed;
    this.#missed = missed.size;
    if (more) this.#backOff.reset();
    const apart = this.#elsewhere([...missed, ...heardOf]);
    for (const member of apart) if (touched(member)) apart.delete(member);
    let untried = [...apart].filter((member) => !this.#tried.has(member));
    if (untried.length === 0) {
      this.#tried.clear();
      untried = [...apart];
    }
    // The pace slackens from one time through all of them to the next.
    if (more || this.#tried.size === 0) this.#paceMs = this.#backOff.next(this.#random);
    this.#nextMs = nowMs + (alone ? Math.min(this.#paceMs, ALONE_MS) : this.#paceMs);
    const count = Math.min(PROBES_MOST, Math.max(1, Math.ceil(apart.size / PART)));
    const chosen = sample(untried, count, this.#random);
    for (const member of chosen) this.#tried.add(member);
    return chosen;
  }

  /** Those to whom no path leads. */
  #elsewhere(members: Iterable<Endpoint>): Set<Endpoint> {
    const elsewhere = new Set(members);
    elsewhere.delete(this.#self);
    for (const member of elsewhere) if (this.#around.isReachable(member)) elsewhere.delete(member);
    return elsewhere;
  }
}
