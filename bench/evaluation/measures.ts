import { quantile } from '../report.js';
import { type Quantiles, quantilesOf } from './quantiles.js';
import type { ClientRecord, Sighting, Traffic, TrialRecord } from './trial-record.js';
import { CLOSED, corrected, type RequestRecord } from './workload.js';

/** Whose latencies: of the open loop, of the closed one as it saw them, and with what it did not start while it waited. */
export const VIEWS = ['open', 'closed', 'corrected'] as const;
export type View = (typeof VIEWS)[number];

export const WINDOW_MS = 100;
export const SLOW_MS = 1_000;
const ERROR_SHARE = 0.001;
/** Who saw where a connection was sent, and the client, may be in different processes. */
const CLOCKS_APART_MS = 20;
/** So few requests cannot show that less than one in a thousand fails. */
const REQUESTS_LEAST = 1_000;

/** What a trial came to. Times in milliseconds from the moment when the victims went; undefined: never in this trial. */
export interface Measures {
  /** Until somebody cut a silent neighbour. */
  readonly firstCutMs: number | undefined;
  /** Until half, nine tenths and all of the survivors took all victims for gone. */
  readonly knownByHalfMs: number | undefined;
  readonly knownByMostMs: number | undefined;
  readonly knownByAllMs: number | undefined;
  /** Until the last connection that was sent to a dead backend started; 0 when none was. */
  readonly repairMs: number;
  /** From then on fewer than one request in a thousand failed or took over a second. */
  readonly calmMs: number | undefined;
  /** Connections of the open loop that were sent to a dead backend, and how many times, retries included. */
  readonly hits: number;
  readonly attempts: number;
  /** Requests of the open loop that began when all victims were gone and were never answered. */
  readonly failed: number;
  /** Requests that the fault met with an open connection: nobody can save those. */
  readonly cutMidway: number;
  readonly slow: number;
  /** The longest of those that began after the fault. */
  readonly longestMs: number;
  /** Latencies of the views before the fault, while it is repaired, and after that. */
  readonly latencies: Readonly<Record<View, Phases>>;
  /** The largest change of the open loop's mean latency from one window of 100 ms to the next, after the fault. */
  readonly deviationMs: number;
  /** Survivors that a survivor took for gone. */
  readonly falseDeaths: number;
  readonly traffic: { readonly before: Traffic; readonly after: Traffic };
  readonly cpu: number | undefined;
}

export interface Phases {
  readonly before: Quantiles;
  readonly repair: Quantiles;
  readonly after: Quantiles;
}

/** What is added up over trials: latencies with the times their requests started, and when each survivor knew. */
export interface Samples {
  readonly latencies: Readonly<Record<View, readonly Sample[]>>;
  /** Infinite for a survivor that never knew. */
  readonly knownMs: readonly number[];
}

/** `atMs` from the fault on, negative before. */
export type Sample = readonly [atMs: number, tookMs: number];

/** Latencies of requests that began within `repairMostMs` of the fault are those of the repair. */
export function measure(
  record: TrialRecord,
  durationMs: number,
  repairMostMs: number,
): { measures: Measures; samples: Samples } {
  const { killedMs, goneMs, open, closed } = record;
  const knownMs = knowledge(record);
  const sampled = (requests: readonly RequestRecord[]): Sample[] =>
    requests.map(({ atMs, tookMs }) => [atMs - killedMs, tookMs]);
  const samples: Samples = {
    latencies: {
      open: sampled(open.requests),
      closed: sampled(closed.requests),
      corrected: sampled(corrected(closed.requests, CLOSED, durationMs)),
    },
    knownMs,
  };
  const { hits, attempts, lastMs } = sentToTheDead(record, open);
  const later = open.requests.filter(({ atMs }) => atMs >= killedMs);
  const cuts = record.cuts.filter(({ atMs, of }) => atMs >= killedMs && record.victims.includes(of));
  const firstCut = cuts.map(({ atMs }) => atMs).sort((a, b) => a - b)[0];
  const sortedMs = [...knownMs].sort((a, b) => a - b);
  const knownBy = (share: number): number | undefined => {
    const atMs = quantile(sortedMs, share);
    return atMs === Number.POSITIVE_INFINITY ? undefined : atMs;
  };
  return {
    samples,
    measures: {
      firstCutMs: firstCut === undefined ? undefined : firstCut - killedMs,
      knownByHalfMs: knownBy(0.5),
      knownByMostMs: knownBy(0.9),
      knownByAllMs: knownBy(1),
      repairMs: lastMs,
      calmMs: calm(open.requests, killedMs),
      hits,
      attempts,
      failed: open.requests.filter(({ answered, atMs }) => !answered && atMs >= goneMs).length,
      cutMidway: open.requests.filter(({ answered, atMs }) => !answered && atMs < goneMs).length,
      slow: later.filter(({ tookMs }) => tookMs > SLOW_MS).length,
      longestMs: later.reduce((longest, { tookMs }) => Math.max(longest, tookMs), 0),
      latencies: {
        open: phases(samples.latencies.open, repairMostMs),
        closed: phases(samples.latencies.closed, repairMostMs),
        corrected: phases(samples.latencies.corrected, repairMostMs),
      },
      deviationMs: deviation(samples.latencies.open),
      falseDeaths: falseDeaths(record),
      traffic: record.traffic,
      cpu: record.cpu,
    },
  };
}

/**
 * When each survivor had taken all victims for gone, for good. A victim that was taken for gone before the fault, on a
 * machine too busy to answer, and was not found again, is known from the fault on.
 */
function knowledge({ killedMs, victims, survivors, deaths, returns }: TrialRecord): number[] {
  const pair = ({ by, of }: Pick<Sighting, 'by' | 'of'>): string => `${by} ${of}`;
  const returnedMs = new Map(returns.map((one) => [pair(one), one.atMs]));
  const goneMs = new Map<string, number>();
  for (const one of deaths) {
    const key = pair(one);
    if (goneMs.has(key) || one.atMs < (returnedMs.get(key) ?? Number.NEGATIVE_INFINITY)) continue;
    goneMs.set(key, Math.max(0, one.atMs - killedMs));
  }
  return survivors.map((by) =>
    Math.max(...victims.map((of) => goneMs.get(pair({ by, of })) ?? Number.POSITIVE_INFINITY)),
  );
}

function sentToTheDead(
  { killedMs, victims }: TrialRecord,
  { requests, placements }: ClientRecord,
): { hits: number; attempts: number; lastMs: number } {
  const dead = new Set(victims);
  const byPort = new Map<number, RequestRecord[]>();
  for (const request of requests) {
    const same = byPort.get(request.port);
    if (same === undefined) byPort.set(request.port, [request]);
    else same.push(request);
  }
  const hit = new Set<RequestRecord>();
  let attempts = 0;
  let lastMs = 0;
  for (const { atMs, port, node } of placements) {
    if (atMs < killedMs || !dead.has(node)) continue;
    const request = byPort.get(port)?.findLast((one) => one.atMs <= atMs + CLOCKS_APART_MS);
    if (request === undefined)
      throw new Error(`a connection from port ${port} was sent and none asked for it`);
    attempts += 1;
    hit.add(request);
    lastMs = Math.max(lastMs, request.atMs - killedMs);
  }
  return { hits: hit.size, attempts, lastMs };
}

/** The earliest moment from which on errors are below the share, as far as enough requests follow it to say so. */
function calm(requests: readonly RequestRecord[], killedMs: number): number | undefined {
  let errors = 0;
  let calmMs: number | undefined;
  for (let at = requests.length - 1; at >= 0; at -= 1) {
    const { atMs, answered, tookMs } = requests[at]!;
    if (atMs < killedMs) break;
    const total = requests.length - at;
    if (!answered || tookMs > SLOW_MS) errors += 1;
    if (total >= REQUESTS_LEAST) {
      if (errors / total < ERROR_SHARE) calmMs = atMs - killedMs;
      else break;
    }
  }
  return calmMs;
}

function phases(samples: readonly Sample[], repairMostMs: number): Phases {
  const within = (fromMs: number, toMs: number): Quantiles =>
    quantilesOf(samples.filter(([atMs]) => atMs >= fromMs && atMs < toMs).map(([, tookMs]) => tookMs));
  return {
    before: within(Number.NEGATIVE_INFINITY, 0),
    repair: within(0, repairMostMs),
    after: within(repairMostMs, Number.POSITIVE_INFINITY),
  };
}

function deviation(samples: readonly Sample[]): number {
  const sums = new Map<number, { sum: number; count: number }>();
  for (const [atMs, tookMs] of samples) {
    const window = Math.floor(atMs / WINDOW_MS);
    const before = sums.get(window) ?? { sum: 0, count: 0 };
    sums.set(window, { sum: before.sum + tookMs, count: before.count + 1 });
  }
  let largest = 0;
  for (const [window, { sum, count }] of sums) {
    const before = sums.get(window - 1);
    if (window < 0 || before === undefined) continue;
    largest = Math.max(largest, Math.abs(sum / count - before.sum / before.count));
  }
  return largest;
}

function falseDeaths({ survivors, deaths }: TrialRecord): number {
  const alive = new Set(survivors);
  return deaths.filter(({ atMs, by, of }) => atMs >= 0 && alive.has(by) && alive.has(of)).length;
}
