import { NO_VIPS, type SourceWarning, type Vips } from '../../src/core/vips.js';
import type { Source, SourceReading } from '../../src/ports/sources.js';
import type { Timers } from '../../src/ports/time.js';
import { type VipsText, vips } from './vips.js';

/** A source whose content the test sets. It answers after `delayMs`, one reading at a time, whole or by difference. */
export class ScriptedSource implements Source {
  readonly name: string;
  delayMs = 5;
  /** While set, readings fail with this reason. */
  failing: string | undefined;
  warnings: readonly SourceWarning[] = [];
  readings = 0;
  overlaps = 0;
  watches = 0;
  closed = 0;
  readonly tokens: (string | undefined)[] = [];
  readonly #timers: Timers;
  #vips: Vips = NO_VIPS;
  #version = 0;
  #busy = false;
  #changed: () => void = () => {};

  constructor(name: string, timers: Timers) {
    this.name = name;
    this.#timers = timers;
  }

  /** Its content from now on; says that it changed. */
  serve(text: VipsText): void {
    this.#vips = vips(text);
    this.#version += 1;
    this.#changed();
  }

  read(token: string | undefined, done: (reading: SourceReading) => void): void {
    this.readings += 1;
    if (this.#busy) this.overlaps += 1;
    this.#busy = true;
    this.tokens.push(token);
    const { warnings, failing } = this;
    const answers = this.#vips;
    const now = String(this.#version);
    this.#timers.start(this.delayMs, () => {
      this.#busy = false;
      if (failing !== undefined) done({ kind: 'failed', reason: failing });
      else if (token === now) done({ kind: 'unchanged', token, warnings });
      else
        done({
          kind: 'changed',
          token: now,
          reset: true,
          delta: { upserts: answers, removed: [] },
          warnings,
        });
    });
  }

  watch(changed: () => void): void {
    this.watches += 1;
    this.#changed = changed;
  }

  close(): void {
    this.closed += 1;
  }
}
