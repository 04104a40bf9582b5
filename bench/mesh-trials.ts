import { MeshTown } from './mesh-town.js';

/** What one seed of each trial showed; times in milliseconds, undefined when it did not happen in time. */
export interface MeshRound {
  readonly seed: number;
  /** From the start of all nodes at once until each has a path to each. */
  readonly formedMs: number | undefined;
  /** From the start of one more until all know it and it knows all. */
  readonly joinedMs: number | undefined;
  readonly pingsPerSecond: number;
  readonly bytesPerSecond: number;
  /** Of five that panic at once: until nine of ten survivors, and until all, took all five for gone. */
  readonly panicMostMs: number | undefined;
  readonly panicAllMs: number | undefined;
  /** The same for all survivors when five are killed, which closes their sockets. */
  readonly killAllMs: number | undefined;
  /** False deaths on the way. */
  readonly falseDeaths: number;
  /** From four fifths of the nodes being dead until the survivors are one piece for good. */
  readonly rejoinedMs: number | undefined;
  readonly pauses: MeshTrouble;
  readonly lossOne: MeshTrouble;
  readonly lossFive: MeshTrouble;
}

/** What a time of trouble made nodes believe of live ones. */
export interface MeshTrouble {
  readonly falseDeaths: number;
  readonly falseCuts: number;
  readonly nodeHours: number;
}

export interface MeshSize {
  readonly nodes: number;
  readonly dead: number;
  readonly troubleMs: number;
}

const SETTLE_MS = 20_000;
const QUIET_MS = 10_000;
const PAUSE_MOST_MS = 300;

export async function meshRound(seed: number, size: MeshSize): Promise<MeshRound> {
  const life = await lifeOfATown(seed, size);
  return {
    seed,
    ...life,
    rejoinedMs: await bled(seed, size),
    pauses: await troubled(seed, size, pausing),
    lossOne: await troubled(seed, size, losing(0.01)),
    lossFive: await troubled(seed, size, losing(0.05)),
  };
}

type Life = Omit<MeshRound, 'seed' | 'rejoinedMs' | 'pauses' | 'lossOne' | 'lossFive'>;

/** Forming, one more, quiet, five panic, five are killed. */
async function lifeOfATown(seed: number, { nodes, dead }: MeshSize): Promise<Life> {
  const town = new MeshTown(nodes + 1, seed);
  const stream = town.fleet.engine.stream('trial');
  try {
    const first = town.machines.slice(0, nodes);
    town.boot(first);
    const formedMs = await town.when(() => town.knowEachOther(first), 60_000);
    await town.until(Math.max(town.nowMs, SETTLE_MS));
    town.boot(town.machines.slice(nodes));
    const joinedMs = await town.when(() => town.knowEachOther(town.machines), 10_000);
    await town.pass(10_000);
    const fromMs = town.nowMs;
    const { pings, bytes } = await town.cost(town.machines, QUIET_MS);
    await town.pass(stream.between(0, 1_000));

    const panicked = stream.some(town.machines, dead);
    const afterPanic = town.machines.filter((machine) => !panicked.includes(machine));
    const panicMs = town.nowMs;
    for (const machine of panicked) machine.end('silent', false);
    await town.pass(5_000);
    const panics = town.losses(afterPanic, panicked, panicMs);
    const whole = panics.every(({ length }) => length === afterPanic.length);
    const most = Math.ceil(0.9 * afterPanic.length) - 1;

    await town.pass(stream.between(5_000, 6_000));
    const killed = stream.some(afterPanic, dead);
    const survivors = afterPanic.filter((machine) => !killed.includes(machine));
    const killMs = town.nowMs;
    for (const machine of killed) machine.end('reset', false);
    await town.pass(5_000);
    const kills = town.losses(survivors, killed, killMs);
    const falseDeaths = town.falseDeaths(fromMs, [...panicked, ...killed]);
    return {
      formedMs,
      joinedMs,
      pingsPerSecond: pings,
      bytesPerSecond: bytes,
      panicMostMs: whole ? Math.max(...panics.map((times) => times[most]!)) : undefined,
      panicAllMs: whole ? Math.max(...panics.flat()) : undefined,
      killAllMs: kills.every(({ length }) => length === survivors.length)
        ? Math.max(...kills.flat())
        : undefined,
      falseDeaths,
    };
  } finally {
    town.end();
  }
}

/** Of a town in the quiet four of five die at one instant. */
async function bled(seed: number, { nodes }: MeshSize): Promise<number | undefined> {
  const town = new MeshTown(nodes, seed);
  const stream = town.fleet.engine.stream('blow');
  try {
    town.boot();
    await town.until(SETTLE_MS + stream.between(0, 1_000));
    const left = stream.some(town.machines, Math.max(2, Math.round(nodes / 5)));
    for (const machine of town.machines) if (!left.includes(machine)) machine.end('silent', false);
    return await town.whenForGood(() => town.isOnePiece(left) && town.knowEachOther(left), 15_000);
  } finally {
    town.end();
  }
}

type Trouble = (town: MeshTown, durationMs: number) => Promise<void>;

async function troubled(
  seed: number,
  { nodes, troubleMs }: MeshSize,
  trouble: Trouble,
): Promise<MeshTrouble> {
  const town = new MeshTown(nodes, seed);
  try {
    town.boot();
    await town.until(SETTLE_MS);
    const fromMs = town.nowMs;
    await trouble(town, troubleMs);
    await town.pass(5_000);
    const falseCuts = town.machines.reduce(
      (sum, { daemon }) => sum + daemon!.node.status.mesh()!.counters.falseCuts,
      0,
    );
    return { falseDeaths: town.falseDeaths(fromMs), falseCuts, nodeHours: (nodes * troubleMs) / 3_600_000 };
  } finally {
    town.end();
  }
}

/** Every machine stands still now and then, up to 300 ms. */
async function pausing(town: MeshTown, durationMs: number): Promise<void> {
  const stream = town.fleet.engine.stream('pauses');
  const untilMs = town.nowMs + durationMs;
  while (town.nowMs < untilMs) {
    await town.pass(stream.between(50, 250));
    const resume = stream.oneOf(town.machines).pause();
    await town.pass(stream.between(20, PAUSE_MOST_MS));
    resume();
  }
}

function losing(probability: number): Trouble {
  return async (town, durationMs) => {
    const undo = town.fleet.network.faults.loss({
      kind: 'loss',
      from: undefined,
      to: undefined,
      probability,
    });
    await town.pass(durationMs);
    undo();
  };
}
