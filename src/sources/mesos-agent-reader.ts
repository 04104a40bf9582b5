import { randomUUID } from 'node:crypto';
import { AgentReading } from '../core/mesos/agent-reading.js';
import { readStateText } from '../core/mesos/master-reading.js';
import { type EncodedReading, encodeReading } from './encoded-reading.js';
import { type FetchedDocument, FetchFailure, type FetchLimits, fetchDocument } from './http-document.js';

export interface MesosAgentSpec extends FetchLimits {
  readonly type: 'mesos-agent';
  readonly url: string;
}

/** Reads the state of one Mesos agent: what runs there. */
export class MesosAgentReader {
  readonly #spec: MesosAgentSpec;
  readonly #url: URL;
  readonly #reading = new AgentReading(randomUUID());

  constructor(spec: MesosAgentSpec) {
    this.#spec = spec;
    this.#url = agentStateUrl(spec.url);
  }

  async read(token: string | undefined): Promise<EncodedReading> {
    let fetched: FetchedDocument;
    try {
      fetched = await fetchDocument(this.#url, this.#spec, 'agent');
    } catch (error) {
      if (error instanceof FetchFailure) return { kind: 'failed', reason: error.message };
      throw error;
    }
    const document = { digest: fetched.digest, read: () => readStateText(fetched.text()) };
    const reading = this.#reading.take(token, document);
    return reading.kind === 'failed'
      ? { kind: 'failed', reason: `${this.#url.href}: ${reading.reason}` }
      : encodeReading(reading);
  }
}

/** Where an agent serves its state; a path in the configured URL is that of a proxy in front, or the full one. */
export function agentStateUrl(configured: string): URL {
  const url = new URL(configured);
  const path = url.pathname.replace(/\/+$/, '');
  if (!/\/state(\.json)?$/.test(path)) url.pathname = `${path}/state`;
  return url;
}
