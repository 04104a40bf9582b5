import { type Endpoint, formatEndpoint, parseEndpoint } from '../../core/endpoint.js';
import type { HostName } from '../engine/journal.js';
import { eyesOn } from './eyes.js';
import type { Invariant } from './invariant.js';

/** z of the standard normal distribution with 1e-6 above it. */
const Z_ONE_IN_A_MILLION = 4.7534;
/** Pearson's statistic wants that many in each cell. */
const EXPECTED_LEAST = 5;

/** Pearson's statistic of counts that should be equal. */
export function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/**
 * The statistic that equal chances exceed once in a million times (Wilson and Hilferty's approximation of the
 * chi-square distribution, 1931; within a few per cent from 2 degrees of freedom).
 */
export function oneInAMillion(degreesOfFreedom: number): number {
  const spread = 2 / (9 * degreesOfFreedom);
  return degreesOfFreedom * (1 - spread + Z_ONE_IN_A_MILLION * Math.sqrt(spread)) ** 3;
}

/** How often each VIP's connections were placed where. */
class Tally {
  readonly counts = new Map<Endpoint, Map<Endpoint, number>>();

  add(vip: Endpoint, backend: Endpoint): void {
    let backends = this.counts.get(vip);
    if (backends === undefined) {
      backends = new Map();
      this.counts.set(vip, backends);
    }
    backends.set(backend, (backends.get(backend) ?? 0) + 1);
  }
}

export const equalsShare: Invariant = {
  name: 'equals-share',
  promise: 'backends that are equal get equally many connections, as far as chance allows (p > 1e-6)',
  watch: (fleet, verdicts) => {
    const tally = new Tally();
    return {
      hears: ['mapped'],
      happened: (news) => {
        if (news.kind !== 'mapped' || news.outcome !== 'made') return;
        tally.add(news.vip as Endpoint, news.backend as Endpoint);
      },
      healed: () => {
        // Any trouble or change makes backends unequal for a while.
        if (fleet.plan.faults.length > 0 || fleet.orchestrator.history.length > 1) return;
        for (const [vip, backends] of fleet.orchestrator.vips) {
          const counts = [...backends].map((backend) => tally.counts.get(vip)?.get(backend) ?? 0);
          const sum = counts.reduce((total, count) => total + count, 0);
          if (counts.length < 2 || sum < EXPECTED_LEAST * counts.length) continue;
          verdicts.sometimes('equal shares were judged');
          const statistic = chiSquare(counts);
          if (statistic <= oneInAMillion(counts.length - 1)) continue;
          verdicts.broken(
            `${formatEndpoint(vip)}: ${counts.join(', ')} connections, chi-square ${statistic.toFixed(1)}`,
          );
        }
      },
    };
  },
};

/** Picks per backend after which one that could be drawn was, but for a chance of exp(-PICKS_ENOUGH). */
const PICKS_ENOUGH = 25;
/** The back-off, and the last failure's own timeout. */
const BACK_AFTER_MS = 31_000;

interface Shunned {
  readonly backend: Endpoint;
  readonly vip: Endpoint;
  readonly host: HostName;
  readonly sinceMs: number;
  picks: number;
}

export const recoveredServes: Invariant = {
  name: 'recovered-serves',
  promise: 'a backend that was unavailable is picked again when its back-off is over',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    const shunned = new Map<string, Shunned>();

    const placed = (key: string, one: Shunned, backend: number): void => {
      const { host, vip } = one;
      const backends = eyes.host(host).learned.vips.get(vip);
      if (backend === one.backend) verdicts.sometimes('a backend tried again after its back-off');
      if (backend === one.backend || backends === undefined || !backends.has(one.backend)) {
        shunned.delete(key);
        return;
      }
      one.picks += 1;
      if (one.picks < PICKS_ENOUGH * backends.size) return;
      shunned.delete(key);
      verdicts.broken(`${key} was passed over ${one.picks} times after its back-off`, host);
    };

    return {
      hears: ['daemon', 'log', 'mapped'],
      happened: (news, atMs) => {
        if (news.kind === 'daemon' && news.state === 'started') {
          for (const [key, { host }] of shunned) if (host === news.host) shunned.delete(key);
        } else if (news.kind === 'log' && news.event === 'backend-unavailable') {
          const vip = parseEndpoint(String(news.fields?.['vip']));
          const backend = parseEndpoint(String(news.fields?.['backend']));
          if (vip === undefined || backend === undefined) return;
          const key = `${formatEndpoint(backend)} of ${formatEndpoint(vip)} on ${news.host}`;
          shunned.set(key, { vip, backend, host: news.host, sinceMs: atMs, picks: 0 });
        } else if (news.kind === 'mapped' && news.outcome === 'made') {
          for (const [key, one] of shunned) {
            if (news.host !== one.host || news.vip !== one.vip || atMs - one.sinceMs < BACK_AFTER_MS)
              continue;
            placed(key, one, news.backend);
          }
        }
      },
    };
  },
};
