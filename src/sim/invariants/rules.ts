import type { RuleName } from '../../ports/firewall.js';
import { FLUSHING, type Trouble } from './disturbances.js';
import { eyesOn, type HostEyes } from './eyes.js';
import type { Invariant } from './invariant.js';

/** What must stand, once each. */
const RULES: readonly RuleName[] = [
  'raw/OUTPUT',
  'raw/PREROUTING',
  'answers/INPUT',
  'answers/FORWARD',
  'answers/OUTPUT',
  'filter/OUTPUT',
  'filter/FORWARD',
  'nat hooks',
];

/** A look a second, and the tools. */
const BACK_MS = 2_000;

const RULES_TROUBLE: readonly Trouble[] = [
  ...FLUSHING,
  'kernel-error/iptables',
  'kernel-error/ipset',
  'kernel-error/heartbeat',
  'slow-tools',
  'set-spoilt',
];

/** What is wrong with a host's rules; undefined if nothing is. */
export function rulesFault(host: HostEyes): string | undefined {
  const rules = host.kernel.rules();
  for (const name of RULES) {
    const count = rules.get(name) ?? 0;
    if (count !== 1) return `${name} stands ${count} times`;
  }
  return undefined;
}

export const rulesOnce: Invariant = {
  name: 'rules-once',
  promise:
    'while a daemon serves, each of its rules stands once, and is back within 2 s of its being flushed',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    const due = new Set<HostEyes>();

    const check = (host: HostEyes): void => {
      due.delete(host);
      if (host.state !== 'running' || host.readyMs === undefined || host.daemon?.stopping === true) return;
      const fault = rulesFault(host);
      if (fault === undefined) return;
      if (eyes.servedWell(host, eyes.nowMs - BACK_MS, RULES_TROUBLE)) verdicts.broken(fault, host.name);
      else later(host, BACK_MS / 4);
    };
    const later = (host: HostEyes, afterMs: number): void => {
      if (due.has(host)) return;
      due.add(host);
      eyes.at(eyes.nowMs + afterMs, () => check(host));
    };

    return {
      hears: ['rules', 'daemon', 'log'],
      happened: (news) => {
        if (news.kind === 'rules') {
          if (news.by !== 'daemon') verdicts.sometimes('rules flushed by others');
          later(eyes.host(news.host), BACK_MS + 10);
        } else if (news.kind === 'daemon' && news.state === 'ready') {
          later(eyes.host(news.host), BACK_MS + 10);
        } else if (news.kind === 'log' && news.event === 'rules-restored') {
          if (!String(news.fields?.['what']).startsWith('ipset')) verdicts.sometimes('rules restored');
        }
      },
    };
  },
};
