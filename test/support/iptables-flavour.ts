import { chmodSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { locateTools } from '../../src/native/tools.js';
import type { Flavour } from './prerequisites.js';

const directories = new Map<Flavour, string>();

/**
 * An environment in which `iptables` is of that flavour. The daemon, like anybody, takes the first on its
 * PATH; administrators switch the system's with update-alternatives.
 */
export function withFlavour(flavour: Flavour): Readonly<Record<string, string>> {
  let directory = directories.get(flavour);
  if (directory === undefined) {
    const made = mkdtempSync(join(tmpdir(), `minuteman-${flavour}-`));
    // For whichever user the daemon runs as.
    chmodSync(made, 0o755);
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
    const place = dirname(locateTools(flavour).iptablesSave);
    for (const tool of ['', '-save', '-restore']) {
      symlinkSync(join(place, `${flavour}${tool}`), join(made, `iptables${tool}`));
    }
    directories.set(flavour, made);
    directory = made;
  }
  return { PATH: `${directory}${delimiter}${process.env.PATH ?? ''}` };
}
