import { type Endpoint, formatEndpoint } from '../../core/endpoint.js';
import type { Trouble } from './disturbances.js';
import { type Eyes, eyesOn, type HostEyes } from './eyes.js';
import type { Invariant } from './invariant.js';
import { SET_NAME } from './kernel-eyes.js';

/** How long after the daemon learned of VIPs they are in the set, when nothing disturbs. */
const SOON_MS = 1_000;
/** Whatever disturbed the set is noticed within a second, and put right at the next. */
const PUT_BACK_MS = 2_500;

/** A writing is a few runs of a tool; where these are slow it may have begun so long before. */
const WRITING_MOST_MS = 8_000;

const SET_TROUBLE: readonly Trouble[] = ['kernel-error/ipset', 'set-spoilt', 'slow-tools'];

const NONE: ReadonlySet<Endpoint> = new Set();

export const setNeverLess: Invariant = {
  name: 'set-never-less',
  promise:
    "the kernel's set holds the old VIPs or the new ones whenever the daemon changes it, never fewer than both share",
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    const former = new Map<HostEyes, ReadonlySet<Endpoint>>();
    return {
      hears: ['set'],
      happened: (news) => {
        if (news.kind !== 'set' || news.name !== SET_NAME) return;
        const host = eyes.host(news.host);
        const now = host.kernel.members();
        const before = former.get(host) ?? NONE;
        former.set(host, now === undefined ? NONE : new Set(now));
        if (news.by !== 'daemon' || host.daemon?.stopping === true) return;
        for (const vip of before) {
          if ((now?.has(vip) ?? false) || !host.learned.vips.has(vip)) continue;
          verdicts.broken(`${formatEndpoint(vip)} is gone from the set, and still wanted`, news.host);
          return;
        }
        for (const vip of now ?? NONE) {
          if (before.has(vip) || host.learned.vips.has(vip) || host.learned.changedMs === eyes.nowMs)
            continue;
          // The writing may have begun before the sources spoke again, and take its time.
          const sinceMs = Math.min(host.learned.changedMs, eyes.nowMs - SOON_MS);
          if (eyes.nowMs - host.learned.changedMs < SOON_MS || !eyes.ranWell(host, sinceMs)) continue;
          if (eyes.disturbances.between(sinceMs - WRITING_MOST_MS, eyes.nowMs, SET_TROUBLE, host.name))
            continue;
          verdicts.broken(`${formatEndpoint(vip)} was put into the set, and nobody wants it`, news.host);
          return;
        }
      },
    };
  },
};

/** What is wrong with a host's set; undefined if nothing is. */
export function setFault(host: HostEyes): string | undefined {
  const members = host.kernel.members();
  if (members === undefined) return 'there is no set';
  for (const vip of host.learned.vips.keys()) {
    if (!members.has(vip)) return `${formatEndpoint(vip)} is not in the set`;
  }
  // Before every source was read well, what an earlier daemon left may stay.
  if (host.learned.readWell.size < host.sources) return undefined;
  for (const vip of members) {
    if (!host.learned.vips.has(vip)) return `${formatEndpoint(vip)} is in the set, and nobody wants it`;
  }
  return undefined;
}

/** Only its size is looked at every second; every 300 looks it is written anew, whatever the size. */
const UNNOTICED_MOST_MS = 305_000;

/**
 * Whether others exchanged entries of a host's set for as many of their own, which a daemon that compares sizes
 * notices minutes later only: its price for not reading the whole set every second.
 */
export function isSetExchanged(eyes: Eyes, host: HostEyes): boolean {
  const spoilt = eyes.disturbances.between(
    eyes.nowMs - UNNOTICED_MOST_MS,
    eyes.nowMs,
    ['set-spoilt'],
    host.name,
  );
  return spoilt && host.kernel.members()?.size === host.learned.vips.size && setFault(host) !== undefined;
}

export const setAsDesired: Invariant = {
  name: 'set-as-desired',
  promise:
    "the kernel's set is the desired VIPs within 1 s of the daemon's learning them, and again 2.5 s after others spoilt it",
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    const due = new Set<HostEyes>();

    const check = (host: HostEyes): void => {
      due.delete(host);
      if (host.state !== 'running' || host.readyMs === undefined || host.daemon?.stopping === true) return;
      const fault = setFault(host);
      if (fault === undefined) return;
      const calm =
        eyes.nowMs - host.learned.changedMs >= SOON_MS &&
        eyes.servedWell(host, eyes.nowMs - PUT_BACK_MS, SET_TROUBLE);
      if (isSetExchanged(eyes, host)) verdicts.sometimes('others exchanged entries of the set one for one');
      else if (calm) verdicts.broken(fault, host.name);
      else later(host, SOON_MS);
    };
    const later = (host: HostEyes, afterMs: number): void => {
      if (due.has(host)) return;
      due.add(host);
      eyes.at(eyes.nowMs + afterMs, () => check(host));
    };

    eyes.onMessage('vip-table', 'after', ({ host }) => {
      if (host.learned.changedMs === eyes.nowMs) later(host, SOON_MS);
    });
    return {
      hears: ['set', 'daemon', 'log'],
      happened: (news) => {
        if (news.kind === 'set' && news.name === SET_NAME && news.by !== 'daemon') {
          verdicts.sometimes(`the set was spoilt by others`);
          later(eyes.host(news.host), PUT_BACK_MS);
        } else if (news.kind === 'daemon' && news.state === 'ready') {
          later(eyes.host(news.host), PUT_BACK_MS + 10);
        } else if (news.kind === 'log' && news.event === 'rules-restored' && isAboutSet(news.fields)) {
          verdicts.sometimes('the set restored');
        }
      },
    };
  },
};

function isAboutSet(fields: Readonly<Record<string, unknown>> | undefined): boolean {
  return String(fields?.['what']).startsWith('ipset');
}
