import { commandLine, main, positive } from './command-line.js';
import { writeResult } from './load-programs.js';
import { MeshTown } from './mesh-town.js';
import type { MeshRound, MeshSize, MeshTrouble } from './mesh-trials.js';
import type { MeshRequest } from './mesh-worker.js';
import { atMost, type Figure, figures, number, quantile, table } from './report.js';
import { runInWorkers } from './workers.js';

/**
 * How fast the mesh knows who is gone, what it costs and what it believes wrongly: whole nodes in the simulator, many
 * seeds.
 *
 *     npm run bench:mesh -- --seeds 300
 */
export interface MeshOptions {
  readonly seeds: readonly number[];
  readonly size: MeshSize;
  readonly workers: number;
  /** Nodes whose quiet cost is compared; undefined: not measured. */
  readonly largeTown: number | undefined;
  readonly say: (line: string) => void;
}

export interface MeshResult {
  readonly rounds: readonly MeshRound[];
  readonly large: { readonly nodes: number; readonly pings: number; readonly bytes: number } | undefined;
  readonly figures: readonly Figure[];
}

const WORKER = new URL('./mesh-worker.js', import.meta.url);

export async function benchMesh(options: MeshOptions): Promise<MeshResult> {
  const rounds = await allRounds(options);
  const list = figuresOf(rounds);
  // At once: the large fleet takes long, and may not come to an end.
  options.say(`\n${troubles(rounds)}\n\n${figures(list)}`);
  if (options.largeTown === undefined) return { rounds, large: undefined, figures: list };
  options.say(`\n${options.largeTown} nodes ...`);
  const large = await quietTown(options.largeTown);
  const compared = compare(rounds, large);
  options.say(`\n${figures(compared)}`);
  return { rounds, large, figures: [...list, ...compared] };
}

/** What times of trouble made nodes believe wrongly. */
function troubles(rounds: readonly MeshRound[]): string {
  const rows = [
    ['pauses', 'pauses'],
    ['1 % loss', 'lossOne'],
    ['5 % loss', 'lossFive'],
  ] as const;
  const lines = rows.map(([name, key]) => {
    const all = rounds.map((round) => round[key]);
    const cuts = all.reduce((total, one) => total + one.falseCuts, 0);
    const hours = all.reduce((total, one) => total + one.nodeHours, 0);
    return [name, number(hours, 1), String(cuts), String(all.reduce((sum, one) => sum + one.falseDeaths, 0))];
  });
  return table(['trouble', 'node-hours', 'false cuts', 'false deaths'], lines);
}

async function allRounds({ seeds, size, workers, say }: MeshOptions): Promise<MeshRound[]> {
  const rounds: MeshRound[] = [];
  await runInWorkers<MeshRequest, MeshRound>({
    program: WORKER,
    tasks: seeds.map((seed) => ({ seed, size })),
    workers,
    onResult: (round) => {
      rounds.push(round);
      say(`${rounds.length}/${seeds.length} seed ${round.seed}: ${describe(round)}`);
    },
  });
  return rounds.sort((a, b) => a.seed - b.seed);
}

async function quietTown(nodes: number): Promise<{ nodes: number; pings: number; bytes: number }> {
  const town = new MeshTown(nodes, 1);
  try {
    town.boot();
    await town.until(60_000);
    const { pings, bytes } = await town.cost(town.machines, 10_000);
    return { nodes, pings, bytes };
  } finally {
    town.end();
  }
}

function describe(round: MeshRound): string {
  const times = [round.panicMostMs, round.panicAllMs, round.killAllMs].map((ms) => number(ms, 0)).join('/');
  return `formed ${number(round.formedMs, 0)} ms, gone after ${times} ms (panic 90 %, all; kill)`;
}

type Pick = (round: MeshRound) => number | undefined;

/** A quantile of what the rounds measured; what did not happen in time is later than anything. */
function overRounds(rounds: readonly MeshRound[], share: number, pick: Pick): number | undefined {
  const all = rounds.map((round) => pick(round) ?? Number.POSITIVE_INFINITY);
  return quantile(
    all.sort((a, b) => a - b),
    share,
  );
}

function figuresOf(rounds: readonly MeshRound[]): Figure[] {
  const over = (share: number, pick: Pick): number | undefined => overRounds(rounds, share, pick);
  const sum = (pick: (round: MeshRound) => number): number =>
    rounds.reduce((total, round) => total + pick(round), 0);
  const hourly = (pick: (round: MeshRound) => MeshTrouble): number =>
    sum((round) => pick(round).falseDeaths) / sum((round) => pick(round).nodeHours);
  const panicMost = over(0.5, (round) => round.panicMostMs);
  const panicAll = over(0.99, (round) => round.panicAllMs);
  const killAll = over(0.99, (round) => round.killAllMs);
  const rejoined = over(1, (round) => round.rejoinedMs);
  const formed = over(1, (round) => round.formedMs);
  const joined = over(1, (round) => round.joinedMs);
  const pings = over(0.5, (round) => round.pingsPerSecond);
  const bytes = over(0.5, (round) => round.bytesPerSecond);
  const wrongly = sum((round) => round.falseDeaths);
  const inPauses = sum((round) => round.pauses.falseDeaths);
  const inLossOne = sum((round) => round.lossOne.falseDeaths);
  const inLossFive = hourly((round) => round.lossFive);
  return [
    atMost('five panic: gone for 9 of 10 survivors, p50', panicMost, 1_000, 'ms'),
    atMost('five panic: gone for all survivors, p99', panicAll, 1_500, 'ms'),
    atMost('five are killed: gone for all survivors, p99', killAll, 100, 'ms'),
    atMost('false deaths meanwhile', wrongly, 0, ''),
    atMost('pauses up to 300 ms: false deaths', inPauses, 0, ''),
    atMost('1 % loss: false deaths', inLossOne, 0, ''),
    atMost('5 % loss: false deaths', inLossFive, 1, 'per node-hour', 2),
    atMost('4 of 5 die: survivors are one piece, all seeds', rejoined, 10_000, 'ms'),
    atMost('formed, all seeds', formed, 10_000, 'ms'),
    atMost('one more is known everywhere, all seeds', joined, 2_000, 'ms'),
    atMost('quiet: pings each, median', pings, 7, 'per s', 2),
    atMost('quiet: messages each, median', bytes, 2_000, 'octets/s'),
  ];
}

function compare(rounds: readonly MeshRound[], large: NonNullable<MeshResult['large']>): Figure[] {
  const pings = overRounds(rounds, 0.5, (round) => round.pingsPerSecond);
  const bytes = overRounds(rounds, 0.5, (round) => round.bytesPerSecond);
  const than = `${large.nodes} nodes against those: `;
  return [
    atMost(`${than}pings`, large.pings / pings!, 1.3, 'x', 2),
    atMost(`${than}octets`, large.bytes / bytes!, 1.3, 'x', 2),
  ];
}

/** Enough to see that it works. */
export const SMALL = {
  seeds: [1, 2, 3],
  size: { nodes: 10, dead: 2, troubleMs: 5_000 },
  workers: 1,
  largeTown: undefined,
} as const;

await main(import.meta.url, async () => {
  const values = commandLine('Detection, quiet cost and false deaths of the mesh, simulated.', {
    seeds: ['300', 'simulated fleets'],
    from: ['1', 'the first seed'],
    nodes: ['40', 'in each'],
    workers: ['2', 'processes'],
    large: ['1000', 'nodes of a larger fleet whose quiet cost is compared'],
    small: [false, 'as the tests run it'],
  });
  const from = positive('--from', values.from);
  const seeds = Array.from({ length: positive('--seeds', values.seeds) }, (_, index) => from + index);
  const nodes = positive('--nodes', values.nodes);
  const say = (line: string) => console.log(line);
  const result = await benchMesh(
    values.small
      ? { ...SMALL, say }
      : {
          seeds,
          size: { nodes, dead: Math.max(1, Math.round(nodes / 8)), troubleMs: 20_000 },
          workers: positive('--workers', values.workers),
          largeTown: positive('--large', values.large),
          say,
        },
  );
  console.log(`\nall measurements: ${writeResult('mesh', result)}`);
});
