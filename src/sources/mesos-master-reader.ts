import { type MasterView, stepMaster } from '../core/mesos/master-view.js';
import type { SourceWarning } from '../core/vips.js';
import type { EncodedReading } from './encoded-reading.js';
import { FetchFailure, type FetchLimits, fetchDocument } from './http-document.js';
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
    let text: string;
    let digest: string;
    try {
      const document = await fetchDocument(this.#url, this.#spec);
      // A quiet cluster answers the same bytes for hours; parsing them again would be most of the work.
      const taken = this.#taken;
      if (taken?.digest === document.digest && this.#view?.held.size === 0) {
        return this.#last.again(token, taken.warnings);
      }
      digest = document.digest;
      text = document.text();
    } catch (error) {
      if (error instanceof FetchFailure) return { kind: 'failed', reason: error.message };
      throw error;
    }
    this.#taken = undefined;
    let document: unknown;
    try {
      document = JSON.parse(text);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return this.#failed(`the answer is not JSON, or cut short: ${why}`);
    }
    const step = stepMaster(this.#view, document, performance.now());
    this.#view = step.view;
    if (step.kind === 'refused') return this.#failed(step.reason);
    this.#taken = { digest, warnings: step.warnings };
    return this.#last.take(token, step.vips, step.warnings);
  }

  #failed(what: string): EncodedReading {
    return { kind: 'failed', reason: `${this.#url.href}: ${what}` };
  }
}

/** Where a master serves its state; a path in the configured URL is that of a proxy in front, or the full one. */
export function stateUrl(configured: string): URL {
  const url = new URL(configured);
  const path = url.pathname.replace(/\/+$/, '');
  if (!/\/state(\.json)?$/.test(path)) url.pathname = `${path}/master/state`;
  return url;
}
