import type { NodeSettings } from '../../src/actors/node.js';
import { SETTINGS } from '../../src/sim/fleet/fleet.js';

export const ARM_NAMES = ['mesh', 'lashup', 'connections', 'none'] as const;
export type ArmName = (typeof ARM_NAMES)[number];

/** What is compared: the same daemon, with more or less of it in use. */
export interface Arm {
  /** For people. */
  readonly about: string;
  readonly mesh: boolean;
  /** What its daemons are configured with other than usual, in the simulator and in a configuration file. */
  readonly settings: Partial<NodeSettings>;
  readonly configuration: {
    readonly balancer?: Readonly<Record<string, unknown>>;
    readonly mesh?: Readonly<Record<string, unknown>>;
  };
}

/** Lashup's unanswered ping fails after about 660 ms at its floor, and severs the link. */
const LASHUP_FLOOR_MS = 660;

const BLIND = { ...SETTINGS.balancer, choice: 'random' } as const;

export const ARMS: Readonly<Record<ArmName, Arm>> = {
  mesh: {
    about: 'everything on',
    mesh: true,
    settings: {},
    configuration: {},
  },
  lashup: {
    about: "the mesh with Lashup's constants: one lost ping severs a link, nobody is asked again",
    mesh: true,
    settings: {
      mesh: {
        forgetAfterMs: 86_400_000,
        detector: { missLeastMs: LASHUP_FLOOR_MS, graceLeastMs: LASHUP_FLOOR_MS, reping: false },
      },
    },
    configuration: {
      mesh: { detector: { miss: `${LASHUP_FLOOR_MS}ms`, grace: `${LASHUP_FLOOR_MS}ms`, reping: false } },
    },
  },
  connections: {
    about: 'no mesh: only handshakes that fail tell who is dead',
    mesh: false,
    settings: {},
    configuration: {},
  },
  none: {
    about: 'a random backend, whatever is known of it',
    mesh: false,
    settings: { balancer: BLIND },
    configuration: { balancer: { choice: 'random' } },
  },
};
