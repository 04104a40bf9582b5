import type { Setup } from './setup.js';

export const SWEEP_NAMES = ['killed', 'nodes', 'loss'] as const;
export type SweepName = (typeof SWEEP_NAMES)[number];

export interface Sweep {
  /** What is on the axis. */
  readonly axis: string;
  readonly values: readonly number[];
  /** The number on the axis. */
  shown(value: number): number;
  apply(setup: Setup, value: number): Setup;
}

const TASKS_PER_NODE = 25;

export const SWEEPS: Readonly<Record<SweepName, Sweep>> = {
  killed: {
    axis: '% of the machines that go',
    values: [0.05, 0.125, 0.25, 0.5, 0.8],
    shown: (value) => value * 100,
    apply: (setup, kill) => ({ ...setup, kill }),
  },
  nodes: {
    axis: 'machines, 25 backends each',
    values: [10, 40, 100, 300],
    shown: (value) => value,
    apply: (setup, nodes) => ({ ...setup, nodes, tasks: nodes * TASKS_PER_NODE }),
  },
  loss: {
    axis: '% of the packets that are lost',
    values: [0, 0.01, 0.05],
    shown: (value) => value * 100,
    apply: (setup, loss) => ({ ...setup, loss }),
  },
};
