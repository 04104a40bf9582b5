import type { Plan } from '../plan/plan.js';
import { planOf, SCENARIOS, type ScenarioName } from '../plan/scenarios.js';
import { seconds } from './fault-text.js';

/**
 * The arguments of `minuteman` that run a plan again: its seed and what it was drawn from, where that gives the
 * same plan, else a file.
 */
export function replayArguments(plan: Plan, file: string): string {
  return drawnFrom(plan) ?? `sim --replay ${quoted(file)}`;
}

function drawnFrom(plan: Plan): string | undefined {
  const { seed, nodes, durationMs, vips, backends, connectionsPerSecond } = plan;
  const scenario = SCENARIOS.find(({ name }) => name === plan.scenario)?.name;
  if (scenario === undefined) return undefined;
  const text = JSON.stringify(plan);
  const gives = (sizes: object): boolean =>
    JSON.stringify(
      planOf({ scenario: scenario satisfies ScenarioName, seed, nodes, durationMs, ...sizes }),
    ) === text;
  const line = `sim --seed ${seed} --nodes ${nodes} --duration ${seconds(durationMs)} --scenario ${scenario}`;
  if (gives({})) return line;
  if (!gives({ vips, backends, connectionsPerSecond })) return undefined;
  return `${line} --vips ${vips} --backends ${backends} --connections ${connectionsPerSecond}/s`;
}

/** A word for a shell. */
function quoted(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
