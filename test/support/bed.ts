import type { ExecutionContext } from 'ava';
import { listNamespaces } from '../../testbed/namespace.js';
import { Testbed } from '../../testbed/testbed.js';

/** Runs a test on a bed of its own, which is gone afterwards. */
export async function withBed(t: ExecutionContext, run: (bed: Testbed) => Promise<void>): Promise<void> {
  const bed = await Testbed.create();
  try {
    await run(bed);
  } finally {
    await bed.destroy();
  }
  t.deepEqual(listNamespaces(bed.prefix), [], 'the bed left nothing');
}
