import { LastVips, type VipsReading } from '../last-vips.js';
import type { SourceWarning } from '../vips.js';
import { type MasterView, stepMaster } from './master-view.js';
import { type MesosStateResult, readMesosState } from './state.js';

/** A document as it arrived; equal digests mean equal bytes. */
export interface ArrivedDocument {
  readonly digest: string;
  /** What it says; called when it must be known. Throws what tells why the bytes are no JSON. */
  read(): MesosStateResult;
}

/** What a reader of a cluster's leading master remembers from one document to the next. */
export class MasterReading {
  readonly #last: LastVips;
  #view: MasterView | undefined;
  #taken: { readonly digest: string; readonly warnings: readonly SourceWarning[] } | undefined;

  /** `reader` is a name that no other reader has. */
  constructor(reader: string) {
    this.#last = new LastVips(reader);
  }

  /** Takes one more document; `nowMs` is monotonic. */
  take(
    token: string | undefined,
    document: ArrivedDocument,
    nowMs: number,
  ): VipsReading | { readonly kind: 'failed'; readonly reason: string } {
    const { digest } = document;
    // A quiet cluster answers the same bytes for hours; parsing them again would be most of the work.
    if (this.#taken?.digest === digest && this.#view?.held.size === 0) {
      return this.#last.again(token, this.#taken.warnings);
    }
    this.#taken = undefined;
    let read: MesosStateResult;
    try {
      read = document.read();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { kind: 'failed', reason: `the answer is not JSON, or cut short: ${why}` };
    }
    const step = stepMaster(this.#view, read, nowMs);
    this.#view = step.view;
    if (step.kind === 'refused') return { kind: 'failed', reason: step.reason };
    this.#taken = { digest, warnings: step.warnings };
    return this.#last.take(token, step.vips, step.warnings);
  }
}

/** Reads the text of a document; throws what JSON.parse throws. */
export function readStateText(text: string): MesosStateResult {
  return readMesosState(JSON.parse(text));
}
