import { createHash } from 'node:crypto';
import { unwatchFile, watchFile } from 'node:fs';
import type { Log } from '../ports/log.js';
import { readKeyFile } from './key-file.js';
import { LOOK_MS } from './settings.js';

/**
 * The keys of a file, as it is now. They are read again when it changes; links that stand are not asked again.
 * While the file is missing or faulty the keys that were last read stay, and the log says so once.
 */
export class KeyRing {
  readonly #path: string;
  readonly #log: Log;
  readonly #look: () => void;
  #keys: readonly Buffer[];
  #fault: string | undefined;
  #warning: string | undefined;

  /** Throws what is wrong with the file, for the operator. */
  constructor(path: string, log: Log, lookMs = LOOK_MS) {
    this.#path = path;
    this.#log = log;
    const file = readKeyFile(path);
    if (!file.ok) throw new Error(file.fault);
    this.#keys = file.keys;
    this.#warn(file.warning);
    this.#look = () => this.#reread();
    watchFile(path, { interval: lookMs, persistent: false }, this.#look);
  }

  /** The first signs, all are accepted. Never empty. */
  get keys(): readonly Buffer[] {
    return this.#keys;
  }

  close(): void {
    unwatchFile(this.#path, this.#look);
  }

  #reread(): void {
    const file = readKeyFile(this.#path);
    if (!file.ok) {
      if (file.fault !== this.#fault) {
        this.#log.event('error', 'mesh-keys-unreadable', `${file.fault}; the keys read before stay in use`);
      }
      this.#fault = file.fault;
      return;
    }
    this.#fault = undefined;
    this.#warn(file.warning);
    if (fingerprints(file.keys).join() === fingerprints(this.#keys).join()) return;
    this.#keys = file.keys;
    this.#log.event('info', 'mesh-keys-changed', `mesh: ${file.keys.length} keys, the first signs`, {
      fingerprints: fingerprints(file.keys),
    });
  }

  #warn(warning: string | undefined): void {
    if (warning !== undefined && warning !== this.#warning) {
      this.#log.event('warn', 'mesh-keys-exposed', warning);
    }
    this.#warning = warning;
  }
}

/** What tells keys apart without telling them: operators compare nodes by it. */
function fingerprints(keys: readonly Buffer[]): readonly string[] {
  return keys.map((key) => createHash('sha256').update(key).digest('hex').slice(0, 12));
}
