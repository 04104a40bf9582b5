import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Editors and `cp` write in several steps; one reading after the last of them is enough. */
const DEBOUNCE_MS = 50;

/**
 * Tells when a file may have changed. It watches the directory, because an atomic replacement puts another
 * file there and would leave a watch on the old one. While the directory is missing nothing is told; call
 * `renew` now and then.
 */
export class FileWatch {
  readonly #path: string;
  readonly #changed: () => void;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(path: string, changed: () => void) {
    this.#path = path;
    this.#changed = changed;
    this.renew();
  }

  renew(): void {
    if (this.#watcher !== undefined) return;
    const name = basename(this.#path);
    try {
      const watcher = watch(dirname(this.#path), { persistent: false }, (_event, file) => {
        // Kubernetes replaces a mounted file by renaming its directory `..data`.
        if (file === null || file === name || file.startsWith('..')) this.#touched();
      });
      watcher.on('error', () => this.#drop(watcher));
      this.#watcher = watcher;
    } catch {
      // No such directory, or no more watches to be had: polling still finds the changes.
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#watcher?.close();
  }

  #touched(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#changed, DEBOUNCE_MS).unref();
  }

  #drop(watcher: FSWatcher): void {
    watcher.close();
    if (this.#watcher === watcher) this.#watcher = undefined;
  }
}
