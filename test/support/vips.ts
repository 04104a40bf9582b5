import type { Endpoint } from '../../src/core/endpoint.js';
import { formatEndpoint } from '../../src/core/endpoint.js';
import type { Vips, VipsDelta } from '../../src/core/vips.js';
import { at, set } from './endpoints.js';

/** VIPs as `{ '10.1.2.3:80': ['10.2.0.1:80'] }`. */
export type VipsText = Readonly<Record<string, readonly string[]>>;

export function vips(text: VipsText): Vips {
  return new Map(Object.entries(text).map(([vip, backends]) => [at(vip), set(...backends)]));
}

export function delta(upserts: VipsText, ...removed: readonly string[]): VipsDelta {
  return { upserts: vips(upserts), removed: removed.map(at) };
}

export function textOf(table: ReadonlyMap<Endpoint, ReadonlySet<Endpoint>>): VipsText {
  return Object.fromEntries(
    [...table]
      .map(([vip, backends]): [string, string[]] => [
        formatEndpoint(vip),
        [...backends].map(formatEndpoint).sort(),
      ])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
