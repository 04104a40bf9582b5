import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Testbed } from '../testbed/testbed.js';
import { buildLoadPrograms } from './load-programs.js';

/** What a benchmark plays in: a test bed, and a directory for configuration files. */
export interface Scene {
  readonly bed: Testbed;
  readonly directory: string;
}

/** Sets the scene, plays, and clears it away whatever happened. */
export async function onScene<T>(play: (scene: Scene) => Promise<T>): Promise<T> {
  await buildLoadPrograms();
  const directory = mkdtempSync(join(tmpdir(), 'minuteman-bench-'));
  const bed = await Testbed.create();
  try {
    return await play({ bed, directory });
  } finally {
    await bed.destroy();
    rmSync(directory, { recursive: true, force: true });
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
