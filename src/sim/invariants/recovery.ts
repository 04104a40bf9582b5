import { DAEMON_TROUBLE, FLUSHING, type Trouble } from './disturbances.js';
import { type Eyes, eyesOn, type HostEyes } from './eyes.js';
import type { Invariant } from './invariant.js';
import { isSetExchanged, setFault } from './kernel-set.js';
import { lateSynsOf } from './late-syns.js';
import { rulesFault } from './rules.js';
import { directoryFault } from './vip-tables.js';

/** After a crash the system is within so long as it would be without. */
const RECOVERED_MS = 5_000;
/** A daemon waits 5 s for its sources at most, and tools take their time. */
const READY_MS = 8_000;

const KERNEL_TROUBLE: readonly Trouble[] = [
  ...FLUSHING,
  'set-spoilt',
  'slow-tools',
  'kernel-error/ipset',
  'kernel-error/iptables',
  'kernel-error/heartbeat',
  'kernel-error/conntrack-map',
  'kernel-error/conntrack-lookup',
  'kernel-error/verdict',
  'conntrack-full',
];

/** How a host differs from what a daemon that never crashed would have made of it; undefined if in nothing. */
function differenceFromCalm(eyes: Eyes, host: HostEyes): string | undefined {
  const { daemon } = host;
  if (daemon === undefined || host.state !== 'running') return 'its daemon does not run';
  const { ok, reasons } = daemon.node.status.healthy();
  if (!ok) return `it is not healthy: ${reasons.join('; ')}`;
  const set = isSetExchanged(eyes, host) ? undefined : setFault(host);
  return set ?? rulesFault(host) ?? directoryFault(host);
}

export const crashLeavesNoTrace: Invariant = {
  name: 'crash-leaves-no-trace',
  promise:
    'five seconds after the crash of any actor, rules, set, balancers and health are as without the crash',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    const due = new Set<HostEyes>();
    const check = (host: HostEyes, life: unknown): void => {
      due.delete(host);
      if (host.daemon !== life || host.state !== 'running' || host.daemon?.stopping === true) return;
      const sinceMs = eyes.nowMs - RECOVERED_MS;
      if (host.lastCrashMs > sinceMs) {
        later(host, host.lastCrashMs + RECOVERED_MS - eyes.nowMs + 1);
        return;
      }
      if (host.startedMs > eyes.nowMs - READY_MS || host.learned.changedMs > eyes.nowMs - 1_000) return;
      const disturbed = eyes.disturbances.between(
        sinceMs,
        eyes.nowMs,
        [...DAEMON_TROUBLE, ...KERNEL_TROUBLE],
        host.name,
      );
      if (disturbed) return;
      const what = differenceFromCalm(eyes, host);
      if (what !== undefined) verdicts.broken(`5 s after a crash: ${what}`, host.name);
    };
    const later = (host: HostEyes, afterMs: number): void => {
      if (due.has(host)) return;
      due.add(host);
      const life = host.daemon;
      eyes.at(eyes.nowMs + afterMs, () => check(host, life));
    };
    return {
      hears: ['log'],
      happened: (news) => {
        if (news.kind === 'log' && news.event === 'actor-restarted')
          later(eyes.host(news.host), RECOVERED_MS + 1);
      },
    };
  },
};

export const readySoon: Invariant = {
  name: 'ready-soon',
  promise: 'a daemon serves within 8 s of its start when its kernel works',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    const check = (host: HostEyes, life: unknown, startedMs: number): void => {
      if (host.daemon !== life || host.readyMs !== undefined || host.state === 'ended') return;
      if (host.turnedMs > startedMs) return;
      const troubles = [...DAEMON_TROUBLE, ...KERNEL_TROUBLE];
      if (eyes.disturbances.between(startedMs + 0.001, eyes.nowMs, troubles, host.name)) return;
      const reasons = host.daemon?.node.status.healthy().reasons.join('; ');
      verdicts.broken(`not ready after ${READY_MS} ms: ${reasons}`, host.name);
    };
    return {
      hears: ['daemon'],
      happened: (news, atMs) => {
        if (news.kind !== 'daemon' || news.state !== 'started') return;
        const host = eyes.host(news.host);
        eyes.soon(() => {
          const life = host.daemon;
          eyes.at(atMs + READY_MS, () => check(host, life, atMs));
        });
      },
    };
  },
};

/** Faults end by then, rumours have travelled, daemons are up, what was spoilt is put back. */
const WELL_AFTER_MS = 15_000;

export const wellAtTheEnd: Invariant = {
  name: 'well-at-the-end',
  promise:
    'when the faults are over for 15 s every host is as if there had been none: rules, set, balancers, nothing pending',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    lateSynsOf(eyes);
    return {
      healed: () => {
        const fromMs = eyes.nowMs - WELL_AFTER_MS;
        if (fromMs < 0 || eyes.disturbances.any(fromMs, eyes.nowMs)) return;
        verdicts.sometimes('the healed end was judged');
        for (const host of eyes.hosts.values()) {
          const what = differenceFromCalm(eyes, host) ?? truthFault(eyes, host) ?? pendingFault(eyes, host);
          if (what !== undefined) verdicts.broken(what, host.name);
        }
      },
    };
  },
};

/** A daemon must know by now what has been true for long enough. */
function truthFault(eyes: Eyes, host: HostEyes): string | undefined {
  const { orchestrator } = eyes.fleet;
  const old = orchestrator.desiredAt(eyes.nowMs - WELL_AFTER_MS);
  if (old === undefined || old.version !== orchestrator.version) return undefined;
  for (const [vip, backends] of old.vips) {
    const known = host.learned.vips.get(vip);
    if (known === undefined) return 'a VIP that was desired all the time is not known';
    for (const backend of backends)
      if (!known.has(backend)) return 'a backend that was there all the time is not known';
  }
  return undefined;
}

/** SYNs of the last moments. */
function lateSyns(eyes: Eyes, host: HostEyes): number {
  let count = 0;
  for (const late of lateSynsOf(eyes).all(host.name)) {
    lateSynsOf(eyes).trim(late);
    count += late.flows.size;
  }
  return count;
}

/** Handshakes in flight are at most as many as SYNs came of late. */
function pendingFault(eyes: Eyes, host: HostEyes): string | undefined {
  let pending = 0;
  for (const vip of host.daemon!.node.status.vips()) pending += vip.pending();
  const late = lateSyns(eyes, host);
  return pending > late ? `${pending} handshakes pending, and ${late} SYNs of late` : undefined;
}
