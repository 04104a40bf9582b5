import type { ActorSpec } from './actor.js';
import type { Child } from './child.js';
import type { PoolSpec } from './pool.js';
import { DEFAULT_INTENSITY, type RestartIntensity } from './restart-intensity.js';
import { type Strategy, SupervisorCell } from './supervisor-cell.js';

export type { RestartIntensity } from './restart-intensity.js';
export type { Strategy } from './supervisor-cell.js';

export interface SupervisorSpec {
  readonly kind: 'supervisor';
  readonly name: string;
  /** What the supervisor above holds; nobody else's business. */
  readonly child: Child;
}

/** Whatever has a place in a tree. All children are permanent: they are restarted however they ended. */
export type ChildSpec = ActorSpec<never> | SupervisorSpec | PoolSpec;

export interface SupervisorOptions {
  readonly strategy: Strategy;
  /** 5 restarts in 10 s unless told otherwise. */
  readonly intensity?: RestartIntensity;
}

/**
 * OTP's supervisor: starts its children in order, stops them in reverse, restarts them as the strategy says.
 * A child that crashes more often than the intensity grants takes the supervisor with it, which its own
 * supervisor sees as a crash.
 */
export function supervisor(
  name: string,
  options: SupervisorOptions,
  children: readonly ChildSpec[],
): SupervisorSpec {
  const cells = children.map(({ child }) => child);
  const cell = new SupervisorCell(name, options.strategy, options.intensity ?? DEFAULT_INTENSITY, cells);
  return { kind: 'supervisor', name, child: cell };
}
