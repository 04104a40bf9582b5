import type { Readiness } from '../../core/readiness.js';
import type { Telemetry } from '../../core/telemetry.js';
import type { AddressSet } from '../../ports/address-set.js';
import type { Firewall, FirewallPlan, FirewallResult, RuleName } from '../../ports/firewall.js';
import type { Log } from '../../ports/log.js';
import type { Behavior, Self } from '../supervision/actor.js';

export type FirewallManagerMessage =
  /** The set that the rules look into stands (again). */
  | { readonly kind: 'set-ready' }
  | {
      readonly kind: 'ensured';
      readonly attempt: number;
      readonly result: FirewallResult<readonly RuleName[]>;
    }
  | { readonly kind: 'check' }
  | { readonly kind: 'withdraw'; readonly keepHooks: boolean; readonly done: () => void };

export interface FirewallManagerOptions {
  readonly firewall: Firewall;
  readonly plan: FirewallPlan;
  /** The set that the rules look into: while it does not stand they cannot either. */
  readonly set: Pick<AddressSet, 'size'>;
  readonly readiness: Readiness;
  readonly telemetry: Telemetry;
  readonly log: Log;
}

/** How often somebody else's changes are looked for, and the kernel is told that the queues are read. */
const CHECK_MS = 1_000;
/** Every so many checks the rules are inspected even if nothing seems to have changed. */
const INSPECT_EVERY = 60;

interface State {
  /** Number of the inspection under way, 0 for none. */
  ensuring: number;
  /** Something happened while an inspection was under way. */
  again: boolean;
  /** The reading before the inspection under way. */
  inspected: string;
  /** The reading at which everything was found right; undefined when an inspection is due. */
  fingerprint: string | undefined;
  checks: number;
  toldError: string | undefined;
}

interface Withdrawal {
  readonly keepHooks: boolean;
  readonly done: () => void;
}

/** Keeps our rules in the kernel, each exactly once, also when others flush theirs. */
export function firewallManager(options: FirewallManagerOptions): Behavior<FirewallManagerMessage, State> {
  const { firewall, plan, set, readiness, telemetry, log } = options;
  // Counts over incarnations, as answers outlive them.
  let attempts = 0;
  // The packet filter takes one call at a time, and that of an earlier incarnation may not be through.
  let busy = false;
  /** Whether the rules stood once: from then on a missing one was taken away by somebody else. */
  let stood = false;
  // Whoever crashes over the withdrawal must not put the rules back.
  let withdrawal: Withdrawal | undefined;
  let withdrawn = false;

  const idle = (): boolean => withdrawal !== undefined || set.size(plan.ipset) === undefined;

  const ensure = (state: State, self: Self<FirewallManagerMessage>): void => {
    if (idle()) return;
    if (busy || state.ensuring !== 0) {
      state.again = true;
      return;
    }
    state.inspected = firewall.fingerprint();
    attempts += 1;
    const attempt = attempts;
    state.ensuring = attempt;
    state.again = false;
    busy = true;
    firewall.ensure(plan, (result) => {
      busy = false;
      self.mailbox.send({ kind: 'ensured', attempt, result });
    });
  };

  const withdraw = (): void => {
    if (withdrawal === undefined || withdrawn || busy) return;
    withdrawn = true;
    const { keepHooks, done } = withdrawal;
    firewall.remove(plan, keepHooks, (result) => {
      if (!result.ok) {
        const fields = { code: result.code };
        log.event('warn', 'firewall-error', `cannot remove the rules: ${result.message}`, fields);
      }
      done();
    });
  };

  const ensured = (state: State, result: FirewallResult<readonly RuleName[]>): void => {
    state.ensuring = 0;
    if (result.ok) {
      if (result.value.length > 0 && stood) {
        const what = result.value.join(', ');
        telemetry.restoredRules();
        log.event('warn', 'rules-restored', `put back what somebody else removed or changed: ${what}`, {
          what,
        });
      }
      stood = true;
      state.toldError = undefined;
      // What we just changed moved the fingerprint, and so would a change of others in the same moment: only
      // an inspection that found nothing to do vouches for the reading before it.
      state.fingerprint = result.value.length === 0 ? state.inspected : undefined;
      readiness.ready('rules');
    } else {
      state.fingerprint = undefined;
      readiness.notReady('rules', result.message);
      if (state.toldError !== result.message) {
        state.toldError = result.message;
        log.event('error', 'firewall-error', `cannot set the rules: ${result.message}; trying again`, {
          code: result.code,
        });
      }
    }
  };

  const check = (state: State, self: Self<FirewallManagerMessage>): void => {
    if (idle()) return;
    state.checks += 1;
    const due = state.checks % INSPECT_EVERY === 0 || !firewall.heartbeat(plan);
    if (due || state.fingerprint === undefined || firewall.fingerprint() !== state.fingerprint) {
      ensure(state, self);
    }
  };

  return {
    init: (self) => {
      self.sendAfter(CHECK_MS, { kind: 'check' });
      withdraw();
      return {
        ensuring: 0,
        again: busy,
        inspected: '',
        fingerprint: undefined,
        checks: 0,
        toldError: undefined,
      };
    },

    handle: (state, message, self) => {
      switch (message.kind) {
        case 'set-ready':
          check(state, self);
          break;
        case 'ensured':
          if (message.attempt === state.ensuring) ensured(state, message.result);
          withdraw();
          if (state.again) ensure(state, self);
          break;
        case 'check':
          self.sendAfter(CHECK_MS, { kind: 'check' });
          check(state, self);
          break;
        case 'withdraw':
          withdrawal ??= message;
          withdraw();
          break;
      }
      return state;
    },
  };
}
