import { eyesOn } from './eyes.js';
import type { Invariant, Verdicts, Watch } from './invariant.js';
import { type MeshEyes, meshEyesOn } from './mesh-eyes.js';

/** An invariant that has something to watch only where the daemons form a mesh. */
export function meshInvariant(
  name: string,
  promise: string,
  watch: (mesh: MeshEyes, verdicts: Verdicts) => Watch,
): Invariant {
  return {
    name,
    promise,
    watch: (fleet, verdicts) => {
      const mesh = meshEyesOn(eyesOn(fleet));
      return mesh === undefined ? {} : watch(mesh, verdicts);
    },
  };
}
