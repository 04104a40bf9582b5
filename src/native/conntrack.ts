import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { ENTRY_STATES } from '../core/data-plane/existing-entry.js';
import type { Endpoint } from '../core/endpoint.js';
import type {
  Conntrack,
  ConntrackEntry,
  Flow,
  HandshakeEvent,
  MapOutcome,
  Mapping,
} from '../ports/conntrack.js';
import { KernelError } from '../ports/kernel-error.js';
import {
  addon,
  ENTRY,
  EVENT,
  kernelCall,
  type NativeConntrackTable,
  type NativeHandshakeLog,
  REQUEST,
} from './addon.js';

export interface ConntrackOptions {
  /** How long an entry lives that nobody answers: a SYN that is sent again does not renew it. */
  readonly timeoutSeconds: number;
  /** The group that the rules log answers to. */
  readonly logGroup: number;
  /** Bytes of the log socket's buffer; an answer takes about 1 kB of it until it is read. */
  readonly logBytes: number;
}

export const CONNTRACK_DEFAULTS: ConntrackOptions = { timeoutSeconds: 10, logGroup: 50, logBytes: 8 << 20 };

const { EEXIST } = constants.errno;
const MADE: MapOutcome = { kind: 'made' };
const FULL: MapOutcome = { kind: 'full' };

/** A kernel's table with what reads the answers to its entries; `close` lets both go. */
export interface NativeConntrack extends Conntrack {
  close(): void;
}

export function nativeConntrack(options: ConntrackOptions = CONNTRACK_DEFAULTS): NativeConntrack {
  return new KernelConntrack(options);
}

class KernelConntrack implements NativeConntrack {
  readonly #options: ConntrackOptions;
  readonly #table: NativeConntrackTable;
  #log: NativeHandshakeLog | undefined;

  constructor(options: ConntrackOptions) {
    this.#options = options;
    this.#table = kernelCall('connection table', () => new (addon().ConntrackTable)());
  }

  map(mappings: readonly Mapping[]): readonly MapOutcome[] {
    const { requests, outcomes, entries } = this.#table;
    const answer: MapOutcome[] = [];
    for (const batch of batches(mappings)) {
      batch.forEach((mapping, row) => {
        const at = row * REQUEST.columns;
        requests[at] = mapping.client;
        requests[at + 1] = mapping.vip;
        requests[at + 2] = mapping.backend;
        requests[at + 3] = mapping.source ?? -1;
        requests[at + 4] = mapping.instead?.id ?? -1;
      });
      kernelCall('connection table', () => this.#table.create(batch.length, this.#options.timeoutSeconds));
      batch.forEach((mapping, row) => {
        const errno = outcomes[row]!;
        if (errno === EEXIST) answer.push({ kind: 'exists', entry: entryOf(mapping, entries, row) });
        else answer.push(errno === 0 ? MADE : failureOf(errno));
      });
    }
    return answer;
  }

  lookup(flows: readonly Flow[]): readonly (ConntrackEntry | undefined)[] {
    const { requests, outcomes, entries } = this.#table;
    const answer: (ConntrackEntry | undefined)[] = [];
    for (const batch of batches(flows)) {
      batch.forEach((flow, row) => {
        requests[row * REQUEST.columns] = flow.client;
        requests[row * REQUEST.columns + 1] = flow.vip;
      });
      kernelCall('connection table', () => this.#table.find(batch.length));
      batch.forEach((flow, row) => {
        const errno = outcomes[row]!;
        if (errno !== 0 && nameOf(errno) !== 'ENOENT') throw refused('looking an entry up', errno);
        answer.push(errno === 0 ? entryOf(flow, entries, row) : undefined);
      });
    }
    return answer;
  }

  remove(entries: readonly ConntrackEntry[]): void {
    const { requests, outcomes } = this.#table;
    for (const batch of batches(entries)) {
      batch.forEach((entry, row) => {
        const at = row * REQUEST.columns;
        requests[at] = entry.client;
        requests[at + 1] = entry.vip;
        requests[at + 2] = entry.id;
      });
      kernelCall('connection table', () => this.#table.remove(batch.length));
      for (let row = 0; row < batch.length; row += 1) {
        const errno = outcomes[row]!;
        if (errno !== 0 && nameOf(errno) !== 'ENOENT') throw refused('deleting an entry', errno);
      }
    }
  }

  handshakes(): readonly ConntrackEntry[] {
    const rows = kernelCall('connection table', () => this.#table.ours(true));
    return Array.from({ length: rows.length / ENTRY.columns }, (_, row) => decodeEntry(rows, row));
  }

  observe(events: (events: readonly HandshakeEvent[]) => void, lost: () => void): void {
    this.#log ??= openLog(this.#table, this.#options);
    const { records } = this.#log;
    this.#log.receive((count) => {
      if (count < 0) lost();
      else events(decodeEvents(records, count));
    });
  }

  usage(): { readonly count: number; readonly max: number } {
    return kernelCall('connection table', () => this.#table.usage());
  }

  removeAll(): number {
    const count = this.countOurs();
    if (count > 0) kernelCall('connection table', () => this.#table.flushOurs());
    return count;
  }

  countOurs(): number {
    return kernelCall('connection table', () => this.#table.countOurs());
  }

  close(): void {
    this.#log?.close();
    this.#log = undefined;
  }
}

/** Parts of at most as many items as the shared arrays hold rows; usually the list itself. */
function* batches<T>(items: readonly T[]): Generator<readonly T[]> {
  if (items.length <= REQUEST.batch) {
    if (items.length > 0) yield items;
    return;
  }
  for (let start = 0; start < items.length; start += REQUEST.batch)
    yield items.slice(start, start + REQUEST.batch);
}

function nameOf(errno: number): string {
  return getSystemErrorName(-errno);
}

function refused(what: string, errno: number): KernelError {
  return new KernelError(nameOf(errno), `connection table: ${what}: ${nameOf(errno)}`);
}

function failureOf(errno: number): MapOutcome {
  const code = nameOf(errno);
  // ENFILE is what a kernel says whose table is full.
  if (code === 'ENOMEM' || code === 'ENFILE' || code === 'ENOBUFS') return FULL;
  return { kind: 'error', code };
}

/** The flow's entry in that row. The kernel also finds a connection whose reply direction has the flow's tuple. */
function entryOf(flow: Flow, rows: Float64Array, row: number): ConntrackEntry | undefined {
  const at = row * ENTRY.columns;
  if (rows[at] !== flow.client || rows[at + 1] !== flow.vip) return undefined;
  return decodeEntry(rows, row);
}

function decodeEntry(rows: Float64Array, row: number): ConntrackEntry {
  const at = row * ENTRY.columns;
  return {
    client: rows[at]! as Endpoint,
    vip: rows[at + 1]! as Endpoint,
    backend: rows[at + 2]! as Endpoint,
    state: ENTRY_STATES[rows[at + 3]!] ?? 'none',
    ours: rows[at + 4] === 1,
    id: rows[at + 5]!,
  };
}

function decodeEvents(records: Float64Array, count: number): readonly HandshakeEvent[] {
  const events: HandshakeEvent[] = [];
  for (let row = 0; row < count; row += 1) {
    const at = row * EVENT.columns;
    events.push({
      kind: records[at] === 0 ? 'answered' : 'refused',
      client: records[at + 1]! as Endpoint,
      vip: records[at + 2]! as Endpoint,
      backend: records[at + 3]! as Endpoint,
      atMs: records[at + 4]!,
    });
  }
  return events;
}

function openLog(table: NativeConntrackTable, { logGroup, logBytes }: ConntrackOptions): NativeHandshakeLog {
  try {
    return kernelCall(`log group ${logGroup}`, () => new (addon().HandshakeLog)(table, logGroup, logBytes));
  } catch (error) {
    // The kernel says EPERM both for a group that another socket holds and for lack of the right to bind any.
    if (!(error instanceof KernelError) || error.code !== 'EPERM' || !isGroupHeld(logGroup)) throw error;
    throw new KernelError(
      'EBUSY',
      `log group ${logGroup} is held by another process; stop that one, or choose another dataPlane.firstQueue, whose number the group has`,
    );
  }
}

/** Of the thread, not of the process: a thread may be in another network namespace. */
function isGroupHeld(group: number): boolean {
  try {
    const text = readFileSync('/proc/thread-self/net/netfilter/nfnetlink_log', 'utf8');
    return text.split('\n').some((line) => line.trim().split(/\s+/)[0] === String(group));
  } catch {
    return false;
  }
}
