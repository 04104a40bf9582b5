import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { commandLine, main, positive, UsageError } from './command-line.js';
import { writeResult } from './load-programs.js';
import { MeshCluster, type QuietCost } from './mesh-cluster.js';
import { detectionMs, falseDeaths, type Spread, spread } from './mesh-log.js';
import { atMost, type Figure, figures, number, table } from './report.js';
import { sleep } from './scene.js';

/**
 * How soon every node of a mesh knows who is gone: real daemons in namespaces joined by a switch, some of which fail at
 * once, each way in fresh clusters:
 *
 *     node build/js/bench/detection.js --nodes 40 --dead 5 --clusters 3 --faults drop,stop,kill
 *
 * `drop`: the switch carries nothing from and to them (no FIN, no RST; what a kernel panic looks like). `stop`: SIGSTOP,
 * their kernels go on answering. `kill`: SIGKILL, their kernels close what was open. Times run from just before the first
 * of them fails to the survivors' own log lines.
 */
export const FAULTS = ['drop', 'stop', 'kill'] as const;
export type Fault = (typeof FAULTS)[number];

export interface DetectionOptions {
  readonly nodes: number;
  readonly dead: number;
  /** Fresh clusters for each fault. */
  readonly clusters: number;
  readonly faults: readonly Fault[];
  /** From formed to the fault. */
  readonly settleSeconds: number;
  /** How long the cost of a quiet node is watched, once a fault. */
  readonly quietSeconds: number;
  readonly dataPlane: boolean;
  readonly say: (line: string) => void;
}

export interface ClusterRun {
  readonly fault: Fault;
  readonly formedMs: number;
  readonly quiet: QuietCost | undefined;
  /** Load average of the machine over a minute, when the fault came. */
  readonly load: number;
  /** Survivors times dead; null where a survivor never noticed. */
  readonly detectedMs: readonly (number | null)[];
  /** Live nodes that anybody gave up. */
  readonly falseDeaths: number;
}

export interface DetectionResult {
  readonly options: Omit<DetectionOptions, 'say'>;
  readonly runs: readonly ClusterRun[];
  readonly figures: readonly Figure[];
}

/** Nobody needs longer, or it counts as not noticed. */
const NOTICED_MOST_MS = 30_000;
const LOOK_MS = 100;
/** Somebody may still be given up wrongly after all the dead were. */
const AFTERMATH_MS = 2_000;

export async function benchDetection(options: DetectionOptions): Promise<DetectionResult> {
  const runs: ClusterRun[] = [];
  for (const fault of options.faults) {
    for (let at = 0; at < options.clusters; at += 1) {
      const run = await runCluster(options, fault, at === 0);
      runs.push(run);
      options.say(describeRun(run));
    }
  }
  const { say: _, ...rest } = options;
  return { options: rest, runs, figures: figuresOf(runs) };
}

async function runCluster(options: DetectionOptions, fault: Fault, watchQuiet: boolean): Promise<ClusterRun> {
  const directory = mkdtempSync(join(tmpdir(), 'minuteman-bench-'));
  const cluster = await MeshCluster.start(options, directory);
  try {
    const formedMs = await cluster.formed();
    const formedAtMs = Date.now();
    await sleep(options.settleSeconds * 1000);
    const quiet = watchQuiet ? await cluster.quiet(options.quietSeconds) : undefined;
    const dead = victims(options.nodes, options.dead);
    const load = loadavg()[0]!;
    const sinceMs = Date.now();
    if (fault === 'drop') await cluster.drop(dead);
    else cluster.signal(dead, fault === 'stop' ? 'SIGSTOP' : 'SIGKILL');
    const detectedMs = await notice(cluster, dead, sinceMs);
    await sleep(AFTERMATH_MS);
    const names = dead.map((at) => cluster.names[at]!);
    const wrong = survivors(cluster, dead).flatMap((at) => [
      // Before the fault nobody was dead.
      ...falseDeaths(cluster.log(at), [], formedAtMs).filter(({ time }) => time < sinceMs),
      ...falseDeaths(cluster.log(at), names, sinceMs),
    ]);
    return { fault, formedMs, quiet, load, detectedMs, falseDeaths: wrong.length };
  } finally {
    await cluster.destroy();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Spread over all nodes, those that were everybody's contacts left out. */
function victims(nodes: number, dead: number): readonly number[] {
  return Array.from({ length: dead }, (_, n) => 2 + Math.floor((n * (nodes - 2)) / dead));
}

function survivors(cluster: MeshCluster, dead: readonly number[]): readonly number[] {
  return [...cluster.names.keys()].filter((at) => !dead.includes(at));
}

async function notice(
  cluster: MeshCluster,
  dead: readonly number[],
  sinceMs: number,
): Promise<readonly (number | null)[]> {
  const names = dead.map((at) => cluster.names[at]!);
  for (;;) {
    const times = survivors(cluster, dead).flatMap((at) => detectionMs(cluster.log(at), names, sinceMs));
    if (!times.includes(undefined) || Date.now() - sinceMs > NOTICED_MOST_MS) {
      return times.map((time) => time ?? null);
    }
    await sleep(LOOK_MS);
  }
}

function detected(runs: readonly ClusterRun[], fault: Fault): readonly number[] {
  const all = runs.filter((run) => run.fault === fault).flatMap(({ detectedMs }) => detectedMs);
  // Who never notices is later than anybody.
  return all.map((ms) => ms ?? Number.POSITIVE_INFINITY);
}

function figuresOf(runs: readonly ClusterRun[]): readonly Figure[] {
  const quiet = runs.flatMap((run) => run.quiet ?? []);
  const worst = (of: (cost: QuietCost) => number) =>
    quiet.length === 0 ? undefined : Math.max(...quiet.map(of));
  const formedMs = Math.max(...runs.map(({ formedMs: ms }) => ms));
  const cpu = worst(({ cpuPercent }) => cpuPercent);
  const memory = worst((cost) => cost.rssMegabytesMost);
  const sent = worst((cost) => cost.sentBytesPerSecond);
  const list = [
    atMost('formed, the slowest cluster', formedMs / 1000, 20, 's', 1),
    atMost('quiet: CPU of a node', cpu, 0.7, '% of a core', 2),
    atMost('quiet: memory of a node, the largest', memory, 90, 'MB'),
    atMost('quiet: sent by a node', sent, 3000, 'bytes/s'),
  ];
  if (runs.some(({ fault }) => fault === 'drop')) {
    const { median, last } = spread(detected(runs, 'drop'));
    list.push(atMost('drop: median', median, 1000, 'ms'), atMost('drop: last', last, 1400, 'ms'));
  }
  if (runs.some(({ fault }) => fault === 'kill')) {
    list.push(atMost('kill: last', spread(detected(runs, 'kill')).last, 200, 'ms'));
  }
  const wrong = runs.reduce((sum, run) => sum + run.falseDeaths, 0);
  return [...list, atMost('live nodes that were given up', wrong, 0, '')];
}

/** Measured by others' means on a machine of this kind: 40 nodes, 5 dead, 3 fresh clusters, this very method. */
const PEERS: readonly (readonly string[])[] = [
  ['Lashup (Erlang, defaults)', 'drop', '1362', '1474', '1560', '1571'],
  ['Lashup', 'stop', '1433', '1525', '1680', '1697'],
  ['Lashup', 'kill', '158', '217', '249', '261'],
  ['Serf 0.9.4, profile lan', 'drop', '7493', '8669', '12786', '12966'],
  ['Serf lan', 'stop', '7574', '8454', '11813', '12071'],
  ['Serf lan', 'kill', '7411', '7812', '10705', '10926'],
  ['Serf local', 'drop', '5831', '6638', '8960', '9120'],
  ['Serf local', 'kill', '6320', '6706', '10670', '14657'],
];

const PEERS_QUIET: readonly (readonly string[])[] = [
  ['Lashup', '3722', '27.2', '0.36', '-', '54-75'],
  ['Serf lan', '314', '2.1', '0.35', '-', '1'],
  ['Serf local', '390', '2.4', '0.57', '-', '1'],
];

function describeRun({ fault, formedMs, quiet, load, detectedMs, falseDeaths: wrong }: ClusterRun): string {
  const { first, median, p95, last } = spread(detectedMs.map((ms) => ms ?? Number.POSITIVE_INFINITY));
  const times = [first, median, p95, last].map((ms) => number(ms, 0)).join(' / ');
  const cost =
    quiet === undefined
      ? ''
      : `, quiet ${number(quiet.cpuPercent)} % of a core (most ${number(quiet.cpuPercentMost)})`;
  return `${fault}: formed in ${number(formedMs / 1000, 1)} s${cost}, detected after ${times} ms, ${wrong} wrongly, load ${number(load, 1)}`;
}

/** The table of detection and that of the quiet state, the peers' rows below ours. */
export function describeDetection({ options, runs }: Pick<DetectionResult, 'options' | 'runs'>): string {
  const ours = options.faults.map((fault) => {
    const { first, median, p95, last }: Spread = spread(detected(runs, fault));
    return ['Minuteman', fault, ...[first, median, p95, last].map((ms) => number(ms, 0))];
  });
  const watched = runs.flatMap((run) => (run.quiet === undefined ? [] : [{ ...run, quiet: run.quiet }]));
  const quiet = watched.map(({ quiet: cost, formedMs }) => [
    'Minuteman',
    number(cost.sentBytesPerSecond, 0),
    number(cost.sentPacketsPerSecond, 1),
    number(cost.cpuPercent),
    `${number(cost.rssMegabytes, 0)} (most ${number(cost.rssMegabytesMost, 0)})`,
    number(formedMs / 1000, 1),
  ]);
  const loads = runs.map(({ load }) => number(load, 1)).join(', ');
  return [
    `${options.nodes} nodes, ${options.dead} fail at once, ${options.clusters} fresh clusters a row, data plane ${options.dataPlane ? 'on' : 'off'}; load average when they failed: ${loads}`,
    '',
    table(['milliseconds', 'fault', 'first', 'median', 'p95', 'last'], [...ours, ...PEERS]),
    '',
    table(
      ['a quiet node', 'bytes/s', 'packets/s', '% of a core', 'MB', 'formed in s'],
      [...quiet, ...PEERS_QUIET],
    ),
  ].join('\n');
}

/** Quick enough for the test suite. */
export const SMALL: Omit<DetectionOptions, 'say'> = {
  nodes: 5,
  dead: 1,
  clusters: 1,
  faults: ['drop', 'kill'],
  settleSeconds: 3,
  quietSeconds: 3,
  dataPlane: false,
};

function readFaults(text: string): readonly Fault[] {
  return text.split(',').map((name) => {
    const fault = FAULTS.find((known) => known === name);
    if (fault === undefined)
      throw new UsageError(`--faults: there is no ${name}; there are ${FAULTS.join(', ')}`);
    return fault;
  });
}

await main(import.meta.url, async () => {
  const values = commandLine('How soon every node of a mesh knows who is gone: real daemons in namespaces.', {
    nodes: ['40', 'daemons'],
    dead: ['5', 'of them fail at once'],
    clusters: ['3', 'fresh ones for each fault'],
    faults: [FAULTS.join(), 'drop, stop, kill, with commas between'],
    'settle-seconds': ['10', 'from formed to the fault'],
    'quiet-seconds': ['30', 'how long quiet nodes are watched, once a fault'],
    'data-plane': [false, 'daemons program their kernels, too'],
    small: [false, 'as the tests run it'],
  });
  const given = {
    nodes: positive('--nodes', values.nodes),
    dead: positive('--dead', values.dead),
    clusters: positive('--clusters', values.clusters),
    faults: readFaults(values.faults),
    settleSeconds: positive('--settle-seconds', values['settle-seconds']),
    quietSeconds: positive('--quiet-seconds', values['quiet-seconds']),
    dataPlane: values['data-plane'],
  };
  if (given.dead > given.nodes - 2) throw new UsageError('--dead must leave two nodes alive at least');
  const result = await benchDetection({
    ...(values.small ? SMALL : given),
    say: (line) => console.log(line),
  });
  console.log(`\n${describeDetection(result)}`);
  console.log(`\n${figures(result.figures)}`);
  console.log(`\nall of it: ${writeResult('detection', result)}`);
});
