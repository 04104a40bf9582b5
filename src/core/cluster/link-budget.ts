/** Frames and octets a second that a peer may send, and how much at once after a silence. */
export interface BudgetSettings {
  readonly framesPerSecond: number;
  readonly framesAtOnce: number;
  readonly octetsPerSecond: number;
  readonly octetsAtOnce: number;
}

/** Far above what a table of 10,000 nodes costs when it is learnt anew, far below what would hold a node up. */
export const BUDGET_DEFAULTS: BudgetSettings = {
  framesPerSecond: 500,
  framesAtOnce: 5000,
  octetsPerSecond: 500_000,
  octetsAtOnce: 8_000_000,
};

/** How much of one link's peer is too much: two token buckets. */
export class LinkBudget {
  readonly #settings: BudgetSettings;
  #frames: number;
  #octets: number;
  #filledMs: number;

  constructor(settings: BudgetSettings, nowMs: number) {
    this.#settings = settings;
    this.#frames = settings.framesAtOnce;
    this.#octets = settings.octetsAtOnce;
    this.#filledMs = nowMs;
  }

  /** Takes a frame into account; false when the peer floods us. */
  spend(octets: number, nowMs: number): boolean {
    const { framesPerSecond, framesAtOnce, octetsPerSecond, octetsAtOnce } = this.#settings;
    const seconds = Math.max(0, nowMs - this.#filledMs) / 1000;
    this.#filledMs = Math.max(nowMs, this.#filledMs);
    this.#frames = Math.min(framesAtOnce, this.#frames + seconds * framesPerSecond) - 1;
    this.#octets = Math.min(octetsAtOnce, this.#octets + seconds * octetsPerSecond) - octets;
    return this.#frames >= 0 && this.#octets >= 0;
  }
}
