import { type Address, addressOf, type Endpoint, parseEndpoint, whyNoBackend, whyNoVip } from './endpoint.js';
import { asRecord, quote } from './json.js';
import type { Vips } from './vips.js';

/** What is wrong with a part of a document: where, by keys and indices from its root on, and what. */
export interface DocumentFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

export type VipsDocumentResult =
  | { readonly ok: true; readonly vips: Vips }
  | { readonly ok: false; readonly faults: readonly DocumentFault[] };

/**
 * Reads the content of a VIP file as a parser of JSON or YAML gives it:
 * `{ vips: { "10.1.2.3:5000": ["10.99.0.2:8080"] } }`. A VIP with an empty list (or null) exists without
 * backends. All faults are told at once; with any of them nothing is taken.
 */
export function readVipsDocument(document: unknown): VipsDocumentResult {
  const root = asRecord(document);
  if (root === undefined) return refused([{ path: [], message: 'must be an object with the key "vips"' }]);
  const faults: DocumentFault[] = [];
  const vips = new Map<Endpoint, ReadonlySet<Endpoint>>();
  const listed = asRecord(root.vips);
  if (listed === undefined) {
    faults.push({ path: ['vips'], message: 'must map VIPs to backends; to have none, write {}' });
  }
  for (const [key, backends] of Object.entries(listed ?? {})) {
    const vip = readEndpoint(key, whyNoVip, '10.1.2.3:5000');
    if (typeof vip === 'string') faults.push({ path: ['vips', key], message: vip });
    const read = readBackends(backends, ['vips', key], faults);
    if (typeof vip !== 'string') vips.set(vip, read);
  }
  for (const key of Object.keys(root)) {
    if (key !== 'vips') faults.push({ path: [key], message: 'unknown key; the only one is "vips"' });
  }
  return faults.length === 0 ? { ok: true, vips } : refused(faults);
}

function refused(faults: readonly DocumentFault[]): VipsDocumentResult {
  return { ok: false, faults };
}

function readBackends(
  value: unknown,
  path: DocumentFault['path'],
  faults: DocumentFault[],
): ReadonlySet<Endpoint> {
  const backends = new Set<Endpoint>();
  if (value === null) return backends;
  if (!Array.isArray(value)) {
    faults.push({ path, message: 'is no list of backends' });
    return backends;
  }
  for (const [index, item] of value.entries()) {
    const backend =
      typeof item === 'string'
        ? readEndpoint(item, whyNoBackend, '10.99.0.2:8080')
        : 'is no text such as "10.99.0.2:8080"';
    if (typeof backend === 'string') faults.push({ path: [...path, index], message: backend });
    else backends.add(backend);
  }
  return backends;
}

/** The endpoint, or why the text is none that could serve. */
function readEndpoint(
  text: string,
  whyNot: (address: Address) => string | undefined,
  example: string,
): Endpoint | string {
  const value = parseEndpoint(text);
  const fault = value === undefined ? `is no ADDRESS:PORT such as ${example}` : whyNot(addressOf(value));
  return fault === undefined ? value! : `${quote(text)} ${fault}`;
}
