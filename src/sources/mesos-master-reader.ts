import { type MasterStep, type MasterView, stepMaster } from '../core/mesos/master-view.js';
import type { SourceWarning } from '../core/vips.js';
import type { EncodedReading } from './encoded-reading.js';
import { type FetchedDocument, FetchFailure, type FetchLimits, fetchDocument } from './http-document.js';
import { LastVips } from './last-vips.js';

export interface MesosMasterSpec extends FetchLimits {
  readonly type: 'mesos-master';
  readonly url: string;
}

/** Reads the state of a cluster's leading master, beginning each time at the configured URL. */
export class MesosMasterReader {
  readonly #spec: MesosMasterSpec;
  readonly #url: URL;
  readonly #last = new LastVips();
  #view: MasterView | undefined;
  #taken: { readonly digest: string; readonly warnings: readonly SourceWarning[] } | undefined;

  constructor(spec: MesosMasterSpec) {
    this.#spec = spec;
    this.#url = stateUrl(spec.url);
  }

  async read(token: string | undefined): Promise<EncodedReading> {
    let fetched: FetchedDocument;
    try {
      fetched = await fetchDocument(this.#url, this.#spec);
    } catch (error) {
      if (error instanceof FetchFailure) return { kind: 'failed', reason: error.message };
      throw error;
    }
    const { digest } = fetched;
    // A quiet cluster answers the same bytes for hours; parsing them again would be most of the work.
    if (this.#taken?.digest === digest && this.#view?.held.size === 0) {
      return this.#last.again(token, this.#taken.warnings);
    }
    this.#taken = undefined;
    const step = this.#step(fetched.text());
    if (step.kind === 'refused') {
      return { kind: 'failed', reason: `${this.#url.href}: ${step.reason}` };
    }
    this.#taken = { digest, warnings: step.warnings };
    return this.#last.take(token, step.vips, step.warnings);
  }

  #step(text: string): MasterStep {
    let document: unknown;
    try {
      document = JSON.parse(text);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const reason = `the answer is not JSON, or cut short: ${why}`;
      return { kind: 'refused', view: this.#view, reason };
    }
    const step = stepMaster(this.#view, document, performance.now());
    this.#view = step.view;
    return step;
  }
}

/** Where a master serves its state; a path in the configured URL is that of a proxy in front, or the full one. */
export function stateUrl(configured: string): URL {
  const url = new URL(configured);
  const path = url.pathname.replace(/\/+$/, '');
  if (!/\/state(\.json)?$/.test(path)) url.pathname = `${path}/master/state`;
  return url;
}
