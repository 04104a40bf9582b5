import { randomUUID } from 'node:crypto';
import { MasterReading, readStateText } from '../core/mesos/master-reading.js';
import { type EncodedReading, encodeReading } from './encoded-reading.js';
import { type FetchedDocument, FetchFailure, type FetchLimits, fetchDocument } from './http-document.js';

export interface MesosMasterSpec extends FetchLimits {
  readonly type: 'mesos-master';
  readonly url: string;
}

/** Reads the state of a cluster's leading master, beginning each time at the configured URL. */
export class MesosMasterReader {
  readonly #spec: MesosMasterSpec;
  readonly #url: URL;
  readonly #reading = new MasterReading(randomUUID());

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
    const document = { digest, read: () => readStateText(fetched.text()) };
    const reading = this.#reading.take(token, document, performance.now());
    return reading.kind === 'failed'
      ? { kind: 'failed', reason: `${this.#url.href}: ${reading.reason}` }
      : encodeReading(reading);
  }
}

/** Where a master serves its state; a path in the configured URL is that of a proxy in front, or the full one. */
export function stateUrl(configured: string): URL {
  const url = new URL(configured);
  const path = url.pathname.replace(/\/+$/, '');
  if (!/\/state(\.json)?$/.test(path)) url.pathname = `${path}/master/state`;
  return url;
}
