import type { Plan } from '../plan/plan.js';
import { counted, seconds } from '../report/fault-text.js';
import {
  endingAt,
  leastNodes,
  withBackends,
  withFault,
  withGap,
  withLead,
  withNodes,
} from './smaller-plans.js';

export interface MinimiseOptions {
  /** Whether a plan still violates what it should. */
  readonly violates: (plan: Plan) => Promise<boolean>;
  /** Candidates that are tried at the same time; the result does not depend on it. */
  readonly parallel: number;
  /** The best plan so far is the result after so many runs, or so much time. */
  readonly mostRuns: number;
  readonly mostMs: number;
  /** Wall time in milliseconds. */
  readonly nowMs: () => number;
  /** A smaller plan was found, or a phase ended. */
  readonly onProgress?: (text: string) => void;
  readonly signal?: AbortSignal;
}

export interface Minimised {
  readonly plan: Plan;
  readonly runs: number;
  /** Why it ended: nothing more to drop, or a limit. */
  readonly ended: 'smallest' | 'runs' | 'time' | 'aborted';
}

/** Shortest that a fault is made. */
const LEAST_FAULT_MS = 50;
/** A fault need not begin earlier than this: daemons must come up first. */
const LEADS_MS = [500, 2_000, 5_000];
const ROUNDS = 3;

/**
 * Makes a plan smaller while it still violates the same: drops faults (delta debugging: Zeller and Hildebrandt,
 * "Simplifying and Isolating Failure-Inducing Input", 2002: halves first, then ever smaller parts), shortens
 * them, then takes away nodes, backends, VIPs and connections, then time; and again until nothing more goes.
 */
export async function minimise(plan: Plan, options: MinimiseOptions): Promise<Minimised> {
  const search = new Search(plan, options);
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = search.best;
    await dropFaults(search);
    await dropHostsOfSides(search);
    await shortenFaults(search);
    await shrinkFleet(search);
    await shrinkTime(search);
    if (search.best === before || search.ended !== undefined) break;
  }
  return { plan: search.best, runs: search.runs, ended: search.ended ?? 'smallest' };
}

/** `23 faults -> 4, 40 nodes -> 3, ...`: what became less. */
export function describeReduction(from: Plan, to: Plan): string {
  const numbers: readonly [string, number, number][] = [
    ['fault', from.faults.length, to.faults.length],
    ['node', from.nodes, to.nodes],
    ['VIP', from.vips, to.vips],
    ['backend', from.backends, to.backends],
    ['connection/s', from.connectionsPerSecond, to.connectionsPerSecond],
    ['long connection', from.longConnections, to.longConnections],
  ];
  const parts = numbers.flatMap(([noun, before, after]) =>
    before === after
      ? []
      : [`${noun === 'connection/s' ? `${before} connections/s` : counted(before, noun)} -> ${after}`],
  );
  const [lasted, last] = [from, to].map(({ faults }) =>
    faults.reduce((sum, { durationMs }) => sum + durationMs, 0),
  );
  if (lasted !== last) parts.push(`${seconds(lasted!)} s of faults -> ${seconds(last!)}`);
  if (from.durationMs !== to.durationMs)
    parts.push(`${seconds(from.durationMs)} s -> ${seconds(to.durationMs)} s`);
  return parts.length === 0 ? 'nothing could be taken away' : parts.join(', ');
}

class Search {
  best: Plan;
  runs = 0;
  ended: Exclude<Minimised['ended'], 'smallest'> | undefined;
  private readonly original: Plan;
  private readonly options: MinimiseOptions;
  private readonly deadlineMs: number;

  constructor(plan: Plan, options: MinimiseOptions) {
    this.original = plan;
    this.best = plan;
    this.options = options;
    this.deadlineMs = options.nowMs() + options.mostMs;
  }

  get parallel(): number {
    return this.options.parallel;
  }

  /** The position of the first candidate, in order, that still violates; it becomes the best plan. -1: none. */
  async firstOf(candidates: readonly Plan[]): Promise<number> {
    for (let at = 0; at < candidates.length; at += this.parallel) {
      const batch = candidates.slice(at, at + this.parallel);
      if (!this.mayGoOn()) return -1;
      this.runs += batch.length;
      const answers = await Promise.all(batch.map(this.options.violates));
      const found = answers.indexOf(true);
      if (found < 0) continue;
      this.best = batch[found]!;
      const text = describeReduction(this.original, this.best);
      this.options.onProgress?.(`${text} (${counted(this.runs, 'run')})`);
      return at + found;
    }
    return -1;
  }

  private mayGoOn(): boolean {
    if (this.ended !== undefined) return false;
    if (this.options.signal?.aborted === true) this.ended = 'aborted';
    else if (this.runs >= this.options.mostRuns) this.ended = 'runs';
    else if (this.options.nowMs() >= this.deadlineMs) this.ended = 'time';
    return this.ended === undefined;
  }
}

/** Drops items of a list, in ever smaller parts, while `planOf` the rest still violates. */
async function dropItems<T>(
  search: Search,
  items: readonly T[],
  planOf: (rest: readonly T[]) => Plan,
): Promise<void> {
  let left = items;
  if (left.length === 0 || (await search.firstOf([planOf([])])) === 0) return;
  let size = Math.ceil(left.length / 2);
  // All of them were tried already.
  if (left.length === 1) return;
  while (search.ended === undefined) {
    let dropped = false;
    let at = 0;
    while (at < left.length && search.ended === undefined) {
      const starts: number[] = [];
      for (let start = at; start < left.length && starts.length < search.parallel; start += size)
        starts.push(start);
      const rests = starts.map((start) => [...left.slice(0, start), ...left.slice(start + size)]);
      const found = await search.firstOf(rests.map(planOf));
      if (found < 0) {
        at = starts[starts.length - 1]! + size;
        continue;
      }
      left = rests[found]!;
      at = starts[found]!;
      dropped = true;
    }
    if (size > 1) size = Math.min(size >> 1, Math.max(1, left.length >> 1));
    else if (!dropped) return;
  }
}

async function dropFaults(search: Search): Promise<void> {
  const { best } = search;
  await dropItems(search, best.faults, (faults) => ({ ...best, faults }));
}

async function dropHostsOfSides(search: Search): Promise<void> {
  for (let index = 0; index < search.best.faults.length; index += 1) {
    const { best } = search;
    const timed = best.faults[index]!;
    const { fault } = timed;
    if (fault.kind !== 'partition' || fault.side.length < 2) continue;
    const [first, ...others] = fault.side;
    await dropItems(search, others, (rest) =>
      withFault(best, index, { ...timed, fault: { ...fault, side: [first!, ...rest] } }),
    );
  }
}

async function shortenFaults(search: Search): Promise<void> {
  const half = (ms: number): number =>
    ms > LEAST_FAULT_MS ? Math.max(LEAST_FAULT_MS, Math.round(ms / 2)) : ms;
  const halves = (plan: Plan): Plan => ({
    ...plan,
    faults: plan.faults.map((one) => ({ ...one, durationMs: half(one.durationMs) })),
  });
  const canBeHalved = (plan: Plan): boolean =>
    plan.faults.some(({ durationMs }) => half(durationMs) < durationMs);
  while (canBeHalved(search.best) && (await search.firstOf([halves(search.best)])) === 0);
  for (let index = 0; index < search.best.faults.length; index += 1) {
    for (;;) {
      const timed = search.best.faults[index]!;
      const shorter = half(timed.durationMs);
      if (shorter === timed.durationMs) break;
      if ((await search.firstOf([withFault(search.best, index, { ...timed, durationMs: shorter })])) < 0)
        break;
    }
  }
}

async function shrinkFleet(search: Search): Promise<void> {
  const { best } = search;
  await search.firstOf(
    upTo(leastNodes(best), best.nodes).flatMap((nodes) => withNodes(search.best, nodes) ?? []),
  );
  const shrink = async (now: number, least: number, planOf: (value: number) => Plan): Promise<void> => {
    await search.firstOf(upTo(least, now).map(planOf));
  };
  await shrink(search.best.vips, 1, (vips) => ({ ...search.best, vips }));
  await shrink(search.best.backends, search.best.vips, (backends) => withBackends(search.best, backends));
  await shrink(search.best.longConnections, 0, (longConnections) => ({ ...search.best, longConnections }));
  await shrink(search.best.connectionsPerSecond, 1, (connectionsPerSecond) => ({
    ...search.best,
    connectionsPerSecond,
  }));
}

async function shrinkTime(search: Search): Promise<void> {
  await search.firstOf(
    LEADS_MS.map((leadMs) => withLead(search.best, leadMs)).filter((plan) => plan !== search.best),
  );
  for (let index = 1; index < search.best.faults.length; index += 1) {
    const { best } = search;
    await search.firstOf(
      [0, 0.25, 0.5].map((share) => withGap(best, index, share)).filter((plan) => isShorter(plan, best)),
    );
  }
  const { best } = search;
  const tailMs = best.durationMs - best.healMs;
  await search.firstOf(
    [0, 0.125, 0.25, 0.5]
      .map((share) => endingAt(best, best.healMs * share, tailMs))
      .filter((plan) => isShorter(plan, best)),
  );
  const ended = search.best;
  await search.firstOf(
    [0, 0.125, 0.25, 0.5]
      .map((share) => endingAt(ended, ended.healMs, tailMs * share))
      .filter((plan) => isShorter(plan, ended)),
  );
}

function isShorter(plan: Plan, than: Plan): boolean {
  return plan.durationMs < than.durationMs;
}

/** `least` and its doubles below `now`, ascending, so that the first that works is the smallest of them. */
function upTo(least: number, now: number): number[] {
  const values: number[] = [];
  for (let value = least; value < now; value = Math.max(value + 1, value * 2)) values.push(value);
  return values;
}
