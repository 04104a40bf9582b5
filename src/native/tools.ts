import { spawnSync } from 'node:child_process';
import { accessSync, closeSync, constants, openSync } from 'node:fs';
import { KernelError } from '../ports/kernel-error.js';
import { lockClosed, notInstalled } from './tool-failure.js';

/** The programs that manage rules and sets. */
export interface Tools {
  readonly iptablesRestore: string;
  readonly iptablesSave: string;
  readonly ipset: string;
  /** Whose tables that iptables edits: nftables', or the kernel's older ones. */
  readonly flavour: 'nft' | 'legacy';
}

/** Administrators' programs, also where the daemon's PATH lacks them. */
const MORE_PLACES = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/**
 * Finds the programs, once. `iptables` names another binary than the default, e.g. `iptables-legacy`, whose
 * `-restore` and `-save` are then used. Throws `KernelError` that says what to install.
 */
export function locateTools(iptables = 'iptables', places: readonly string[] = usualPlaces()): Tools {
  const locate = (tool: string): string => {
    const found = tool.includes('/') ? [tool] : places.map((place) => `${place}/${tool}`);
    const file = found.find(isExecutable);
    if (file !== undefined) return file;
    const missing = notInstalled(tool);
    throw new KernelError(missing.code, missing.message);
  };
  const binary = locate(iptables);
  return {
    iptablesRestore: locate(`${iptables}-restore`),
    iptablesSave: locate(`${iptables}-save`),
    ipset: locate('ipset'),
    flavour: flavourOf(binary),
  };
}

/**
 * Throws `KernelError` EACCES if this user may not open the file by which programs that change the tables of the
 * legacy iptables exclude each other; the nft flavour has none. Opens it as iptables does, who makes a missing one.
 */
export function requireLock(tools: Tools, file = process.env.XTABLES_LOCKFILE || '/run/xtables.lock'): void {
  if (tools.flavour === 'nft') return;
  try {
    closeSync(openSync(file, constants.O_RDONLY | constants.O_CREAT, 0o600));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const missing = lockClosed(file, code ?? 'EACCES');
    throw new KernelError(missing.code, missing.message);
  }
}

function usualPlaces(): readonly string[] {
  return [...(process.env.PATH ?? '').split(':').filter(Boolean), ...MORE_PLACES];
}

/** Versions before 1.8 have only one flavour, and do not say so. */
function flavourOf(iptables: string): 'nft' | 'legacy' {
  const run = spawnSync(iptables, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  return /nf_tables/.test(run.stdout ?? '') ? 'nft' : 'legacy';
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
