import { Histogram } from './histogram.js';

/** What became of a SYN: placed on a backend, left to the refusing rule, or dropped so that the client retries. */
export type VerdictOutcome = 'mapped' | 'refused' | 'deferred';

/** `random` only where the configuration asks for it. */
export type PickAlgorithm = 'simple' | 'probabilistic' | 'random';

/** The class a chosen backend was in: circuit closed and node reachable, circuit closed only, neither. */
export type PickBucket = 'open-reachable' | 'open' | 'rest';

/**
 * What became of a connection entry we asked the kernel for. The `exists-` ones met an entry of the same
 * tuple: its backend was kept (a retransmitted SYN), it was closed and replaced, it was moved to another
 * backend because the old one looks dead, or it was live and left alone.
 */
export type CreateOutcome =
  | 'made'
  | 'exists-kept'
  | 'exists-replaced'
  | 'exists-moved'
  | 'exists-left-alone'
  | 'full';

export const VERDICT_OUTCOMES: readonly VerdictOutcome[] = ['mapped', 'refused', 'deferred'];
export const PICK_ALGORITHMS: readonly PickAlgorithm[] = ['simple', 'probabilistic', 'random'];
export const PICK_BUCKETS: readonly PickBucket[] = ['open-reachable', 'open', 'rest'];
export const CREATE_OUTCOMES: readonly CreateOutcome[] = [
  'made',
  'exists-kept',
  'exists-replaced',
  'exists-moved',
  'exists-left-alone',
  'full',
];

/** Seconds. Finest where a decision or a handshake inside one rack lies; the last is far beyond any retry. */
export const LATENCY_BOUNDS_SECONDS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/** Codes come from the kernel and are few; a bound all the same, since each becomes a time series. */
const MAX_ERROR_CODES = 32;

/**
 * What the node did since it started: counters the actors write and a scrape reads. They only grow. The
 * object outlives restarts of the actors, so a crash loses no count. Durations go in as milliseconds.
 */
export class Telemetry {
  readonly verdicts: Record<VerdictOutcome, number> = { mapped: 0, refused: 0, deferred: 0 };
  readonly picks: Record<PickAlgorithm, Record<PickBucket, number>> = {
    simple: { 'open-reachable': 0, open: 0, rest: 0 },
    probabilistic: { 'open-reachable': 0, open: 0, rest: 0 },
    random: { 'open-reachable': 0, open: 0, rest: 0 },
  };
  readonly creates: Record<CreateOutcome, number> = {
    made: 0,
    'exists-kept': 0,
    'exists-replaced': 0,
    'exists-moved': 0,
    'exists-left-alone': 0,
    full: 0,
  };
  readonly createErrors = new Map<string, number>();
  readonly handshakes = { answered: 0, refused: 0, timedOut: 0 };
  /** Mapping made to SYN-ACK seen, of the handshakes that were answered. */
  readonly handshakeSeconds = new Histogram(LATENCY_BOUNDS_SECONDS);
  /** SYN handed to us to verdict given. */
  readonly decisionSeconds = new Histogram(LATENCY_BOUNDS_SECONDS);
  #redispatches = 0;
  #eventOverruns = 0;
  #rulesRestored = 0;
  #setRestored = 0;

  /** SYNs whose decision was started anew because the first one missed its deadline. */
  get redispatches(): number {
    return this.#redispatches;
  }

  /** Times the kernel dropped connection events and we had to resynchronise. */
  get eventOverruns(): number {
    return this.#eventOverruns;
  }

  /** Times somebody else removed rules of ours and they were put back. */
  get rulesRestored(): number {
    return this.#rulesRestored;
  }

  /** Times somebody else changed or destroyed the VIP set and it was put back. */
  get setRestored(): number {
    return this.#setRestored;
  }

  verdict(outcome: VerdictOutcome, packets = 1): void {
    this.verdicts[outcome] += packets;
  }

  picked(algorithm: PickAlgorithm, bucket: PickBucket): void {
    this.picks[algorithm][bucket] += 1;
  }

  created(outcome: CreateOutcome, entries = 1): void {
    this.creates[outcome] += entries;
  }

  createFailed(code: string): void {
    const known = this.createErrors.has(code) || this.createErrors.size < MAX_ERROR_CODES;
    const key = known ? code : 'other';
    this.createErrors.set(key, (this.createErrors.get(key) ?? 0) + 1);
  }

  /** `tookMs` is undefined where it is not known how long it took. */
  handshakeAnswered(tookMs: number | undefined): void {
    this.handshakes.answered += 1;
    if (tookMs !== undefined) this.handshakeSeconds.observe(tookMs / 1000);
  }

  handshakeRefused(): void {
    this.handshakes.refused += 1;
  }

  handshakeTimedOut(): void {
    this.handshakes.timedOut += 1;
  }

  decided(tookMs: number): void {
    this.decisionSeconds.observe(tookMs / 1000);
  }

  redispatched(packets = 1): void {
    this.#redispatches += packets;
  }

  eventsOverran(): void {
    this.#eventOverruns += 1;
  }

  restoredRules(): void {
    this.#rulesRestored += 1;
  }

  restoredSet(): void {
    this.#setRestored += 1;
  }
}
