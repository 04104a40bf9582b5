import { gunzipSync } from 'node:zlib';
import { type ArrivedDocument, readStateText } from '../../core/mesos/master-reading.js';
import type { MesosStateResult } from '../../core/mesos/state.js';

interface Known extends ArrivedDocument {
  readonly body: Uint8Array;
  readonly encoding: string | undefined;
}

/** Documents in use at a time: the leader's, a deposed one's, half of one. */
const KEPT = 6;

/**
 * What the octets of documents say, unpacked and parsed once for all nodes of a simulation: forty nodes get the
 * same 1000 tasks, and reading them forty times would be most of a run's work. It is a function of the octets.
 */
export class Documents {
  private readonly known: Known[] = [];
  private numbered = 0;
  private readers = 0;

  /** A name that no other reader of the run has. */
  reader(): string {
    this.readers += 1;
    return `reader-${this.readers}`;
  }

  /** `body` must not change afterwards. */
  of(body: Uint8Array, encoding: string | undefined): ArrivedDocument {
    for (const document of this.known) {
      if (document.encoding === encoding && sameOctets(document.body, body)) return document;
    }
    this.numbered += 1;
    let read: (() => MesosStateResult) | undefined;
    const document: Known = {
      body,
      encoding,
      digest: `document ${this.numbered}`,
      read: () => {
        read ??= remembered(() => readStateText(unpacked(body, encoding)));
        return read();
      },
    };
    this.known.unshift(document);
    if (this.known.length > KEPT) this.known.pop();
    return document;
  }
}

function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

function unpacked(body: Uint8Array, encoding: string | undefined): string {
  return new TextDecoder().decode(encoding === 'gzip' ? gunzipSync(body) : body);
}

/** Calls `make` once; what it returned or threw comes every time. */
function remembered<T>(make: () => T): () => T {
  try {
    const value = make();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
