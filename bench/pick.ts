import { Backend } from '../src/core/balancer/backend.js';
import { BackendTable } from '../src/core/balancer/backend-table.js';
import { Balancer } from '../src/core/balancer/balancer.js';
import { pick } from '../src/core/balancer/pick.js';
import { type Address, type Endpoint, endpoint } from '../src/core/endpoint.js';
import { Telemetry } from '../src/core/telemetry.js';
import { commandLine, main, positive } from './command-line.js';
import { writeResult } from './load-programs.js';
import { type Figure, figures, median, medianOfPairs, number, table } from './report.js';

/**
 * Decisions per second against the number of backends:
 *
 *     npm run bench:pick -- --rounds 15 --milliseconds 200
 *
 * A pick is the choice alone. A decision is the choice, counting the handshake as in flight and, 64 connections
 * later, as ended. Learning is the same with an answer at the end, which goes into averages and histograms of
 * that backend: with 10,000 of them hardly one is in the processor's cache, and nothing is asked of it. The
 * numbers of backends take turns, a round being one turn of each, and are compared within the round.
 */
export interface PickOptions {
  readonly backends: readonly number[];
  readonly rounds: number;
  /** How long one turn lasts at least. */
  readonly turnMs: number;
}

/** What is timed. */
const SUBJECTS = ['pick', 'decision', 'learning'] as const;
type Subject = (typeof SUBJECTS)[number];

/** Microseconds that one of each took; one value a round. */
export interface PickRow {
  readonly backends: number;
  readonly us: Readonly<Record<Subject, readonly number[]>>;
}

export interface PickResult {
  readonly rows: readonly PickRow[];
  readonly figures: readonly Figure[];
}

const VIP = endpoint(0x0a010203, 5000);
const LIMITS = { failureThreshold: 5, failureWindowMs: 300_000, backoffMs: 30_000, connectTimeoutMs: 400 };
const IN_FLIGHT = 64;
/** The clock is read once in so many decisions. */
const BATCH = 1_000;
/** Connections arrive this far apart. */
const APART_MS = 0.05;

export function benchPick(options: PickOptions): PickResult {
  const subjects = options.backends.map((backends) => ({
    backends,
    batches: {
      pick: picks(backends),
      decision: decisions(backends, (balancer, client) => balancer.release(client)),
      learning: decisions(backends, (balancer, client, chosen, nowMs) =>
        balancer.answered(client, chosen, nowMs, true),
      ),
    },
    us: { pick: [] as number[], decision: [] as number[], learning: [] as number[] },
  }));
  // One unmeasured round, so that the compiler has seen every number of backends before it counts.
  for (let round = -1; round < options.rounds; round += 1) {
    for (let turn = 0; turn < subjects.length; turn += 1) {
      const subject = subjects[(Math.max(0, round) + turn) % subjects.length]!;
      for (const name of SUBJECTS) {
        const us = measure(subject.batches[name], options.turnMs);
        if (round >= 0) subject.us[name].push(us);
      }
    }
  }
  const rows = subjects.map(({ backends, us }) => ({ backends, us }));
  return { rows, figures: figuresOf(rows) };
}

/** Microseconds a call of `once` takes, over at least `turnMs`. */
function measure(batch: () => void, turnMs: number): number {
  const fromMs = performance.now();
  let batches = 0;
  let elapsedMs = 0;
  while (elapsedMs < turnMs) {
    batch();
    batches += 1;
    elapsedMs = performance.now() - fromMs;
  }
  return (elapsedMs * 1_000) / (batches * BATCH);
}

const NOBODY = new Set<Address>();

function decisions(
  backends: number,
  end: (balancer: Balancer, client: Endpoint, chosen: Endpoint, nowMs: number) => void,
): () => void {
  const balancer = new Balancer(VIP, LIMITS, new Telemetry(), new Map(), () => NOBODY);
  balancer.setBackends(new Set(endpoints(backends)));
  const clients = Array.from({ length: IN_FLIGHT }, (_, n) => endpoint(0x0a090001, 1_024 + n));
  const chosen = new Array<Endpoint | undefined>(IN_FLIGHT);
  let nowMs = 1;
  let at = 0;
  return () => {
    for (let i = 0; i < BATCH; i += 1) {
      at = (at + 1) % IN_FLIGHT;
      nowMs += APART_MS;
      const client = clients[at]!;
      const former = chosen[at];
      if (former !== undefined) end(balancer, client, former, nowMs);
      chosen[at] = balancer.place(client, nowMs, Math.random);
    }
  };
}

function picks(backends: number): () => void {
  const made = new BackendTable(
    endpoints(backends).map((one) => {
      const backend = new Backend(one, LIMITS);
      backend.succeeded(0.1 + Math.random(), 1);
      return backend;
    }),
  );
  let nowMs = 1;
  return () => {
    for (let i = 0; i < BATCH; i += 1) {
      nowMs += APART_MS;
      pick(made, nowMs, Math.random);
    }
  };
}

function endpoints(count: number): Endpoint[] {
  return Array.from({ length: count }, (_, n) => endpoint(0x0a800000 + n, 8_000));
}

function figuresOf(rows: readonly PickRow[]): Figure[] {
  const [few, many] = [10, 10_000].map((backends) => rows.find((row) => row.backends === backends));
  const ratio = (what: Subject): number | undefined =>
    few && many && medianOfPairs(few.us[what], many.us[what], (one, other) => other / one);
  const asked = { asked: 1.2, bound: 'at most', unit: 'x' } as const;
  return [
    { name: 'a pick among 10,000 backends, against 10', value: ratio('pick'), ...asked },
    { name: 'a decision among 10,000 backends, against 10', value: ratio('decision'), ...asked },
  ];
}

function describe(rows: readonly PickRow[]): string {
  const perSecond = (values: readonly number[]): string => number(1e6 / (median(values) ?? Number.NaN), 0);
  return table(
    ['backends', ...SUBJECTS.flatMap((name) => [`${name}/s`, 'us each'])],
    rows.map(({ backends, us }) => [
      String(backends),
      ...SUBJECTS.flatMap((name) => [perSecond(us[name]), number(median(us[name]), 3)]),
    ]),
  );
}

/** Quick enough for the test suite. */
export const SMALL: PickOptions = { backends: [1, 10, 100, 1_000, 10_000], rounds: 3, turnMs: 5 };

await main(import.meta.url, () => {
  const values = commandLine('What choosing a backend costs, by the number of backends.', {
    rounds: ['15', 'of all sizes'],
    milliseconds: ['200', 'each turn of a size'],
    small: [false, 'as the tests run it'],
  });
  const result = benchPick(
    values.small
      ? SMALL
      : {
          backends: SMALL.backends,
          rounds: positive('--rounds', values.rounds),
          turnMs: positive('--milliseconds', values.milliseconds),
        },
  );
  console.log(describe(result.rows));
  console.log(`\n${figures(result.figures)}`);
  console.log(`\nall measurements: ${writeResult('pick', result)}`);
});
