import type { Readiness } from '../../core/readiness.js';
import type { Telemetry } from '../../core/telemetry.js';
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
  readonly readiness: Readiness;
  readonly telemetry: Telemetry;
  readonly log: Log;
}

/** How often somebody else's changes are looked for, and the kernel is told that the queues are read. */
const CHECK_MS = 1_000;
/** Every so many checks the rules are inspected even if nothing seems to have changed. */
const INSPECT_EVERY = 60;

interface State {
  setReady: boolean;
  /** Whether the rules stood once: from then on a missing one was taken away by somebody else. */
  stood: boolean;
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
  withdrawn: boolean;
}

/** Keeps our rules in the kernel, each exactly once, also when others flush theirs. */
export function firewallManager(options: FirewallManagerOptions): Behavior<FirewallManagerMessage, State> {
  const { firewall, plan, readiness, telemetry, log } = options;
  // Counts over incarnations, as answers outlive them.
  let attempts = 0;
  // So does the knowledge that the rules stood.
  let stoodBefore = false;

  const ensure = (state: State, self: Self<FirewallManagerMessage>): void => {
    if (!state.setReady || state.withdrawn) return;
    if (state.ensuring !== 0) {
      state.again = true;
      return;
    }
    attempts += 1;
    const attempt = attempts;
    state.ensuring = attempt;
    state.again = false;
    state.inspected = firewall.fingerprint();
    firewall.ensure(plan, (result) => self.mailbox.send({ kind: 'ensured', attempt, result }));
  };

  const ensured = (
    state: State,
    result: FirewallResult<readonly RuleName[]>,
    self: Self<FirewallManagerMessage>,
  ): void => {
    state.ensuring = 0;
    if (result.ok) {
      if (result.value.length > 0 && (state.stood || stoodBefore)) {
        const what = result.value.join(', ');
        telemetry.restoredRules();
        log.event('warn', 'rules-restored', `put back what somebody else removed or changed: ${what}`, {
          what,
        });
      }
      state.stood = true;
      stoodBefore = true;
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
    if (state.again) ensure(state, self);
  };

  const check = (state: State, self: Self<FirewallManagerMessage>): void => {
    if (!state.setReady || state.withdrawn) return;
    state.checks += 1;
    const due = state.checks % INSPECT_EVERY === 0 || !firewall.heartbeat(plan);
    if (due || state.fingerprint === undefined || firewall.fingerprint() !== state.fingerprint) {
      ensure(state, self);
    }
  };

  return {
    init: (self) => {
      self.sendAfter(CHECK_MS, { kind: 'check' });
      return {
        // After a crash of this actor alone the set stands already.
        setReady: stoodBefore,
        stood: stoodBefore,
        ensuring: 0,
        again: false,
        inspected: '',
        fingerprint: undefined,
        checks: 0,
        toldError: undefined,
        withdrawn: false,
      };
    },

    handle: (state, message, self) => {
      switch (message.kind) {
        case 'set-ready':
          if (state.setReady && state.fingerprint !== undefined) break;
          state.setReady = true;
          ensure(state, self);
          break;
        case 'ensured':
          if (message.attempt === state.ensuring) ensured(state, message.result, self);
          break;
        case 'check':
          self.sendAfter(CHECK_MS, { kind: 'check' });
          check(state, self);
          break;
        case 'withdraw':
          state.withdrawn = true;
          firewall.remove(plan, message.keepHooks, (result) => {
            if (!result.ok) {
              log.event('warn', 'firewall-error', `cannot remove the rules: ${result.message}`, {
                code: result.code,
              });
            }
            message.done();
          });
          break;
      }
      return state;
    },
  };
}
