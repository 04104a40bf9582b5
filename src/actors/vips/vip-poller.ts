import type { SourceRecord } from '../../core/source-board.js';
import { NO_VIPS, type SourceWarning } from '../../core/vips.js';
import type { Log } from '../../ports/log.js';
import type { Random } from '../../ports/random.js';
import type { SourceReading } from '../../ports/sources.js';
import type { Clock } from '../../ports/time.js';
import type { SourceEntry } from '../../ports/world.js';
import type { Behavior, Mailbox, Self } from '../supervision/actor.js';
import type { VipTableMessage } from './vip-table.js';

export type VipPollerMessage =
  | { readonly kind: 'poll' }
  | { readonly kind: 'changed' }
  | { readonly kind: 'reading'; readonly request: number; readonly reading: SourceReading };

export interface VipPollerOptions {
  readonly entry: SourceEntry;
  readonly table: Mailbox<VipTableMessage>;
  readonly record: SourceRecord;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Polls are spread by this share either way, so that a fleet does not call its master in step. */
const JITTER = 0.1;
/** A failure that goes on for the same reason is told again this seldom. */
const REPEAT_ERROR_MS = 60_000;
/** Warnings remembered, so that each is told once and not at every poll. */
const WARNINGS_MOST = 1_000;

interface State {
  token: string | undefined;
  /** Number of the reading under way; answers to older ones (of an earlier incarnation) are ignored. */
  request: number;
  reading: boolean;
  /** The source said it changed while a reading was under way. */
  again: boolean;
  toldError: { readonly reason: string; readonly atMs: number } | undefined;
  readonly toldWarnings: Set<string>;
}

/** Reads one source again and again and hands what changed to the VIP table. */
export function vipPoller(options: VipPollerOptions): Behavior<VipPollerMessage, State> {
  const { entry, table, record, clock, random, log } = options;
  const { source, pollIntervalMs, expiresAfterMs = Number.POSITIVE_INFINITY } = entry;
  // Counts over incarnations: an answer to a reading begun before a crash is not for the new incarnation.
  let requests = 0;
  // A source takes one reading at a time, and that of an earlier incarnation may not be through.
  let sourceBusy = false;
  let watching = false;
  /** What was read last counts no longer. */
  let expired = false;

  const read = (state: State, self: Self<VipPollerMessage>): void => {
    if (sourceBusy || state.reading) {
      state.again = true;
      return;
    }
    requests += 1;
    const request = requests;
    state.request = request;
    state.reading = true;
    state.again = false;
    sourceBusy = true;
    source.read(state.token, (reading) => {
      sourceBusy = false;
      self.mailbox.send({ kind: 'reading', request, reading });
    });
  };

  const take = (state: State, reading: SourceReading): void => {
    state.reading = false;
    if (reading.kind === 'failed') {
      failed(state, reading.reason);
      table.send({ kind: 'failed', source: source.name });
      expire(state);
      return;
    }
    if (state.toldError !== undefined) {
      log.event('info', 'source-recovered', `${source.name}: readable again`, { source: source.name });
      state.toldError = undefined;
    }
    record.ok = true;
    record.lastGoodMs = clock.nowMs();
    state.token = reading.token;
    expired = false;
    warn(state, reading.warnings);
    if (reading.kind === 'changed') {
      const { reset, delta } = reading;
      table.send({ kind: 'read', source: source.name, reset, delta });
    }
  };

  const expire = (state: State): void => {
    const { lastGoodMs } = record;
    if (expired || lastGoodMs === undefined || clock.nowMs() - lastGoodMs < expiresAfterMs) return;
    expired = true;
    state.token = undefined;
    table.send({ kind: 'read', source: source.name, reset: true, delta: { upserts: NO_VIPS, removed: [] } });
    const seconds = Math.round(expiresAfterMs / 1000);
    log.event(
      'error',
      'source-expired',
      `${source.name}: not readable for ${seconds} s; what it said last counts no longer`,
      { source: source.name },
    );
  };

  const warn = (state: State, warnings: readonly SourceWarning[]): void => {
    for (const { item, reason } of warnings) {
      const text = `${item}: ${reason}`;
      if (state.toldWarnings.has(text) || state.toldWarnings.size >= WARNINGS_MOST) continue;
      state.toldWarnings.add(text);
      log.event('warn', 'source-warning', `${source.name}: skipped ${text}`, {
        source: source.name,
        item,
        reason,
      });
    }
  };

  const failed = (state: State, reason: string): void => {
    record.ok = false;
    record.errors += 1;
    record.lastError = reason;
    const nowMs = clock.nowMs();
    const told = state.toldError;
    if (told?.reason === reason && nowMs - told.atMs < REPEAT_ERROR_MS) return;
    state.toldError = { reason, atMs: nowMs };
    const kept = expired
      ? 'nothing of it counts'
      : record.lastGoodMs === undefined
        ? 'nothing was read yet'
        : 'keeping the last good answer';
    log.event('error', 'source-error', `${source.name}: ${reason}; ${kept}`, { source: source.name, reason });
  };

  return {
    init: (self) => {
      const state: State = {
        token: undefined,
        request: 0,
        reading: false,
        again: sourceBusy,
        toldError: undefined,
        toldWarnings: new Set(),
      };
      // The mailbox outlives this incarnation, and so does the watch.
      if (!watching) source.watch(() => self.mailbox.send({ kind: 'changed' }));
      watching = true;
      // A timer's message, unlike a sent one, does not outlive this incarnation: polls keep one rhythm.
      self.sendAfter(0, { kind: 'poll' });
      return state;
    },

    handle: (state, message, self) => {
      switch (message.kind) {
        case 'poll':
          self.sendAfter(pollIntervalMs * (1 + JITTER * (2 * random.next() - 1)), { kind: 'poll' });
          // A poll that falls into a slow reading is skipped, not queued.
          if (!sourceBusy && !state.reading) read(state, self);
          break;
        case 'changed':
          read(state, self);
          break;
        case 'reading':
          if (message.request === state.request) take(state, message.reading);
          if (state.again) read(state, self);
          break;
      }
      return state;
    },
  };
}
