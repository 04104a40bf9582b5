import { type MeshRound, type MeshSize, meshRound } from './mesh-trials.js';

/** A process of its own: one round for each seed it is sent. */
export interface MeshRequest {
  readonly seed: number;
  readonly size: MeshSize;
}

process.on('message', async ({ seed, size }: MeshRequest) => {
  const round: MeshRound = await meshRound(seed, size);
  process.send!(round);
});
process.on('disconnect', () => process.exit(0));
