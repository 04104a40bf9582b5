import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../testbed/host.js';
import type { Program } from '../testbed/program.js';
import { ROOT } from './load-programs.js';

/** VIPs as the file source reads them. */
export type VipsFile = Readonly<Record<string, readonly string[]>>;

export const EXECUTABLE = join(ROOT, 'bin/minuteman');

/** The daemon under test on one host. */
export interface Daemon {
  readonly program: Program;
  /** Replaces the VIPs of the file source atomically. */
  publish(vips: VipsFile): void;
  stop(): Promise<void>;
}

export interface DaemonOptions {
  /** Further sources, as the configuration has them. */
  readonly sources?: readonly Readonly<Record<string, unknown>>[];
  /** Further parts of the configuration. */
  readonly configuration?: Readonly<Record<string, unknown>>;
}

/** Starts `minuteman agent` on a host with a file source in `directory`, and waits until it serves. */
export async function startDaemon(
  host: Host,
  directory: string,
  vips: VipsFile,
  options: DaemonOptions = {},
): Promise<Daemon> {
  if (!existsSync(EXECUTABLE)) throw new Error(`${EXECUTABLE} is missing`);
  const vipsPath = join(directory, `${host.name}-vips.json`);
  const publish = (next: VipsFile): void => {
    writeFileSync(`${vipsPath}.new`, JSON.stringify({ vips: next }));
    renameSync(`${vipsPath}.new`, vipsPath);
  };
  publish(vips);
  const configPath = join(directory, `${host.name}-config.json`);
  const configuration = {
    node: { name: host.name, address: host.address },
    sources: [{ type: 'file', path: vipsPath }, ...(options.sources ?? [])],
    ...options.configuration,
  };
  writeFileSync(configPath, JSON.stringify(configuration));
  const program = await host.spawn(EXECUTABLE, ['agent', '--config', configPath]);
  await program.waitForLine((line) => line.includes('"event":"ready"'), 30_000);
  return {
    program,
    publish,
    stop: async () => {
      await program.stop();
    },
  };
}
