import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseDuration } from '../core/duration.js';
import { type Plan, planOf, SCENARIOS, type ScenarioName } from '../sim/cluster.js';
import { formatFault } from './config-fault.js';
import { loadPlan, MOST_DURATION_MS, MOST_NODES, MOST_SEED } from './plan-file.js';

/** The options of `minuteman sim` as they were written. */
export interface RawSimOptions {
  readonly seed?: string;
  readonly nodes?: string;
  readonly duration?: string;
  readonly scenario?: string;
  readonly vips?: string;
  readonly backends?: string;
  readonly connections?: string;
  readonly mesh?: boolean;
  readonly replay?: string;
  readonly json?: string;
  readonly trace?: string;
  readonly report?: string;
  /** `true` when it was given without a file. */
  readonly minimize?: string | true;
  readonly listScenarios?: boolean;
}

/** What is wanted of one run. */
export interface SimRequest {
  readonly plan: Plan;
  /** The file that the plan came from, if any. */
  readonly replayed: string | undefined;
  readonly json: string | undefined;
  readonly trace: string | undefined;
  readonly report: string | undefined;
  /** Where a smaller plan goes, if one is wanted. */
  readonly minimised: string | undefined;
}

export type SimOptionsResult =
  | { readonly ok: true; readonly request: SimRequest }
  | { readonly ok: false; readonly faults: readonly string[] };

/** Options that say which plan to make, and so go with no other one. */
const DRAWING = ['seed', 'nodes', 'duration', 'scenario', 'vips', 'backends', 'connections'] as const;
const FILES = ['json', 'trace', 'report', 'minimize'] as const;

/** Reads the options, all faults at once. */
export function readSimOptions(raw: RawSimOptions): SimOptionsResult {
  const faults: string[] = [];
  const plan = raw.replay === undefined ? drawnPlan(raw, faults) : replayedPlan(raw, raw.replay, faults);
  for (const name of FILES) {
    const file = raw[name];
    const wrong = typeof file === 'string' ? whyNotWritable(file) : undefined;
    if (wrong !== undefined) faults.push(`--${name} ${file}: ${wrong}`);
  }
  const named = FILES.map((name) => raw[name]).filter((file) => typeof file === 'string');
  for (const file of new Set(named.filter((one, at) => named.indexOf(one) !== at)))
    faults.push(`${file} is named more than once; give each output a file of its own`);
  if (faults.length > 0 || plan === undefined) return { ok: false, faults };
  const { json, trace, report, minimize, replay } = raw;
  const minimised = minimize === true ? `sim-${plan.scenario}-${plan.seed}-minimized.json` : minimize;
  return { ok: true, request: { plan, replayed: replay, json, trace, report, minimised } };
}

function drawnPlan(raw: RawSimOptions, faults: string[]): Plan | undefined {
  const whole = (name: (typeof DRAWING)[number], least: number, most: number): number | undefined => {
    const text = raw[name];
    if (text === undefined) return undefined;
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    faults.push(`--${name} ${text}: must be a whole number of ${least} to ${most}`);
    return undefined;
  };
  const request = {
    seed: whole('seed', 0, MOST_SEED) ?? 1,
    nodes: whole('nodes', 1, MOST_NODES),
    durationMs: readDuration(raw.duration, faults),
    scenario: readScenario(raw.scenario, faults),
    vips: whole('vips', 1, 1e5),
    backends: whole('backends', 1, 1e6),
    connectionsPerSecond: readRate(raw.connections, faults),
    mesh: raw.mesh,
  };
  const { vips, backends } = request;
  if (vips !== undefined && backends !== undefined && backends < vips)
    faults.push(`--backends ${backends}: must not be less than the VIPs, which are ${vips}`);
  return faults.length > 0 ? undefined : planOf(request);
}

function replayedPlan(raw: RawSimOptions, file: string, faults: string[]): Plan | undefined {
  for (const name of DRAWING) {
    if (raw[name] !== undefined)
      faults.push(`--${name} cannot be combined with --replay: the plan in ${file} says it; edit the file`);
  }
  if (raw.mesh !== undefined) {
    const option = raw.mesh ? '--mesh' : '--no-mesh';
    faults.push(`${option} cannot be combined with --replay: the plan in ${file} says it; edit the file`);
  }
  const result = loadPlan(file);
  if (result.ok) return result.plan;
  faults.push(...result.faults.map(formatFault));
  return undefined;
}

function readScenario(text: string | undefined, faults: string[]): ScenarioName {
  if (text === undefined) return 'everything';
  const found = SCENARIOS.find(({ name }) => name === text);
  if (found !== undefined) return found.name;
  const names = SCENARIOS.map(({ name }) => name).join(', ');
  faults.push(`--scenario ${text}: there is none of that name; there are ${names}`);
  return 'everything';
}

/** Seconds, or a number with its unit. */
function readDuration(text: string | undefined, faults: string[]): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseDuration(/^\d+(\.\d+)?$/.test(text) ? `${text}s` : text);
  if (ms !== undefined && ms >= 1 && ms <= MOST_DURATION_MS) return ms;
  faults.push(`--duration ${text}: must be seconds, or a duration such as 60s, 5m or 1h, of 7 days at most`);
  return undefined;
}

function readRate(text: string | undefined, faults: string[]): number | undefined {
  if (text === undefined) return undefined;
  const rate = /^\d{1,7}(?:\.\d{1,3})?(?:\/s)?$/.test(text) ? Number(text.replace('/s', '')) : Number.NaN;
  if (rate >= 0 && rate <= 1e6) return rate;
  faults.push(`--connections ${text}: must be connections per second such as 100/s, 1000000/s at most`);
  return undefined;
}

function whyNotWritable(file: string): string | undefined {
  if (file === '') return 'must be the name of a file';
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isDirectory()) return 'is a directory; name a file in it';
  if (statSync(dirname(file), { throwIfNoEntry: false })?.isDirectory() !== true)
    return `there is no directory ${dirname(file)}; make it first`;
  return undefined;
}
