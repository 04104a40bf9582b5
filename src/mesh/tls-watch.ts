import { unwatchFile, watchFile } from 'node:fs';
import type { Log } from '../ports/log.js';
import { LOOK_MS } from './settings.js';
import { readTlsFiles, type TlsIdentity, type TlsPaths } from './tls-files.js';

/** Three files are exchanged one after the other; what fits together is taken once nothing moved for so long. */
const SETTLE_MS = 200;

/**
 * The certificate of this node and its authority, as the files are now: certificates expire, and a new one must not
 * take a restart. While the files are faulty what was last read stays, and the log says so.
 */
export class TlsWatch {
  readonly #paths: TlsPaths;
  readonly #log: Log;
  readonly #touched: () => void;
  #changed: (identity: TlsIdentity) => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #identity: TlsIdentity;

  /** Throws what is wrong with the files, for the operator. */
  constructor(paths: TlsPaths, log: Log, lookMs = LOOK_MS) {
    this.#paths = paths;
    this.#log = log;
    const files = readTlsFiles(paths);
    if (!files.ok) throw new Error(files.fault);
    this.#identity = files.identity;
    this.#touched = () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#reread(), SETTLE_MS).unref();
    };
    for (const path of Object.values(paths)) {
      watchFile(path, { interval: lookMs, persistent: false }, this.#touched);
    }
  }

  get identity(): TlsIdentity {
    return this.#identity;
  }

  /** Replaces who is told of another identity. */
  onChange(changed: (identity: TlsIdentity) => void): void {
    this.#changed = changed;
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const path of Object.values(this.#paths)) unwatchFile(path, this.#touched);
  }

  #reread(): void {
    const files = readTlsFiles(this.#paths);
    if (!files.ok) {
      this.#log.event('error', 'mesh-tls-unreadable', `${files.fault}; what was read before stays in use`);
      return;
    }
    this.#identity = files.identity;
    this.#log.event('info', 'mesh-tls-changed', 'mesh: another certificate for new links', {
      ...this.#paths,
    });
    this.#changed(files.identity);
  }
}
