import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { ProgressLine } from '../../src/cli/sim-progress.js';
import { Testbed } from '../../testbed/testbed.js';
import { isMain } from '../command-line.js';
import { figures as figuresText } from '../report.js';
import { runInWorkers } from '../workers.js';
import type { ArmName } from './arms.js';
import { figuresOf, repairMostMs } from './figures.js';
import { type Options, readOptions, USAGE, type WorldName } from './options.js';
import { drawMain, drawSweep, type Pictures } from './pictures.js';
import { markdownOf, type Page, type Part, pageOf } from './report.js';
import { ORIGINAL, type Setup, type Trial } from './setup.js';
import { type ArmSummary, Tally } from './summary.js';
import { summaryText } from './summary-file.js';
import { SWEEPS } from './sweeps.js';
import { armsTable, figuresTable, latencyTable } from './tables.js';
import type { TrialResult } from './trial-result.js';
import type { TrialTask } from './worker.js';

/** Where nobody watches a terminal a line is written so often. */
const TOLD_EVERY_MS = 30_000;

const WORKER = new URL('./worker.js', import.meta.url);

/**
 * The experiment by which balancers of this kind are judged: a client opens a connection for each request; an eighth of the
 * machines panic; how long until no connection is sent to the dead, and what becomes of those that were?
 *
 *     npm run evaluation -- --world sim --seeds 1000
 */
export interface EvaluationOptions extends Options {
  readonly onTrial?: (done: number, of: number, result: TrialResult) => void;
  readonly signal?: AbortSignal;
}

/** The arms in one setup; `value` is what a sweep set. */
export interface Cell {
  readonly value: number | undefined;
  readonly summaries: readonly ArmSummary[];
}

export interface Evaluation {
  readonly cells: readonly Cell[];
  readonly trials: number;
  readonly wanted: number;
}

interface Plan {
  readonly value: number | undefined;
  readonly setup: Setup;
}

export async function evaluate(options: EvaluationOptions): Promise<Evaluation> {
  const { world, arms, seeds, onTrial, signal } = options;
  const plans = plansOf(options);
  const tallies = plans.map(({ setup }) => new Map(arms.map((arm) => [arm, new Tally(arm, setup)])));
  // Seed by seed, so that what is interrupted has as many trials of each arm.
  const trials: Trial[] = seeds.flatMap((seed) =>
    plans.flatMap(({ setup }) => arms.map((arm) => ({ arm, seed, setup }))),
  );
  let done = 0;
  const onResult = (result: TrialResult): void => {
    const at = plans.findIndex(({ setup }) => same(setup, result.trial.setup));
    tallies[at]!.get(result.trial.arm)!.add(result);
    done += 1;
    onTrial?.(done, trials.length, result);
  };
  await runInWorkers<TrialTask, TrialResult>({
    program: WORKER,
    tasks: trials.map((trial) => ({ world, trial })),
    // Two clusters on one machine would be each other's load; and namespaces are to be cleared away.
    workers: world === 'sim' ? options.workers : 1,
    endBy: world === 'sim' ? 'SIGKILL' : 'SIGTERM',
    onResult,
    ...(signal && { signal }),
  });
  // A namespace that was being made when its owner was told to end is still there.
  if (world === 'real') Testbed.sweep();
  return {
    cells: plans.map(({ value }, at) => ({
      value,
      summaries: [...tallies[at]!.values()]
        .filter((tally) => tally.trials > 0)
        .map((tally) => tally.summary()),
    })),
    trials: done,
    wanted: trials.length,
  };
}

function plansOf({ sweep, setup }: Options): readonly Plan[] {
  if (sweep === undefined) return [{ value: undefined, setup }];
  return SWEEPS[sweep].values.map((value) => ({ value, setup: SWEEPS[sweep].apply(setup, value) }));
}

function same(a: Setup, b: Setup): boolean {
  return (Object.keys(a) as (keyof Setup)[]).every((key) => a[key] === b[key]);
}

/** Everything as tables and pictures. */
export async function presented(options: Options, evaluation: Evaluation): Promise<Page> {
  const { world, sweep } = options;
  const { cells, trials, wanted } = evaluation;
  const parts: Part[] = [];
  for (const { value, summaries } of cells) {
    if (summaries.length === 0) continue;
    const { setup } = summaries[0]!;
    const mesh = summaries.find(({ arm }) => arm === 'mesh');
    const judged = mesh !== undefined && isOriginal(setup);
    const tables = [
      ...(judged ? [figuresTable(figuresOf(mesh, world))] : []),
      armsTable(summaries),
      latencyTable(summaries),
    ];
    const pictures: Pictures = value === undefined ? await drawMain(summaries) : {};
    parts.push({ heading: headingOf(setup), text: textOf(world), tables, pictures });
  }
  if (sweep !== undefined) {
    const { axis, shown } = SWEEPS[sweep];
    const points = cells.flatMap(({ value, summaries }) =>
      summaries.map((summary) => ({ x: shown(value!), summary })),
    );
    parts.unshift({ heading: axis, tables: [], pictures: await drawSweep(sweep, axis, points) });
  }
  const ended = trials < wanted ? `, interrupted: ${trials} of ${wanted} trials` : '';
  const where = world === 'sim' ? 'simulator' : 'real daemons in namespaces';
  return { title: `Evaluation, ${where}${ended}`, command: commandOf(options), parts };
}

function textOf(world: WorldName): string {
  return (
    'Latency table: medians over the trials of p50 / p99 / longest of a phase, in ms. A request is a new connection, a ' +
    `question and its answer. The repair may take ${repairMostMs(world) / 1000} s; "later" is after that.`
  );
}

function isOriginal(setup: Setup): boolean {
  return same(setup, ORIGINAL);
}

function headingOf({ nodes, tasks, kill, atMs, durationMs, mode, loss }: Setup): string {
  const lost = loss > 0 ? `, ${loss * 100} % of the packets lost` : '';
  return `${nodes} nodes, ${tasks} tasks, ${kill * 100} % ${mode} at ${atMs / 1000} s of ${durationMs / 1000} s${lost}`;
}

/** What repeats it. */
function commandOf({ world, arms, seeds, setup, sweep, out }: Options): string {
  const parts = [`npm run evaluation -- --world ${world} --arm ${arms.join(',')}`];
  parts.push(seeds.length === 1 ? `--seed ${seeds[0]}` : `--seeds ${seeds.length} --from ${seeds[0]}`);
  const { nodes, tasks, kill, atMs, durationMs, mode, loss } = setup;
  parts.push(`--nodes ${nodes} --tasks ${tasks} --kill ${kill} --at ${atMs}ms --duration ${durationMs}ms`);
  parts.push(`--mode ${mode}`);
  if (loss > 0) parts.push(`--loss ${loss}`);
  if (sweep !== undefined) parts.push(`--sweep ${sweep}`);
  return [...parts, `--out ${out}`].join(' ');
}

/** Writes `results.json`, its summary, the tables, the pictures and the page. Answers the names of the files. */
export function write(options: Options, evaluation: Evaluation, page: Page): string[] {
  const { out } = options;
  mkdirSync(out, { recursive: true });
  const machine = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length };
  const { command } = page;
  const files: [string, string][] = [
    ['results.json', `${JSON.stringify({ command, machine, ...evaluation }, rounded)}\n`],
    ['summary.json', summaryText({ command, machine }, evaluation)],
    ['report.md', markdownOf(page)],
    ['report.html', pageOf(page)],
    ...page.parts.flatMap(({ pictures }) =>
      Object.entries(pictures).map(([name, svg]): [string, string] => [`${name}.svg`, `${svg}\n`]),
    ),
  ];
  for (const [name, content] of files) writeFileSync(join(out, name), content);
  return files.map(([name]) => join(out, name));
}

/** Microseconds are enough; what never happened is null. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toFixed(3)) : value;
}

async function main(): Promise<number> {
  let options: Options | 'help';
  try {
    options = readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  if (options === 'help') {
    console.log(USAGE);
    return 0;
  }
  const abort = new AbortController();
  for (const [name, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    process.on(name, () => {
      if (abort.signal.aborted) process.exit(status);
      abort.abort(status);
    });
  const progress = new ProgressLine(process.stderr, () => performance.now());
  const beganMs = performance.now();
  let toldMs = Number.NEGATIVE_INFINITY;
  const evaluation = await evaluate({
    ...options,
    signal: abort.signal,
    onTrial: (done, of, { trial }) => {
      const elapsedMs = performance.now() - beganMs;
      const left = Math.round(((elapsedMs / done) * (of - done)) / 1000);
      const bar = '#'.repeat(Math.round((done / of) * 20)).padEnd(20);
      const text = `${done} of ${of} trials (${trial.arm}), about ${left} s left`;
      progress.show(() => `[${bar}] ${text}`);
      if (process.stderr.isTTY === true || performance.now() - toldMs < TOLD_EVERY_MS) return;
      toldMs = performance.now();
      process.stderr.write(`${text}\n`);
    },
  });
  progress.clear();
  const page = await presented(options, evaluation);
  const files = write(options, evaluation, page);
  for (const { summaries } of evaluation.cells) {
    if (summaries.length === 0) continue;
    console.log(`${headingOf(summaries[0]!.setup)}\n${armsTable(summaries)}\n`);
    const mesh = summaries.find(({ arm }: { arm: ArmName }) => arm === 'mesh');
    if (mesh !== undefined && isOriginal(mesh.setup))
      console.log(`${figuresText(figuresOf(mesh, options.world))}\n`);
  }
  const tookS = ((performance.now() - beganMs) / 1000).toFixed(0);
  console.log(
    `${evaluation.trials} of ${evaluation.wanted} trials in ${tookS} s; written: ${files.join(', ')}`,
  );
  return abort.signal.aborted ? abort.signal.reason : 0;
}

if (isMain(import.meta.url)) process.exitCode = await main();
