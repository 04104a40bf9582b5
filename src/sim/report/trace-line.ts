import { type Endpoint, formatEndpoint } from '../../core/endpoint.js';
import type { Happening } from '../engine/journal.js';

/** Fields of happenings that are endpoints. */
const ENDPOINTS: ReadonlySet<string> = new Set(['client', 'vip', 'backend']);

/** One happening as a line of JSON without its end: when (virtual milliseconds), what, its fields. */
export function traceLine(happening: Happening, atMs: number): string {
  const { kind, ...fields } = happening;
  const line: Record<string, unknown> = { atMs: Math.round(atMs * 1e6) / 1e6, kind };
  for (const [name, value] of Object.entries(fields)) {
    line[name] = ENDPOINTS.has(name) && typeof value === 'number' ? formatEndpoint(value as Endpoint) : value;
  }
  return JSON.stringify(line);
}
