import { type MeshRound, type MeshSize, meshRound } from './mesh-trials.js';
import { serveTasks } from './workers.js';

/** A process of its own: one round for each seed it is sent. */
export interface MeshRequest {
  readonly seed: number;
  readonly size: MeshSize;
}

serveTasks<MeshRequest, MeshRound>(({ seed, size }) => meshRound(seed, size));
