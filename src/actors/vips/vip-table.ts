import { type Endpoint, formatEndpoint } from '../../core/endpoint.js';
import type { Readiness } from '../../core/readiness.js';
import { applyDelta, NO_VIPS, sameBackends, type Vips, type VipsDelta } from '../../core/vips.js';
import type { Log } from '../../ports/log.js';
import type { Behavior, Mailbox } from '../supervision/actor.js';
import type { VipsMessage } from './messages.js';

export type VipTableMessage =
  /** A source was read; `reset` means that the delta counts from nothing. */
  | { readonly kind: 'read'; readonly source: string; readonly reset: boolean; readonly delta: VipsDelta }
  | { readonly kind: 'failed'; readonly source: string }
  | { readonly kind: 'patience-ended' }
  /** A watcher (re)started and wants everything, once there is something to tell. */
  | { readonly kind: 'send-all'; readonly watcher: Mailbox<VipsMessage> }
  | { readonly kind: 'tell-operator' };

export interface VipTableOptions {
  readonly sources: readonly string[];
  readonly watchers: readonly Mailbox<VipsMessage>[];
  readonly readiness: Readiness;
  readonly log: Log;
}

/** A source that has not answered by then is not waited for any longer. */
const PATIENCE_MS = 5_000;
/** Lines to the operator at a time, and the pause between: ten thousand VIPs must not stall a connection. */
const TELL_AT_ONCE = 100;
const TELL_PAUSE_MS = 10;

interface State {
  readonly bySource: Map<string, Vips>;
  /** Sources that answered, well or not. */
  readonly answered: Set<string>;
  /** Sources that were read well at least once. */
  readonly good: Set<string>;
  merged: Vips;
  known: boolean;
  /** What the operator has still to be told, oldest first. */
  untold: { readonly event: 'vip-added' | 'vip-removed'; readonly vip: Endpoint }[];
  telling: boolean;
}

/**
 * Sole owner of the desired VIPs: the union of what the sources say. It says nothing before every source
 * has answered once (or patience ended), so that the first word to the kernel is a whole one.
 */
export function vipTable(options: VipTableOptions): Behavior<VipTableMessage, State> {
  const complete = (state: State): boolean => options.sources.every((source) => state.good.has(source));

  const tell = (state: State, reset: boolean, delta: VipsDelta): void => {
    for (const watcher of options.watchers) {
      watcher.send({ kind: 'vips', reset, delta, complete: complete(state) });
    }
  };

  const everything = (state: State): VipsDelta => ({ upserts: state.merged, removed: [] });

  return {
    init: (self) => {
      self.sendAfter(options.sources.length === 0 ? 0 : PATIENCE_MS, { kind: 'patience-ended' });
      return {
        bySource: new Map(),
        answered: new Set(),
        good: new Set(),
        merged: NO_VIPS,
        known: false,
        untold: [],
        telling: false,
      };
    },

    handle: (state, message, self) => {
      switch (message.kind) {
        case 'read': {
          const wasComplete = complete(state);
          state.answered.add(message.source);
          state.good.add(message.source);
          const before = message.reset ? NO_VIPS : (state.bySource.get(message.source) ?? NO_VIPS);
          const touched = new Set([...message.delta.upserts.keys(), ...message.delta.removed]);
          if (message.reset) {
            for (const vip of state.bySource.get(message.source)?.keys() ?? []) touched.add(vip);
          }
          state.bySource.set(message.source, applyDelta(before, message.delta));
          const delta = merge(state, touched);
          note(state, delta, self);
          if (!state.known) break;
          if (delta.upserts.size > 0 || delta.removed.length > 0 || complete(state) !== wasComplete) {
            tell(state, false, delta);
          }
          break;
        }
        case 'failed':
          state.answered.add(message.source);
          break;
        case 'patience-ended':
          if (!state.known) becomeKnown(state);
          return state;
        case 'send-all':
          if (state.known) {
            message.watcher.send({
              kind: 'vips',
              reset: true,
              delta: everything(state),
              complete: complete(state),
            });
          }
          return state;
        case 'tell-operator':
          tellOperator(state, self);
          return state;
      }
      if (!state.known && options.sources.every((source) => state.answered.has(source))) becomeKnown(state);
      return state;
    },
  };

  function becomeKnown(state: State): void {
    state.known = true;
    options.readiness.ready('vips');
    tell(state, true, everything(state));
  }

  function note(
    state: State,
    delta: VipsDelta & { readonly added: readonly Endpoint[] },
    self: Parameters<Behavior<VipTableMessage, State>['handle']>[2],
  ): void {
    for (const vip of delta.added) state.untold.push({ event: 'vip-added', vip });
    for (const vip of delta.removed) state.untold.push({ event: 'vip-removed', vip });
    if (!state.telling) tellOperator(state, self);
  }

  function tellOperator(state: State, self: Parameters<Behavior<VipTableMessage, State>['handle']>[2]): void {
    for (const { event, vip } of state.untold.splice(0, TELL_AT_ONCE)) {
      const text = formatEndpoint(vip);
      options.log.event('info', event, `${event === 'vip-added' ? 'new' : 'gone'}: VIP ${text}`, {
        vip: text,
      });
    }
    state.telling = state.untold.length > 0;
    if (state.telling) self.sendAfter(TELL_PAUSE_MS, { kind: 'tell-operator' });
  }
}

/** Recomputes the union for `touched` VIPs only; answers what changed. */
function merge(state: State, touched: Iterable<Endpoint>): VipsDelta & { readonly added: Endpoint[] } {
  const merged = new Map(state.merged);
  const upserts = new Map<Endpoint, ReadonlySet<Endpoint>>();
  const removed: Endpoint[] = [];
  const added: Endpoint[] = [];
  for (const vip of touched) {
    const before = merged.get(vip);
    const after = unionOf(state.bySource, vip);
    if (after === undefined) {
      if (before !== undefined) removed.push(vip);
      merged.delete(vip);
    } else if (before === undefined || !sameBackends(before, after)) {
      if (before === undefined) added.push(vip);
      upserts.set(vip, after);
      merged.set(vip, after);
    }
  }
  state.merged = merged;
  return { upserts, removed, added };
}

function unionOf(bySource: ReadonlyMap<string, Vips>, vip: Endpoint): ReadonlySet<Endpoint> | undefined {
  let union: ReadonlySet<Endpoint> | undefined;
  for (const vips of bySource.values()) {
    const backends = vips.get(vip);
    if (backends === undefined) continue;
    union = union === undefined ? backends : new Set([...union, ...backends]);
  }
  return union;
}
