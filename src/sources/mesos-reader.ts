import { randomUUID } from 'node:crypto';
import { AgentReading } from '../core/mesos/agent-reading.js';
import { MasterReading, readStateText } from '../core/mesos/master-reading.js';
import { type EncodedReading, encodeReading } from './encoded-reading.js';
import {
  type Asked,
  type FetchedDocument,
  FetchFailure,
  type FetchLimits,
  fetchDocument,
} from './http-document.js';

export interface MesosSpec extends FetchLimits {
  readonly type: 'mesos-master' | 'mesos-agent';
  readonly url: string;
}

/** Reads the state of a cluster's leading master, beginning each time at the configured URL, or that of one agent. */
export class MesosReader {
  readonly #spec: MesosSpec;
  readonly #asked: Asked;
  readonly #url: URL;
  readonly #reading: MasterReading | AgentReading;

  constructor(spec: MesosSpec) {
    this.#spec = spec;
    this.#asked = spec.type === 'mesos-master' ? 'master' : 'agent';
    this.#url = stateUrl(spec.url, this.#asked);
    this.#reading = new { master: MasterReading, agent: AgentReading }[this.#asked](randomUUID());
  }

  async read(token: string | undefined): Promise<EncodedReading> {
    let fetched: FetchedDocument;
    try {
      fetched = await fetchDocument(this.#url, this.#spec, this.#asked);
    } catch (error) {
      if (error instanceof FetchFailure) return { kind: 'failed', reason: error.message };
      throw error;
    }
    const document = { digest: fetched.digest, read: () => readStateText(fetched.text()) };
    const reading = this.#reading.take(token, document, performance.now());
    return reading.kind === 'failed'
      ? { kind: 'failed', reason: `${this.#url.href}: ${reading.reason}` }
      : encodeReading(reading);
  }
}

/** Where the state is served; a path in the configured URL is that of a proxy in front, or the full one. */
function stateUrl(configured: string, asked: Asked): URL {
  const url = new URL(configured);
  const path = url.pathname.replace(/\/+$/, '');
  if (!/\/state(\.json)?$/.test(path)) {
    url.pathname = `${path}${asked === 'master' ? '/master/state' : '/state'}`;
  }
  return url;
}
