import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { parseDuration } from '../../src/core/duration.js';
import { ARM_NAMES, ARMS, type ArmName } from './arms.js';
import { CLIENTS, MODES, type Mode, ORIGINAL, type Setup } from './setup.js';
import { SWEEP_NAMES, type SweepName } from './sweeps.js';

export type WorldName = 'sim' | 'real';

export interface Options {
  readonly world: WorldName;
  readonly arms: readonly ArmName[];
  readonly seeds: readonly number[];
  readonly setup: Setup;
  readonly sweep: SweepName | undefined;
  readonly workers: number;
  readonly out: string;
}

export const USAGE = `usage: npm run evaluation -- [options]
A client opens connections through a VIP; some of the machines go; how long until nobody notices?
  --world WORLD    sim: whole fleets in the simulator; real: daemons, listeners and clients in namespaces (sim)
  --arm LIST       ${ARM_NAMES.join(', ')}, with commas between, or all (all)
${ARM_NAMES.map((name) => `                   ${name}: ${ARMS[name].about}`).join('\n')}
  --seeds N        trials of each arm (sim 20, real 5)
  --from N         the first seed (1)
  --seed N         this seed alone
  --nodes N        machines (${ORIGINAL.nodes})
  --tasks N        backends of the VIP (${ORIGINAL.tasks})
  --kill SHARE     of the machines that go (${ORIGINAL.kill})
  --at TIME        when they go, after the clients began (5s)
  --duration TIME  how long the clients ask (60s)
  --mode MODE      ${MODES.join(', ')} (panic)
  --loss SHARE     of the packets that are lost, all the time, sim only (0)
  --sweep NAME     varies one thing, panic and sim only: ${SWEEP_NAMES.join(', ')}
  --workers N      processes of the simulator (one a core)
  --out DIR        where everything is written (bench/results/evaluation)`;

/** Reads the command line; an error has a line for each fault. */
export function readOptions(args: readonly string[]): Options | 'help' {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      world: text,
      arm: text,
      seeds: text,
      from: text,
      seed: text,
      nodes: text,
      tasks: text,
      kill: text,
      at: text,
      duration: text,
      mode: text,
      loss: text,
      sweep: text,
      workers: text,
      out: text,
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) return 'help';
  const faults: string[] = [];
  const whole = (name: 'seeds' | 'from' | 'seed' | 'nodes' | 'tasks' | 'workers', least: number) => {
    const value = values[name];
    if (value === undefined) return undefined;
    if (/^\d{1,9}$/.test(value) && Number(value) >= least) return Number(value);
    faults.push(`--${name} ${value}: must be a whole number of at least ${least}`);
    return undefined;
  };
  const share = (name: 'kill' | 'loss'): number | undefined => {
    const value = values[name];
    if (value === undefined) return undefined;
    if (value.trim() !== '' && Number(value) >= 0 && Number(value) < 1) return Number(value);
    faults.push(`--${name} ${value}: must be a share such as 0.125, below 1`);
    return undefined;
  };
  const time = (name: 'at' | 'duration'): number | undefined => {
    const value = values[name];
    if (value === undefined) return undefined;
    const ms = parseDuration(/^[\d.]+$/.test(value) ? `${value}s` : value);
    if (ms === undefined || ms < 1) faults.push(`--${name} ${value}: must be a time such as 5s`);
    return ms;
  };
  const one = <T extends string>(name: 'world' | 'mode' | 'sweep', known: readonly T[]): T | undefined => {
    const value = values[name];
    if (value === undefined || known.includes(value as T)) return value as T | undefined;
    faults.push(`--${name} ${value}: must be one of ${known.join(', ')}`);
    return undefined;
  };
  const world = one<WorldName>('world', ['sim', 'real']) ?? 'sim';
  const wanted = (values.arm ?? 'all').split(',');
  const arms = values.arm === undefined || values.arm === 'all' ? ARM_NAMES : (wanted as ArmName[]);
  for (const name of arms)
    if (!ARM_NAMES.includes(name))
      faults.push(`--arm ${name}: must be one of ${ARM_NAMES.join(', ')}, or all`);
  const seed = whole('seed', 0);
  const from = seed ?? whole('from', 0) ?? 1;
  const count = seed === undefined ? (whole('seeds', 1) ?? (world === 'sim' ? 20 : 5)) : 1;
  const sweep = one('sweep', SWEEP_NAMES);
  const setup: Setup = {
    nodes: whole('nodes', CLIENTS + 1) ?? ORIGINAL.nodes,
    tasks: whole('tasks', 1) ?? ORIGINAL.tasks,
    kill: share('kill') ?? ORIGINAL.kill,
    atMs: time('at') ?? ORIGINAL.atMs,
    durationMs: time('duration') ?? ORIGINAL.durationMs,
    mode: one<Mode>('mode', MODES) ?? ORIGINAL.mode,
    loss: share('loss') ?? ORIGINAL.loss,
  };
  if (setup.durationMs <= setup.atMs) faults.push('--duration: must be longer than --at');
  if (world === 'real' && (sweep !== undefined || setup.loss > 0))
    faults.push('--sweep and --loss: only with --world sim');
  const workers = whole('workers', 1) ?? availableParallelism();
  if (faults.length > 0) throw new Error(faults.join('\n'));
  return {
    world,
    arms,
    seeds: Array.from({ length: count }, (_, at) => from + at),
    setup,
    sweep,
    workers,
    out: values.out ?? 'bench/results/evaluation',
  };
}
