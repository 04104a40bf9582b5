import { addressOf, type Endpoint, isLoopback } from '../endpoint.js';
import type { Vips } from '../vips.js';
import { ascending, BACKENDS_MOST, VIPS_MOST } from './record.js';

export interface BoundedAdvert {
  readonly vips: Vips;
  /** VIPs and backends for which there was no room. */
  readonly leftOut: number;
}

/**
 * As much of what a node serves as one advert holds: the others would take a longer one for a breach of the protocol. The
 * smallest VIPs stay, so that one more does not change which of the others are told. Backends on the loopback interface
 * mean nothing to the others and are for this node's own clients.
 */
export function boundedAdvert(vips: Vips, mostVips = VIPS_MOST, mostBackends = BACKENDS_MOST): BoundedAdvert {
  const kept = new Map<Endpoint, ReadonlySet<Endpoint>>();
  let leftOut = 0;
  let room = mostBackends;
  for (const vip of [...vips.keys()].sort(ascending)) {
    const backends = [...vips.get(vip)!].filter((backend) => !isLoopback(addressOf(backend)));
    if (kept.size === mostVips) {
      leftOut += 1;
      continue;
    }
    const told = backends.length <= room ? backends : backends.sort(ascending).slice(0, room);
    kept.set(vip, new Set(told));
    room -= told.length;
    leftOut += backends.length - told.length;
  }
  return { vips: kept, leftOut };
}
