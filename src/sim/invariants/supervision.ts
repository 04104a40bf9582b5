import { eyesOn, type HostEyes } from './eyes.js';
import type { Invariant } from './invariant.js';

/** The default intensity; a clock may be off by a hundredth. */
const RESTARTS_MOST = 5;
const WITHIN_MS = 9_900;
const WITHIN_MOST_MS = 10_100;
/** Messages of a whole node that wait at one instant. */
const WAITING_MOST = 20_000;

/** OTP's promise: what crashes is restarted, and what crashes again and again is given up, neither sooner nor later. */
export const restartBudget: Invariant = {
  name: 'restart-budget',
  promise:
    'a supervisor grants five restarts within ten seconds, no more and no fewer, before it fails itself',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    const restarts = new Map<HostEyes, Map<string, number[]>>();
    const forget = (byParent: Map<string, number[]>, path: string): void => {
      for (const parent of byParent.keys())
        if (parent === path || parent.startsWith(`${path}/`)) byParent.delete(parent);
    };
    return {
      hears: ['daemon', 'log'],
      happened: (news, atMs) => {
        if (news.kind === 'daemon' && news.state === 'started') {
          restarts.set(eyes.host(news.host), new Map());
          return;
        }
        if (news.kind !== 'log') return;
        if (news.event !== 'actor-restarted' && news.event !== 'supervisor-escalated') return;
        const host = eyes.host(news.host);
        const byParent = restarts.get(host) ?? new Map<string, number[]>();
        restarts.set(host, byParent);
        const actor = String(news.fields?.['actor']);
        const parent = actor.slice(0, actor.lastIndexOf('/'));
        const times = byParent.get(parent) ?? [];
        if (news.event === 'supervisor-escalated') {
          verdicts.sometimes('a supervisor gave up');
          const recent = times.filter((then) => atMs - then <= WITHIN_MOST_MS).length;
          if (recent < RESTARTS_MOST) {
            verdicts.broken(`${parent} gave up after ${recent} restarts within 10 s`, news.host);
          }
          forget(byParent, parent);
          return;
        }
        verdicts.sometimes('an actor restarted');
        // A supervisor that is restarted counts from nothing, and so does all that it holds.
        forget(byParent, actor);
        const recent = times.filter((then) => atMs - then < WITHIN_MS);
        recent.push(atMs);
        byParent.set(parent, recent);
        if (recent.length > RESTARTS_MOST) {
          verdicts.broken(`${parent} granted ${recent.length} restarts within 10 s`, news.host);
        }
      },
    };
  },
};

/** Handlers are synchronous and end before any other begins: whoever runs has its state for itself. */
export const oneAtATime: Invariant = {
  name: 'one-at-a-time',
  promise: 'an actor handles one message at a time, and no other actor of its node runs meanwhile',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    /** Whose message is being handled, by the host's number. */
    const handling: (string | undefined)[] = [...eyes.hosts].map(() => undefined);
    eyes.onMessage('all', 'before', ({ host, path }) => {
      handling[host.at.host.index] = path;
    });
    eyes.onMessage('all', 'after', ({ host, path }) => {
      const { index } = host.at.host;
      // A crash has no end of its own, so what began stays noted until the next message begins.
      if (handling[index] !== path) {
        verdicts.broken(`${path}: something else began before its message was handled`, host.name);
      }
      handling[index] = undefined;
    });
    return {};
  },
};

export const mailboxesBounded: Invariant = {
  name: 'mailboxes-bounded',
  promise: 'no mailbox overflows, and a node never lets more than 20,000 messages wait',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    const told = new Set<HostEyes>();
    eyes.onMessage('all', 'before', ({ host }) => {
      const waiting = host.daemon?.node.system.inFlight() ?? 0;
      if (waiting <= WAITING_MOST || told.has(host)) return;
      told.add(host);
      verdicts.broken(`${waiting} messages wait`, host.name);
    });
    return {
      hears: ['log'],
      happened: (news) => {
        if (news.kind !== 'log' || news.event !== 'mailbox-overflow') return;
        verdicts.broken(news.message, news.host);
      },
    };
  },
};

/** How soon after the one before a message of this kind, from an actor's own timer, may come. */
const RHYTHMS = [
  { role: 'ipset-manager', beat: 'check', leastMs: 1_000 },
  { role: 'firewall-manager', beat: 'check', leastMs: 1_000 },
  { role: 'connection-observer', beat: 'check-usage', leastMs: 10_000 },
  { role: 'poller', beat: 'poll', leastMs: 4_500 },
] as const;
const CLOCK_OFF = 0.98;

export const noOrphanTimers: Invariant = {
  name: 'no-orphan-timers',
  promise:
    'timers of ended incarnations and ended processes do nothing: each rhythm beats once, and the dead keep still',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    const beats = new Map<HostEyes, Map<string, number>>();
    eyes.onMessage('all', 'before', ({ host, path }) => {
      if (host.state === 'ended')
        verdicts.broken(`${path} handles a message after its process ended`, host.name);
    });
    for (const { role, beat, leastMs } of RHYTHMS) {
      eyes.onMessage(role, 'before', ({ host, path, message }) => {
        if ((message as { readonly kind: string }).kind !== beat) return;
        const times = beats.get(host) ?? new Map<string, number>();
        beats.set(host, times);
        const thenMs = times.get(path);
        times.set(path, eyes.nowMs);
        if (thenMs === undefined || eyes.nowMs - thenMs >= leastMs * CLOCK_OFF) return;
        verdicts.broken(
          `${path}: ${beat} ${Math.round(eyes.nowMs - thenMs)} ms after the one before`,
          host.name,
        );
      });
    }
    return {
      hears: ['daemon', 'log'],
      happened: (news) => {
        if (news.kind === 'daemon' && news.state === 'started') beats.delete(eyes.host(news.host));
        // A new incarnation begins its own rhythm, and a crash may have taken siblings along.
        if (news.kind === 'log' && news.event === 'actor-restarted') beats.delete(eyes.host(news.host));
      },
    };
  },
};
