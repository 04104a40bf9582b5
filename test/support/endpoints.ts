import fc from 'fast-check';
import { type Endpoint, endpoint, parseEndpoint } from '../../src/core/endpoint.js';

/** An endpoint written as operators write it; throws on what is none. */
export function at(text: string): Endpoint {
  const value = parseEndpoint(text);
  if (value === undefined) throw new Error(`${text} is no endpoint`);
  return value;
}

export function set(...texts: readonly string[]): ReadonlySet<Endpoint> {
  return new Set(texts.map(at));
}

/** Any endpoint at all. */
export const anyEndpoint = fc
  .tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 1, max: 65535 }))
  .map(([address, port]) => endpoint(address, port));
