import { type Endpoint, formatEndpoint } from '../../core/endpoint.js';
import type { Readiness } from '../../core/readiness.js';
import type { SourceBoard } from '../../core/source-board.js';
import { applyDelta, NO_VIPS, sameBackends, type Vips, type VipsDelta } from '../../core/vips.js';
import type { Log } from '../../ports/log.js';
import type { Behavior, Mailbox, Self } from '../supervision/actor.js';
import type { VipsMessage } from './messages.js';

export type VipTableMessage =
  /** A source was read; `reset` means that the delta counts from nothing. */
  | { readonly kind: 'read'; readonly source: string; readonly reset: boolean; readonly delta: VipsDelta }
  | { readonly kind: 'failed'; readonly source: string }
  | { readonly kind: 'patience-ended' }
  /** A watcher (re)started and wants everything, once there is something to tell. */
  | { readonly kind: 'send-all'; readonly watcher: Mailbox<VipsMessage> }
  | { readonly kind: 'tell-operator' };

/** What this node serves, as far as its sources are its own. */
export interface ServeMessage {
  readonly kind: 'serve';
  readonly vips: Vips;
}

export interface VipTableOptions {
  readonly sources: readonly string[];
  readonly watchers: readonly Mailbox<VipsMessage>[];
  /** Where what this node has to offer to the others goes, and which sources that is. */
  readonly offer?: { readonly sources: ReadonlySet<string>; readonly to: Mailbox<ServeMessage> } | undefined;
  readonly board: SourceBoard;
  readonly readiness: Readiness;
  readonly log: Log;
}

/** A source that has not answered by then is not waited for any longer. */
const PATIENCE_MS = 5_000;
/** Lines to the operator at a time, and the pause between: ten thousand VIPs must not stall a connection. */
const TELL_AT_ONCE = 100;
const TELL_PAUSE_MS = 10;

interface News {
  readonly event: 'vip-added' | 'vip-removed';
  readonly vip: Endpoint;
}

interface State {
  /** Sources that answered, well or not. */
  readonly answered: Set<string>;
  merged: Vips;
  telling: boolean;
}

/**
 * Sole owner of the desired VIPs: the union of what the sources say. It says nothing before every source
 * has answered once (or patience ended), so that the first word to the kernel is a whole one.
 *
 * What was read outlives a crash. Its sources are read anew then, but one that fails just at that time must
 * not lose its VIPs.
 */
export function vipTable(options: VipTableOptions): Behavior<VipTableMessage, State> {
  /** What each source said last; those that were never read well are not in it. */
  const bySource = new Map<string, Vips>();
  let known = false;
  /** What the operator has still to be told, oldest first. */
  const untold: News[] = [];

  const complete = (): boolean => options.sources.every((source) => bySource.has(source));

  const tell = (reset: boolean, delta: VipsDelta): void => {
    for (const watcher of options.watchers) {
      watcher.send({ kind: 'vips', reset, delta, complete: complete() });
    }
  };

  const offer = (): void => {
    if (options.offer === undefined) return;
    const { sources, to } = options.offer;
    const own = new Map([...bySource].filter(([source]) => sources.has(source)));
    const vips = new Map<Endpoint, ReadonlySet<Endpoint>>();
    for (const served of own.values()) {
      for (const vip of served.keys()) vips.set(vip, unionOf(own, vip)!);
    }
    to.send({ kind: 'serve', vips });
  };

  const everything = (state: State): VipsDelta => ({ upserts: state.merged, removed: [] });

  return {
    init: (self) => {
      const state: State = { answered: new Set(bySource.keys()), merged: NO_VIPS, telling: false };
      merge(state, bySource, new Set([...bySource.values()].flatMap((vips) => [...vips.keys()])));
      if (bySource.size > 0) offer();
      if (known) tell(true, everything(state));
      else self.sendAfter(options.sources.length === 0 ? 0 : PATIENCE_MS, { kind: 'patience-ended' });
      tellOperator(state, self);
      return state;
    },

    handle: (state, message, self) => {
      switch (message.kind) {
        case 'read': {
          const { source, reset } = message;
          const wasComplete = complete();
          state.answered.add(source);
          const former = bySource.get(source) ?? NO_VIPS;
          const latter = applyDelta(reset ? NO_VIPS : former, message.delta);
          const touched = new Set([...message.delta.upserts.keys(), ...message.delta.removed]);
          if (reset) for (const vip of former.keys()) touched.add(vip);
          bySource.set(source, latter);
          options.board.record(source).vips = latter.size;
          const delta = merge(state, bySource, touched);
          note(state, delta, self);
          if (options.offer?.sources.has(source) && touched.size > 0) offer();
          if (!known) break;
          if (delta.upserts.size > 0 || delta.removed.length > 0 || complete() !== wasComplete) {
            tell(false, delta);
          }
          break;
        }
        case 'failed':
          state.answered.add(message.source);
          break;
        case 'patience-ended':
          if (!known) becomeKnown(state);
          return state;
        case 'send-all':
          if (known) {
            const delta = everything(state);
            message.watcher.send({ kind: 'vips', reset: true, delta, complete: complete() });
          }
          return state;
        case 'tell-operator':
          tellOperator(state, self);
          return state;
      }
      if (!known && options.sources.every((source) => state.answered.has(source))) becomeKnown(state);
      return state;
    },
  };

  function becomeKnown(state: State): void {
    known = true;
    options.readiness.ready('vips');
    tell(true, everything(state));
  }

  function note(
    state: State,
    delta: VipsDelta & { readonly added: readonly Endpoint[] },
    self: Self<VipTableMessage>,
  ): void {
    for (const vip of delta.added) untold.push({ event: 'vip-added', vip });
    for (const vip of delta.removed) untold.push({ event: 'vip-removed', vip });
    if (!state.telling) tellOperator(state, self);
  }

  function tellOperator(state: State, self: Self<VipTableMessage>): void {
    for (const { event, vip } of untold.splice(0, TELL_AT_ONCE)) {
      const text = formatEndpoint(vip);
      options.log.event('info', event, `${event === 'vip-added' ? 'new' : 'gone'}: VIP ${text}`, {
        vip: text,
      });
    }
    state.telling = untold.length > 0;
    if (state.telling) self.sendAfter(TELL_PAUSE_MS, { kind: 'tell-operator' });
  }
}

/** Recomputes the union for `touched` VIPs only; answers what changed. */
function merge(
  state: State,
  bySource: ReadonlyMap<string, Vips>,
  touched: Iterable<Endpoint>,
): VipsDelta & { readonly added: Endpoint[] } {
  const merged = new Map(state.merged);
  const upserts = new Map<Endpoint, ReadonlySet<Endpoint>>();
  const removed: Endpoint[] = [];
  const added: Endpoint[] = [];
  for (const vip of touched) {
    const before = merged.get(vip);
    const after = unionOf(bySource, vip);
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
