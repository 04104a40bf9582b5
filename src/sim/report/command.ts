import { isDeepStrictEqual } from 'node:util';
import type { Plan } from '../plan/plan.js';
import { type PlanRequest, planOf, SCENARIOS } from '../plan/scenarios.js';
import { seconds } from './fault-text.js';

/**
 * The arguments of `minuteman` that run a plan again: its seed and what it was drawn from, where that gives the
 * same plan, else a file.
 */
export function replayArguments(plan: Plan, file: string): string {
  return drawnFrom(plan) ?? `sim --replay ${quoted(file)}`;
}

function drawnFrom(plan: Plan): string | undefined {
  const { seed, nodes, durationMs, vips, backends, connectionsPerSecond, mesh } = plan;
  const scenario = SCENARIOS.find(({ name }) => name === plan.scenario)?.name;
  if (scenario === undefined) return undefined;
  const written = asWritten(plan);
  const gives = (sizes: Partial<PlanRequest>): boolean =>
    isDeepStrictEqual(asWritten(planOf({ scenario, seed, nodes, durationMs, ...sizes })), written);
  // Only the sizes that are not what the seed would have drawn are named.
  let sizes: Partial<PlanRequest> = { vips, backends, connectionsPerSecond, mesh };
  if (!gives(sizes)) return undefined;
  for (const name of ['vips', 'backends', 'connectionsPerSecond', 'mesh'] as const) {
    const { [name]: _, ...fewer } = sizes;
    if (gives(fewer)) sizes = fewer;
  }
  const words = [
    `sim --seed ${seed} --nodes ${nodes} --duration ${seconds(durationMs)} --scenario ${scenario}`,
  ];
  if (sizes.vips !== undefined) words.push(`--vips ${vips}`);
  if (sizes.backends !== undefined) words.push(`--backends ${backends}`);
  if (sizes.connectionsPerSecond !== undefined) words.push(`--connections ${connectionsPerSecond}/s`);
  if (sizes.mesh !== undefined) words.push(mesh ? '--mesh' : '--no-mesh');
  return words.join(' ');
}

/** A plan as a file would have it: without what is undefined. */
function asWritten(plan: Plan): unknown {
  return JSON.parse(JSON.stringify(plan));
}

/** A word for a shell. */
function quoted(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
