import { commandLine, main, positive, UsageError } from './command-line.js';
import {
  ARM_NAMES,
  type Arm,
  type ArmName,
  BACKEND_PORT,
  setClosedTimeout,
  startArm,
} from './connection-arms.js';
import { type LoadRun, runLoad, startAccept, writeResult } from './load-programs.js';
import { type Figure, figures, median, medianOfPairs, number, table } from './report.js';
import { onScene } from './scene.js';

/**
 * New connections per second and connect latency, several ways to the same two backends in one run:
 *
 *     npm run bench:connections -- --pairs 6 --seconds 3 --concurrency 64,1 --arms direct,minuteman
 *
 * One request is: connect, send 64 bytes, read 64 bytes, close with RST (so that no arm runs out of ports;
 * HAProxy cannot be measured without the exchange, as it accepts before it knows of a backend). Every arm
 * has a client host of its own on one switch with the two backend hosts, with source ports from 1024 to
 * 65535. The client has two threads unless told otherwise:
 * one alone cannot keep two cores busy, and a core left idle is a gift to the arm that works in a process of
 * its own. The arms take turns, a pair being one turn of each, and are compared within the pair.
 *
 * `fresh` rows let the kernel choose the source port and let conntrack forget closed connections after 1 s,
 * so that a tuple is hardly ever met again. `reuse` rows bind all source ports in turn, twice round, under
 * the kernel's default of 10 s: in the second round the tuple still has its closed entry.
 */
export interface ConnectionsOptions {
  readonly pairs: number;
  readonly durationMs: number;
  readonly concurrencies: readonly number[];
  /** Of the client, as far as they divide the concurrency. */
  readonly clientThreads: number;
  readonly arms: readonly ArmName[];
  readonly ports: readonly Ports[];
  /** Source ports that a `reuse` run cycles through, twice. */
  readonly portRange: readonly [number, number];
  readonly say: (line: string) => void;
}

export type Ports = 'fresh' | 'reuse';

/** All runs of one kind of load. */
export interface Row {
  readonly concurrency: number;
  readonly ports: Ports;
  readonly arms: readonly ArmRuns[];
}

/** What one arm did, run by run; `runs[n]` of all arms are a pair. */
export interface ArmRuns {
  readonly arm: ArmName;
  readonly runs: readonly (LoadRun & { readonly cpuMs: number })[];
}

export interface ConnectionsResult {
  readonly rows: readonly Row[];
  readonly figures: readonly Figure[];
}

const CLOSED_TIMEOUT_S = { fresh: 1, reuse: 10 };
const REUSE_LIMIT_MS = 30_000;

export function benchConnections(options: ConnectionsOptions): Promise<ConnectionsResult> {
  return onScene(async ({ bed, directory }) => {
    const backends = [
      await bed.host('backend1', { address: '10.99.0.11' }),
      await bed.host('backend2', { address: '10.99.0.12' }),
    ];
    for (const backend of backends) await startAccept(backend, BACKEND_PORT);
    const arms: Arm[] = [];
    for (const name of options.arms) arms.push(await startArm(bed, name, backends, directory));
    const rows: Row[] = [];
    for (const ports of options.ports) {
      for (const arm of arms) await setClosedTimeout(arm, CLOSED_TIMEOUT_S[ports]);
      // Reusing ports is about throughput; one connection at a time would take minutes for a round.
      const concurrencies = ports === 'fresh' ? options.concurrencies : [Math.max(...options.concurrencies)];
      for (const concurrency of concurrencies) rows.push(await measureRow(arms, ports, concurrency, options));
    }
    for (const arm of arms) await arm.stop();
    return { rows, figures: rows.flatMap(figuresOf) };
  });
}

async function measureRow(
  arms: readonly Arm[],
  ports: Ports,
  concurrency: number,
  options: ConnectionsOptions,
): Promise<Row> {
  const measured = arms.map((arm) => ({ arm: arm.name, runs: [] as (LoadRun & { cpuMs: number })[] }));
  // One unmeasured turn: caches, ARP, the daemon's compiler.
  for (const arm of arms) {
    await runLoad(arm.client, {
      targets: arm.targets,
      concurrency,
      durationMs: Math.min(500, options.durationMs),
    });
  }
  for (let pair = 0; pair < options.pairs; pair++) {
    const line: string[] = [];
    for (let turn = 0; turn < arms.length; turn++) {
      // Each pair begins with another arm, so that none always has the same one before it.
      const at = (pair + turn) % arms.length;
      const arm = arms[at]!;
      const before = arm.cpuMs();
      const run = await runLoad(arm.client, {
        targets: arm.targets,
        concurrency,
        threads: concurrency % options.clientThreads === 0 ? options.clientThreads : 1,
        ...(ports === 'fresh' ? { durationMs: options.durationMs } : twiceRound(arm, options.portRange)),
      });
      measured[at]!.runs.push({ ...run, cpuMs: arm.cpuMs() - before });
      line[at] = `${arm.name} ${run.perSecond.toFixed(0)}/s p50 ${run.connect.p50.toFixed(0)} us`;
      if (run.failures > 0) line[at] += ` FAILED ${JSON.stringify(run.errors)}`;
    }
    options.say(`${ports} c=${concurrency} ${pair + 1}/${options.pairs}: ${line.join(' | ')}`);
  }
  return { concurrency, ports, arms: measured };
}

function twiceRound(arm: Arm, [low, high]: readonly [number, number]) {
  const count = 2 * (high - low + 1);
  return { durationMs: REUSE_LIMIT_MS, count, source: arm.source, ports: [low, high] as const };
}

/** What is asked of Minuteman in a row. */
function figuresOf(row: Row): Figure[] {
  const runs = (name: ArmName) => row.arms.find((arm) => arm.arm === name)?.runs ?? [];
  const own = runs('minuteman');
  const label = `${row.ports} c=${row.concurrency}`;
  const ratio = (to: ArmName, asked: number): Figure => ({
    name: `${label}: connections/s`,
    value: medianOfPairs(own, runs(to), (mine, other) => mine.perSecond / other.perSecond),
    asked,
    bound: 'at least',
    unit: `x ${to}`,
  });
  const failures: Figure = {
    name: `${label}: errors`,
    value: own.length === 0 ? undefined : own.reduce((sum, run) => sum + run.failures, 0),
    asked: 0,
    bound: 'at most',
    unit: 'errors',
    digits: 0,
  };
  if (row.concurrency > 1)
    return [ratio('direct', 0.78), ratio('nft-dnat', 0.9), ratio('haproxy', 1.4), failures];
  const delta: Figure = {
    name: `${label}: connect p50 over direct`,
    value: medianOfPairs(own, runs('direct'), (mine, other) => mine.connect.p50 - other.connect.p50),
    asked: 100,
    bound: 'at most',
    unit: 'us',
    digits: 0,
  };
  return [delta, failures];
}

/** The row as a table: medians of the runs, ratios and differences as medians of the pairs. */
export function describeRow(row: Row): string {
  const base = (name: ArmName) => row.arms.find((arm) => arm.arm === name)?.runs ?? [];
  const lines = row.arms.map(({ arm, runs }) => {
    const of = (pick: (run: ArmRuns['runs'][number]) => number) => median(runs.map(pick));
    const times = (to: ArmName) => medianOfPairs(runs, base(to), (a, b) => a.perSecond / b.perSecond);
    const over = medianOfPairs(runs, base('direct'), (a, b) => a.connect.p50 - b.connect.p50);
    const overRequest = medianOfPairs(runs, base('direct'), (a, b) => a.request.p50 - b.request.p50);
    return [
      arm,
      number(
        of((run) => run.perSecond),
        0,
      ),
      number(times('direct')),
      number(times('nft-dnat')),
      number(times('haproxy')),
      number(
        of((run) => run.connect.p50),
        0,
      ),
      number(over, 0),
      number(
        of((run) => run.connect.p99),
        0,
      ),
      number(
        of((run) => run.request.p50),
        0,
      ),
      number(overRequest, 0),
      number(
        of((run) => run.request.p99),
        0,
      ),
      String(runs.reduce((sum, run) => sum + run.failures, 0)),
      String(runs.reduce((sum, run) => sum + run.slow, 0)),
      number(
        of((run) => (run.cpuMs * 1000) / Math.max(1, run.completed)),
        1,
      ),
    ];
  });
  const heading = ['arm', 'conn/s', 'x direct', 'x nft', 'x haproxy'];
  heading.push(
    'connect p50',
    '+direct',
    'p99',
    'request p50',
    '+direct',
    'p99',
    'errors',
    'slow',
    'cpu/conn',
  );
  const kind = row.ports === 'fresh' ? 'ports chosen by the kernel' : 'all ports in turn, twice round';
  return `concurrency ${row.concurrency}, ${kind} (times in us)\n${table(heading, lines)}`;
}

/** Quick enough for the test suite. */
export const SMALL: Omit<ConnectionsOptions, 'say'> = {
  pairs: 1,
  durationMs: 300,
  concurrencies: [64, 1],
  clientThreads: 2,
  arms: ARM_NAMES,
  ports: ['fresh', 'reuse'],
  portRange: [20_000, 21_999],
};

function readOptions(args: string[]): ConnectionsOptions {
  const values = commandLine(
    'New connections through VIPs, beside direct ones, DNAT and HAProxy.',
    {
      pairs: ['6', 'rounds of all arms, alternating'],
      seconds: ['3', 'each turn of an arm'],
      concurrency: ['64,1', 'connections at a time, with commas between'],
      'client-threads': ['2', 'of the load generator'],
      arms: [ARM_NAMES.join(','), 'what to compare, with commas between'],
      'reuse-ports': [false, 'only with all source ports in turn'],
      'fresh-ports': [false, 'only with ports that the kernel chooses'],
      small: [false, 'as the tests run it'],
    },
    args,
  );
  const say = (line: string) => console.log(line);
  const arms = values.arms.split(',').map((name) => {
    const arm = ARM_NAMES.find((known) => known === name);
    if (arm === undefined) throw new UsageError(`--arms: no ${name}; there are ${ARM_NAMES.join(', ')}`);
    return arm;
  });
  if (values.small) return { ...SMALL, arms, say };
  const onlyOne = values['reuse-ports'] !== values['fresh-ports'];
  return {
    pairs: positive('--pairs', values.pairs),
    durationMs: positive('--seconds', values.seconds) * 1000,
    concurrencies: values.concurrency.split(',').map((text) => positive('--concurrency', text)),
    clientThreads: positive('--client-threads', values['client-threads']),
    arms,
    ports: !onlyOne ? ['fresh', 'reuse'] : values['reuse-ports'] ? ['reuse'] : ['fresh'],
    portRange: [1024, 65_535],
    say,
  };
}

await main(import.meta.url, async () => {
  const result = await benchConnections(readOptions(process.argv.slice(2)));
  for (const row of result.rows) console.log(`\n${describeRow(row)}`);
  console.log(`\n${figures(result.figures)}`);
  console.log(`\nall runs: ${writeResult('connections', result)}`);
});
