import { addressOf, type Endpoint, isLoopback, whyNoBackend, whyNoVip } from '../endpoint.js';
import { NO_VIPS, sameBackends, type Vips, type VipsDelta } from '../vips.js';

/** What all other nodes serve, together: each VIP with the backends that any of them adverts. */
export class AdvertBoard {
  readonly #byOrigin = new Map<Endpoint, Vips>();

  /** What `origin` says to serve from now on; answers what that changes of the whole. */
  learn(origin: Endpoint, claimed: Vips = NO_VIPS): VipsDelta {
    const vips = credible(claimed);
    const former = this.#byOrigin.get(origin) ?? NO_VIPS;
    const touched = new Set([...former.keys(), ...vips.keys()]);
    const before = new Map([...touched].map((vip) => [vip, this.#backends(vip)]));
    if (vips.size === 0) this.#byOrigin.delete(origin);
    else this.#byOrigin.set(origin, vips);
    const upserts = new Map<Endpoint, ReadonlySet<Endpoint>>();
    const removed: Endpoint[] = [];
    for (const [vip, old] of before) {
      const now = this.#backends(vip);
      if (now === undefined) removed.push(vip);
      else if (old === undefined || !sameBackends(old, now)) upserts.set(vip, now);
    }
    return { upserts, removed };
  }

  forget(origin: Endpoint): VipsDelta {
    return this.learn(origin, NO_VIPS);
  }

  /** All of it. */
  all(): Vips {
    const vips = new Map<Endpoint, ReadonlySet<Endpoint>>();
    for (const served of this.#byOrigin.values()) {
      for (const vip of served.keys()) if (!vips.has(vip)) vips.set(vip, this.#backends(vip)!);
    }
    return vips;
  }

  #backends(vip: Endpoint): ReadonlySet<Endpoint> | undefined {
    let union: Set<Endpoint> | undefined;
    for (const served of this.#byOrigin.values()) {
      const backends = served.get(vip);
      if (backends === undefined) continue;
      union ??= new Set();
      for (const backend of backends) union.add(backend);
    }
    return union;
  }
}

/** No node may speak for this one's loopback interface, nor for addresses that nobody has. */
function credible(claimed: Vips): Vips {
  const isVip = (vip: Endpoint): boolean => whyNoVip(addressOf(vip)) === undefined;
  const isBackend = (backend: Endpoint): boolean => {
    const address = addressOf(backend);
    return whyNoBackend(address) === undefined && !isLoopback(address);
  };
  const vips = new Map<Endpoint, ReadonlySet<Endpoint>>();
  for (const [vip, backends] of claimed) {
    if (isVip(vip)) vips.set(vip, new Set([...backends].filter(isBackend)));
  }
  return vips;
}
