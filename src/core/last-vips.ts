import { diffVips, NO_VIPS, type SourceWarning, type Vips, type VipsDelta } from './vips.js';

/** What one more reading of a source is, relative to the state that `token` named before. */
export type VipsReading =
  | { readonly kind: 'unchanged'; readonly token: string; readonly warnings: readonly SourceWarning[] }
  | {
      readonly kind: 'changed';
      readonly token: string;
      /** True: the delta counts from nothing. */
      readonly reset: boolean;
      readonly delta: VipsDelta;
      readonly warnings: readonly SourceWarning[];
    };

const NO_DELTA: VipsDelta = { upserts: NO_VIPS, removed: [] };

/**
 * The VIPs a reader last read, with the token that names them. Tokens of two readers are never alike, so a
 * fresh reader answers the token of the one before it with everything.
 */
export class LastVips {
  readonly #reader: string;
  #version = 0;
  #vips: Vips = NO_VIPS;

  /** `reader` is a name that no other reader has. */
  constructor(reader: string) {
    this.#reader = reader;
  }

  /** Takes what was read now; the answer counts from the state that `token` names, if that is the last one. */
  take(token: string | undefined, vips: Vips, warnings: readonly SourceWarning[]): VipsReading {
    const known = token !== undefined && token === this.#token();
    const delta = vips === this.#vips ? NO_DELTA : diffVips(this.#vips, vips);
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
      delta: known ? delta : { upserts: this.#vips, removed: [] },
      warnings,
    };
  }

  /** The same state as before, read once more. */
  again(token: string | undefined, warnings: readonly SourceWarning[]): VipsReading {
    return this.take(token, this.#vips, warnings);
  }

  #token(): string {
    return `${this.#reader}:${this.#version}`;
  }
}
