import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { ProgressLine } from '../src/cli/sim-progress.js';
import { formatTable } from '../src/cli/table.js';
import { parseDuration } from '../src/core/duration.js';
import { type PlanRequest, planOf, RARE_BRANCHES, SCENARIOS, type ScenarioName } from '../src/sim/cluster.js';
import { replayArguments } from '../src/sim/report/command.js';
import { compareRuns, describeComparison } from '../src/sim/search/compare.js';
import { rowsOf, runSwarm, type SwarmRun, sometimesOf, swarmRequest } from '../src/sim/search/swarm.js';
import { WorkerPool } from '../src/sim/search/worker-pool.js';

const USAGE = `usage: npm run sim:swarm -- [options]: runs many seeds of the simulator; exit status 1 if a promise was broken
  --seeds N        how many seeds of each scenario (100)
  --from N         the first seed (1)
  --scenario LIST  names with commas between, or all (everything)
  --nodes N        machines of each run (3 to 7, by the seed)
  --duration TIME  simulated time of each run, seconds or 90s, 5m (60s)
  --workers N      processes (one a core)
  --twice          runs each seed twice, in fresh processes, and tells the first event that differs
  --json FILE      writes everything that came of it`;

const MOST_FAILING = 100;
const EVERY_MS = 10_000;

interface SwarmRequest {
  readonly requests: readonly PlanRequest[];
  readonly workers: number;
  readonly json: string | undefined;
  readonly twice: boolean;
}

function readOptions(args: readonly string[]): SwarmRequest {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: text,
      from: text,
      scenario: text,
      nodes: text,
      duration: text,
      workers: text,
      json: text,
      twice: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) {
    console.log(USAGE);
    process.exit(0);
  }
  const faults: string[] = [];
  const whole = (name: 'seeds' | 'from' | 'nodes' | 'workers', least: number): number | undefined => {
    const value = values[name];
    if (value === undefined) return undefined;
    if (/^\d{1,12}$/.test(value) && Number(value) >= least) return Number(value);
    faults.push(`--${name} ${value}: must be a whole number of at least ${least}`);
    return undefined;
  };
  const seeds = whole('seeds', 1) ?? 100;
  const from = whole('from', 0) ?? 1;
  const nodes = whole('nodes', 1);
  const workers = whole('workers', 1) ?? availableParallelism();
  const { duration, scenario = 'everything', json } = values;
  const durationMs =
    duration === undefined ? undefined : parseDuration(/^[\d.]+$/.test(duration) ? `${duration}s` : duration);
  if (duration !== undefined && (durationMs === undefined || durationMs < 1))
    faults.push(`--duration ${duration}: must be seconds, or a duration such as 60s or 5m`);
  const names = SCENARIOS.map(({ name }) => name);
  const wanted = scenario === 'all' ? names : scenario.split(',');
  for (const name of wanted.filter((one) => !names.includes(one as ScenarioName)))
    faults.push(`--scenario ${name}: there is none of that name; there are ${names.join(', ')}, or all`);
  if (faults.length > 0) throw new Error(faults.join('\n'));
  const requests = wanted.flatMap((name) =>
    Array.from({ length: seeds }, (_, at) =>
      swarmRequest(name as ScenarioName, from + at, { nodes, durationMs }),
    ),
  );
  return { requests, workers, json, twice: values.twice === true };
}

/** What a swarm came to, as text. */
function describe(runs: readonly SwarmRun[], wallMs: number): string {
  const rows = rowsOf(runs).map(
    ({ scenario, seeds, failedSeeds, violations, events, simulatedMs, wallMs: own }) => [
      scenario,
      seeds,
      failedSeeds,
      violations,
      events,
      Math.round(simulatedMs / 1000),
      Math.round(simulatedMs / Math.max(1, own)),
    ],
  );
  const header = ['scenario', 'seeds', 'failed', 'violations', 'events', 'simulated s', 'x real time a core'];
  const parts = [formatTable(header, rows)];
  const sometimes = sometimesOf(runs, RARE_BRANCHES);
  parts.push(
    formatTable(
      ['rare branch', 'times', 'seeds', ''],
      sometimes.map(({ name, times, seeds }) => [name, times, seeds, times === 0 ? 'NEVER REACHED' : '']),
    ),
  );
  const failing = runs.filter(({ outcome }) => outcome.violations.length > 0);
  for (const { plan, outcome } of failing.slice(0, MOST_FAILING)) {
    const [first] = outcome.violations;
    const names = [...new Set(outcome.violations.map(({ invariant }) => invariant))].join(', ');
    parts.push(
      `FAILED ${plan.scenario} seed ${plan.seed}: ${names}\n` +
        `  first: ${first!.what.split('\n')[0]}\n` +
        `  again: bin/minuteman ${replayArguments(plan, '')}\n`,
    );
  }
  if (failing.length > MOST_FAILING) parts.push(`and ${failing.length - MOST_FAILING} more\n`);
  const never = sometimes.filter(({ times }) => times === 0).length;
  parts.push(
    `${runs.length} runs in ${(wallMs / 1000).toFixed(1)} s, ${failing.length} of them with violations; ` +
      `${never} of ${sometimes.length} rare branches were never reached\n`,
  );
  return parts.join('\n');
}

function documentOf(runs: readonly SwarmRun[], wallMs: number): unknown {
  return {
    wallMs: Math.round(wallMs),
    scenarios: rowsOf(runs),
    sometimes: sometimesOf(runs, RARE_BRANCHES),
    runs: runs.map(({ plan, outcome }) => {
      const { scenario, seed } = plan;
      const { hash, events, messages, simulatedMs, violations } = outcome;
      const command = `minuteman ${replayArguments(plan, '')}`;
      return { scenario, seed, hash, events, messages, simulatedMs, violations, command };
    }),
  };
}

/** Runs each plan twice; answers the exit status. */
async function runTwice(requests: readonly PlanRequest[], workers: number): Promise<number> {
  const pool = new WorkerPool(workers, undefined, 1);
  let differ = 0;
  try {
    for (const request of requests) {
      const plan = planOf(request);
      const comparison = await compareRuns(plan, (task) => pool.run(task));
      if (!comparison.same) differ += 1;
      console.log(`${plan.scenario} seed ${plan.seed}: ${describeComparison(comparison).join('\n')}`);
    }
  } finally {
    pool.close();
  }
  console.log(`${requests.length} seeds twice, ${differ} of them differ`);
  return differ > 0 ? 1 : 0;
}

async function main(): Promise<number> {
  let request: SwarmRequest;
  try {
    request = readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    return 2;
  }
  const { requests, workers, json, twice } = request;
  if (twice) return await runTwice(requests, workers);
  const abort = new AbortController();
  process.on('SIGINT', () => {
    if (abort.signal.aborted) process.exit(130);
    abort.abort();
  });
  const pool = new WorkerPool(workers);
  const progress = new ProgressLine(process.stderr, () => performance.now());
  const beganMs = performance.now();
  let done = 0;
  let failed = 0;
  let toldMs = beganMs;
  const onDone = ({ outcome }: SwarmRun): void => {
    done += 1;
    if (outcome.violations.length > 0) failed += 1;
    const elapsedMs = performance.now() - beganMs;
    const left = ((elapsedMs / done) * (requests.length - done)) / 1000;
    const text = `${done} of ${requests.length} runs, ${failed} failed, about ${Math.round(left)} s left`;
    const width = Math.round((done / requests.length) * 20);
    progress.show(() => `[${'#'.repeat(width).padEnd(20)}] ${text}`);
    if (process.stderr.isTTY === true || performance.now() - toldMs < EVERY_MS) return;
    toldMs = performance.now();
    process.stderr.write(`${text}\n`);
  };
  const runs = await runSwarm(requests, workers, {
    run: (task) => pool.run(task),
    onDone,
    signal: abort.signal,
  });
  pool.close();
  progress.clear();
  const wallMs = performance.now() - beganMs;
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(documentOf(runs, wallMs), null, 2)}\n`);
  process.stdout.write(describe(runs, wallMs));
  return failed > 0 ? 1 : 0;
}

process.exitCode = await main();
