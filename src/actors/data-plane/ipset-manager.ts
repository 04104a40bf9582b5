import type { Endpoint } from '../../core/endpoint.js';
import type { Readiness } from '../../core/readiness.js';
import type { Telemetry } from '../../core/telemetry.js';
import type { AddressSet } from '../../ports/address-set.js';
import type { FirewallResult } from '../../ports/firewall.js';
import type { Log } from '../../ports/log.js';
import type { Behavior, Mailbox, Self } from '../supervision/actor.js';
import type { VipsMessage } from '../vips/messages.js';
import type { VipTableMessage } from '../vips/vip-table.js';
import type { FirewallManagerMessage } from './firewall-manager.js';

export type IpsetManagerMessage =
  | VipsMessage
  | { readonly kind: 'written'; readonly attempt: number; readonly result: FirewallResult<void> }
  | { readonly kind: 'check' }
  | { readonly kind: 'withdraw'; readonly done: () => void };

export interface IpsetManagerOptions {
  readonly set: AddressSet;
  readonly name: string;
  readonly table: Mailbox<VipTableMessage>;
  readonly firewall: Mailbox<FirewallManagerMessage>;
  readonly readiness: Readiness;
  readonly telemetry: Telemetry;
  readonly log: Log;
}

/** How often the kernel's set is compared with what it should be. */
const CHECK_MS = 1_000;
/** Every so many checks the set is written anew, whatever its size says: entries may have been exchanged. */
const REWRITE_EVERY = 300;
/** Up to this many changes are made one by one; more are cheaper as a whole. */
const EDITS_MOST = 1_000;

interface State {
  readonly desired: Set<Endpoint>;
  /** What the last writing that succeeded put into the kernel. */
  written: ReadonlySet<Endpoint>;
  /** Whether the kernel's set may differ from `written`, so that the next writing must be of the whole. */
  doubtful: boolean;
  /** Whether the table has spoken. */
  known: boolean;
  complete: boolean;
  /** Number of the writing under way, 0 for none; answers to older ones are ignored. */
  writing: number;
  /** What the writing under way will leave. */
  goal: ReadonlySet<Endpoint>;
  checks: number;
  toldError: string | undefined;
}

const NOTHING: ReadonlySet<Endpoint> = new Set();

/**
 * Makes the kernel's set hold the desired VIPs, and puts it back when somebody else changes it. While a
 * source has never been read well the set only grows: what an earlier daemon left stays until it is known
 * to be unwanted.
 */
export function ipsetManager(options: IpsetManagerOptions): Behavior<IpsetManagerMessage, State> {
  const { set, name, firewall, readiness, telemetry, log } = options;
  // Counts over incarnations, as answers outlive them.
  let attempts = 0;
  // The set takes one call at a time, and that of an earlier incarnation may not be through.
  let busy = false;
  // Whoever crashes over the withdrawal must not make the set again.
  let withdrawal: (() => void) | undefined;
  let withdrawn = false;

  const write = (state: State, self: Self<IpsetManagerMessage>): void => {
    if (busy || state.writing !== 0 || !state.known || withdrawal !== undefined) return;
    const { complete, desired, doubtful, written } = state;
    const exists = set.size(name) !== undefined;
    const added = [...desired].filter((vip) => !written.has(vip));
    const removed = complete ? [...written].filter((vip) => !desired.has(vip)) : [];
    const many = added.length + removed.length > EDITS_MOST;
    if (!exists || (complete && (doubtful || many))) {
      start(state, desired, self, (done) => set.replace(name, [...desired], done));
    } else if (doubtful) {
      // A set of an earlier daemon is taken over, not emptied, while a source may still be missing.
      start(state, desired, self, (done) => set.edit(name, [...desired], [], done));
    } else if (added.length + removed.length > 0) {
      const goal = complete ? desired : new Set([...written, ...added]);
      start(state, goal, self, (done) => set.edit(name, added, removed, done));
    }
  };

  const start = (
    state: State,
    goal: ReadonlySet<Endpoint>,
    self: Self<IpsetManagerMessage>,
    run: (done: (result: FirewallResult<void>) => void) => void,
  ): void => {
    attempts += 1;
    const attempt = attempts;
    state.writing = attempt;
    state.goal = new Set(goal);
    state.doubtful = false;
    busy = true;
    run((result) => {
      busy = false;
      self.mailbox.send({ kind: 'written', attempt, result });
    });
  };

  const check = (state: State): void => {
    if (state.writing !== 0 || state.doubtful || withdrawal !== undefined) return;
    state.checks += 1;
    const size = set.size(name);
    const expected = state.written.size;
    const intact = size !== undefined && (state.complete ? size === expected : size >= expected);
    if (!intact) {
      log.event(
        'warn',
        'rules-restored',
        size === undefined
          ? `ipset ${name} was destroyed by somebody else; making it again`
          : `ipset ${name} was changed by somebody else (${size} entries instead of ${expected}); writing it again`,
        { what: `ipset ${name}` },
      );
      telemetry.restoredSet();
    }
    state.doubtful = !intact || state.checks % REWRITE_EVERY === 0;
  };

  const written = (state: State, result: FirewallResult<void>): void => {
    state.writing = 0;
    if (result.ok) {
      state.written = state.goal;
      state.toldError = undefined;
      readiness.ready('ipset');
      firewall.send({ kind: 'set-ready' });
      return;
    }
    state.doubtful = true;
    readiness.notReady('ipset', result.message);
    if (state.toldError === result.message) return;
    state.toldError = result.message;
    log.event('error', 'ipset-error', `cannot write ipset ${name}: ${result.message}; trying again`, {
      code: result.code,
    });
  };

  const withdraw = (): void => {
    if (withdrawal === undefined || withdrawn || busy) return;
    withdrawn = true;
    const done = withdrawal;
    set.destroy(name, (result) => {
      if (!result.ok) {
        const fields = { code: result.code };
        log.event('warn', 'ipset-error', `cannot delete ipset ${name}: ${result.message}`, fields);
      }
      done();
    });
  };

  return {
    init: (self) => {
      options.table.send({ kind: 'send-all', watcher: self.mailbox });
      self.sendAfter(CHECK_MS, { kind: 'check' });
      withdraw();
      return {
        desired: new Set(),
        written: NOTHING,
        doubtful: true,
        known: false,
        complete: false,
        writing: 0,
        goal: NOTHING,
        checks: 0,
        toldError: undefined,
      };
    },

    handle: (state, message, self) => {
      switch (message.kind) {
        case 'vips':
          if (message.reset) state.desired.clear();
          for (const vip of message.delta.upserts.keys()) state.desired.add(vip);
          for (const vip of message.delta.removed) state.desired.delete(vip);
          // Now that everything is known, what only an earlier daemon knew can go: write it whole.
          if (message.complete && !state.complete) state.doubtful = true;
          state.complete = message.complete;
          state.known = true;
          write(state, self);
          break;
        case 'written': {
          const own = message.attempt === state.writing;
          if (own) written(state, message.result);
          withdraw();
          // What failed is tried again at the next check; the set as it was serves until then.
          if (!own || message.result.ok) write(state, self);
          break;
        }
        case 'check':
          self.sendAfter(CHECK_MS, { kind: 'check' });
          check(state);
          write(state, self);
          break;
        case 'withdraw':
          withdrawal ??= message.done;
          withdraw();
          break;
      }
      return state;
    },
  };
}
