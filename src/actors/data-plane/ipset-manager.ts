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
  /** What the last writing that succeeded left in the kernel; undefined when that is not known. */
  written: ReadonlySet<Endpoint> | undefined;
  /** Whether the table has spoken. */
  known: boolean;
  complete: boolean;
  /** Number of the writing under way, 0 for none; answers to older ones are ignored. */
  writing: number;
  /** What the writing under way will leave. */
  goal: ReadonlySet<Endpoint> | undefined;
  checks: number;
  toldError: string | undefined;
  withdrawn: boolean;
}

/**
 * Makes the kernel's set hold the desired VIPs, and puts it back when somebody else changes it. While a
 * source has never been read well the set only grows: what an earlier daemon left stays until it is known
 * to be unwanted.
 */
export function ipsetManager(options: IpsetManagerOptions): Behavior<IpsetManagerMessage, State> {
  const { set, name, firewall, readiness, telemetry, log } = options;
  // Counts over incarnations, as answers outlive them.
  let attempts = 0;

  const write = (state: State, self: Self<IpsetManagerMessage>): void => {
    if (state.writing !== 0 || !state.known || state.withdrawn) return;
    const exists = set.size(name) !== undefined;
    const { added, removed } = difference(state.written ?? new Set(), state.desired);
    if (!exists || state.written === undefined || added.length + removed.length > EDITS_MOST) {
      // A set of an earlier daemon is taken over, not emptied, while a source may still be missing.
      if (exists && !state.complete)
        start(state, self, (done) => set.edit(name, [...state.desired], [], done));
      else start(state, self, (done) => set.replace(name, [...state.desired], done));
    } else if (added.length + removed.length > 0) {
      start(state, self, (done) => set.edit(name, added, removed, done));
    }
  };

  const start = (
    state: State,
    self: Self<IpsetManagerMessage>,
    run: (done: (result: FirewallResult<void>) => void) => void,
  ): void => {
    attempts += 1;
    const attempt = attempts;
    state.writing = attempt;
    state.goal = new Set(state.desired);
    run((result) => self.mailbox.send({ kind: 'written', attempt, result }));
  };

  const check = (state: State, self: Self<IpsetManagerMessage>): void => {
    if (state.writing !== 0 || !state.known || state.withdrawn) return;
    state.checks += 1;
    const size = set.size(name);
    const expected = state.written?.size;
    const intact = size !== undefined && (state.complete ? size === expected : size >= (expected ?? 0));
    if (!intact && state.written !== undefined) {
      log.event(
        'warn',
        'rules-restored',
        size === undefined
          ? `ipset ${name} was destroyed by somebody else; making it again`
          : `ipset ${name} was changed by somebody else (${size} entries instead of ${expected}); writing it again`,
        { what: `ipset ${name}` },
      );
      telemetry.restoredSet();
      state.written = undefined;
    } else if (state.checks % REWRITE_EVERY === 0) {
      state.written = undefined;
    }
    write(state, self);
  };

  const written = (state: State, result: FirewallResult<void>, self: Self<IpsetManagerMessage>): void => {
    state.writing = 0;
    if (result.ok) {
      state.written = state.goal;
      state.toldError = undefined;
      readiness.ready('ipset');
      firewall.send({ kind: 'set-ready' });
      write(state, self);
      return;
    }
    // The next check tries again; the set as it was serves until then.
    state.written = undefined;
    if (state.toldError === result.message) return;
    state.toldError = result.message;
    readiness.notReady('ipset', result.message);
    log.event('error', 'ipset-error', `cannot write ipset ${name}: ${result.message}; trying again`, {
      code: result.code,
    });
  };

  return {
    init: (self) => {
      options.table.send({ kind: 'send-all', watcher: self.mailbox });
      self.sendAfter(CHECK_MS, { kind: 'check' });
      return {
        desired: new Set(),
        written: undefined,
        known: false,
        complete: false,
        writing: 0,
        goal: undefined,
        checks: 0,
        toldError: undefined,
        withdrawn: false,
      };
    },

    handle: (state, message, self) => {
      switch (message.kind) {
        case 'vips':
          if (message.reset) state.desired.clear();
          for (const vip of message.delta.upserts.keys()) state.desired.add(vip);
          for (const vip of message.delta.removed) state.desired.delete(vip);
          // Now that everything is known, what only an earlier daemon knew can go: write it whole.
          if (message.complete && !state.complete) state.written = undefined;
          state.complete = message.complete;
          state.known = true;
          write(state, self);
          break;
        case 'written':
          if (message.attempt === state.writing) written(state, message.result, self);
          break;
        case 'check':
          self.sendAfter(CHECK_MS, { kind: 'check' });
          check(state, self);
          break;
        case 'withdraw':
          state.withdrawn = true;
          set.destroy(name, (result) => {
            if (!result.ok) {
              log.event('warn', 'ipset-error', `cannot delete ipset ${name}: ${result.message}`, {
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

function difference(
  before: ReadonlySet<Endpoint>,
  after: ReadonlySet<Endpoint>,
): { added: Endpoint[]; removed: Endpoint[] } {
  return {
    added: [...after].filter((vip) => !before.has(vip)),
    removed: [...before].filter((vip) => !after.has(vip)),
  };
}
