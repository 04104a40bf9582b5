import { median } from '../report.js';
import type { ArmName } from './arms.js';
import { type Measures, type Phases, VIEWS, type View, WINDOW_MS } from './measures.js';
import { Latencies, type Quantiles, quantilesOf } from './quantiles.js';
import type { Setup } from './setup.js';
import type { TrialResult } from './trial-result.js';

/** Latencies of the requests that started within 100 ms, over all trials. Times from the fault on. */
export interface Window extends Quantiles {
  readonly fromMs: number;
  readonly requests: number;
  readonly mean: number;
  /** How much the mean differs from that of the window before. */
  readonly deviation: number | undefined;
}

export interface RunLine extends Measures {
  readonly seed: number;
}

/** The figures of an arm in one setup, over all trials: what tables are made of. */
export interface ArmFigures {
  readonly arm: ArmName;
  readonly setup: Setup;
  readonly trials: number;
  /** Over the trials; infinite where it did not happen in a trial. */
  readonly over: Readonly<Record<Measure, Quantiles>>;
  /** Medians over the trials of what requests took. */
  readonly medians: Readonly<Record<View, Readonly<Record<keyof Phases, Quantiles>>>>;
}

/** All trials of an arm in one setup. */
export interface ArmSummary extends ArmFigures {
  readonly windows: Readonly<Record<View, readonly Window[]>>;
  /** Share of the survivors that had taken all victims for gone by then. */
  readonly curve: readonly (readonly [atMs: number, share: number])[];
  /** In the order of their seeds. */
  readonly runs: readonly RunLine[];
}

type NumberOf = (measures: Measures) => number | undefined;

/** What is told of an arm, each a number in every trial. */
const MEASURES = {
  firstCutMs: (one) => one.firstCutMs,
  knownByHalfMs: (one) => one.knownByHalfMs,
  knownByMostMs: (one) => one.knownByMostMs,
  knownByAllMs: (one) => one.knownByAllMs,
  repairMs: (one) => one.repairMs,
  calmMs: (one) => one.calmMs,
  hits: (one) => one.hits,
  attempts: (one) => one.attempts,
  failed: (one) => one.failed,
  cutMidway: (one) => one.cutMidway,
  slow: (one) => one.slow,
  longestMs: (one) => one.longestMs,
  p99Change: (one) => change(one.latencies.open.before.p99, one.latencies.open.after.p99),
  deviationMs: (one) => one.deviationMs,
  falseDeaths: (one) => one.falseDeaths,
  framesBefore: (one) => one.traffic.before.frames,
  bytesBefore: (one) => one.traffic.before.bytes,
  framesAfter: (one) => one.traffic.after.frames,
  bytesAfter: (one) => one.traffic.after.bytes,
} as const satisfies Readonly<Record<string, NumberOf>>;

export type Measure = keyof typeof MEASURES | 'cpu';

const ALL_MEASURES = Object.entries({ ...MEASURES, cpu: (one: Measures) => one.cpu }) as readonly [
  Measure,
  NumberOf,
][];

/** Each figure in the order of the trials; infinite where it did not happen. */
export function columnsOf(runs: readonly Measures[]): readonly (readonly [Measure, readonly number[]])[] {
  return ALL_MEASURES.map(([name, of]) => [name, runs.map((run) => of(run) ?? Number.POSITIVE_INFINITY)]);
}

function change(before: number | undefined, after: number | undefined): number | undefined {
  return before === undefined || after === undefined ? undefined : after / before - 1;
}

const CURVE_STEP_MS = 20;
const CURVE_MOST_MS = 5_000;

/** Adds up the trials of one arm in one setup, in whichever order they come. */
export class Tally {
  readonly arm: ArmName;
  readonly setup: Setup;
  private readonly runs: RunLine[] = [];
  private readonly windows: Readonly<Record<View, Map<number, Latencies>>> = {
    open: new Map(),
    closed: new Map(),
    corrected: new Map(),
  };
  private readonly knownMs: number[] = [];

  constructor(arm: ArmName, setup: Setup) {
    this.arm = arm;
    this.setup = setup;
  }

  get trials(): number {
    return this.runs.length;
  }

  add({ trial, measures, samples }: TrialResult): void {
    this.runs.push({ seed: trial.seed, ...measures });
    this.knownMs.push(...samples.knownMs);
    for (const view of VIEWS) {
      const windows = this.windows[view];
      for (const [atMs, tookMs] of samples.latencies[view]) {
        const window = Math.floor(atMs / WINDOW_MS);
        let latencies = windows.get(window);
        if (latencies === undefined) {
          latencies = new Latencies();
          windows.set(window, latencies);
        }
        latencies.add(tookMs);
      }
    }
  }

  summary(): ArmSummary {
    const runs = [...this.runs].sort((a, b) => a.seed - b.seed);
    const over = Object.fromEntries(
      columnsOf(runs).map(([name, values]) => [name, quantilesOf(values)]),
    ) as Record<Measure, Quantiles>;
    return {
      arm: this.arm,
      setup: this.setup,
      trials: runs.length,
      over,
      medians: mediansOf(runs),
      windows: {
        open: windowsOf(this.windows.open),
        closed: windowsOf(this.windows.closed),
        corrected: windowsOf(this.windows.corrected),
      },
      curve: curveOf(this.knownMs),
      runs,
    };
  }
}

function mediansOf(runs: readonly Measures[]): ArmFigures['medians'] {
  const middle = (view: View, phase: keyof Phases): Quantiles => {
    const of = (which: keyof Quantiles): number | undefined =>
      median(runs.flatMap(({ latencies }) => latencies[view][phase][which] ?? []));
    return { p50: of('p50'), p95: of('p95'), p99: of('p99'), max: of('max') };
  };
  const phases = (view: View): ArmFigures['medians'][View] => ({
    before: middle(view, 'before'),
    repair: middle(view, 'repair'),
    after: middle(view, 'after'),
  });
  return { open: phases('open'), closed: phases('closed'), corrected: phases('corrected') };
}

function windowsOf(windows: ReadonlyMap<number, Latencies>): Window[] {
  return [...windows]
    .sort(([a], [b]) => a - b)
    .map(([window, latencies]) => {
      const mean = latencies.mean!;
      const before = windows.get(window - 1)?.mean;
      return {
        fromMs: window * WINDOW_MS,
        requests: latencies.count,
        mean,
        deviation: before === undefined ? undefined : mean - before,
        ...latencies.quantiles,
      };
    });
}

function curveOf(knownMs: readonly number[]): (readonly [number, number])[] {
  const sorted = [...knownMs].sort((a, b) => a - b);
  const curve: [number, number][] = [];
  let known = 0;
  for (let atMs = 0; atMs <= CURVE_MOST_MS; atMs += CURVE_STEP_MS) {
    while (known < sorted.length && sorted[known]! <= atMs) known += 1;
    curve.push([atMs, known / Math.max(1, sorted.length)]);
  }
  return curve;
}
