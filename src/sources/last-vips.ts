import { randomUUID } from 'node:crypto';
import { diffVips, NO_VIPS, type SourceWarning, type Vips } from '../core/vips.js';
import { type EncodedReading, encodeDelta, wholeDelta } from './encoded-reading.js';

/**
 * The VIPs a reader last read, with the token that names them. Tokens of two readers are never alike, so a
 * fresh reader answers the token of the one before it with everything.
 */
export class LastVips {
  readonly #reader = randomUUID();
  #version = 0;
  #vips: Vips = NO_VIPS;

  /** Takes what was read now; the answer counts from the state that `token` names, if that is the last one. */
  take(token: string | undefined, vips: Vips, warnings: readonly SourceWarning[]): EncodedReading {
    const known = token !== undefined && token === this.#token();
    const delta = diffVips(this.#vips, vips);
    if (delta.upserts.size > 0 || delta.removed.length > 0) {
      this.#version += 1;
      this.#vips = vips;
    } else if (known) {
      return { kind: 'unchanged', token, warnings };
    }
    return {
      kind: 'changed',
      token: this.#token(),
      reset: !known,
      delta: encodeDelta(known ? delta : wholeDelta(this.#vips)),
      warnings,
    };
  }

  /** The same state as before, read once more. */
  again(token: string | undefined, warnings: readonly SourceWarning[]): EncodedReading {
    return this.take(token, this.#vips, warnings);
  }

  #token(): string {
    return `${this.#reader}:${this.#version}`;
  }
}
