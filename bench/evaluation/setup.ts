import type { ArmName } from './arms.js';

/** How the victims go: silent at once; killed, with a kernel that resets; standing still; cut off from the others. */
export const MODES = ['panic', 'kill', 'pause', 'partition'] as const;
export type Mode = (typeof MODES)[number];

/** One experiment. Times count from the start of the workload, in milliseconds. */
export interface Setup {
  readonly nodes: number;
  readonly tasks: number;
  /** Share of the nodes that go. */
  readonly kill: number;
  readonly atMs: number;
  readonly durationMs: number;
  readonly mode: Mode;
  /** Share of the packets that are lost, all the time. */
  readonly loss: number;
}

/** The original's. */
export const ORIGINAL: Setup = {
  nodes: 40,
  tasks: 1000,
  kill: 0.125,
  atMs: 5_000,
  durationMs: 60_000,
  mode: 'panic',
  loss: 0,
};

/** The clients' two machines stay. */
export const CLIENTS = 2;

export function victimsOf({ nodes, kill }: Setup): number {
  return Math.min(nodes - CLIENTS, Math.max(1, Math.round(nodes * kill)));
}

export interface Trial {
  readonly arm: ArmName;
  readonly seed: number;
  readonly setup: Setup;
}
