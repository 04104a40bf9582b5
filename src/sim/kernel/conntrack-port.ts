import { ENTRY_STATES } from '../../core/data-plane/existing-entry.js';
import { addressOf, endpoint, portOf } from '../../core/endpoint.js';
import type {
  Conntrack,
  ConntrackEntry,
  Flow,
  HandshakeEvent,
  MapOutcome,
  Mapping,
} from '../../ports/conntrack.js';
import { KernelError } from '../../ports/kernel-error.js';
import type { HostName, Journal } from '../engine/journal.js';
import type { ConntrackTable } from './conntrack-table.js';
import { Entry } from './conntrack-table.js';
import type { KernelFaults } from './faults.js';
import { FlowMemory } from './flow-memory.js';
import type { LogGroup, LoggedAnswer } from './handshake-logs.js';
import { SYN_SENT } from './tcp-states.js';

/** How long an entry lives before its SYN comes by. */
const LIFETIME_MS = 10_000;
/** A packet that seems to have waited longer came by while the clock was set. */
const AGE_MOST_MS = 1_000;

const MADE: MapOutcome = { kind: 'made' };
const FULL: MapOutcome = { kind: 'full' };

/** What the port needs of the kernel around it. */
export interface ConntrackHost {
  readonly name: HostName;
  clockMs(): number;
}

/** The `Conntrack` of one process: netlink requests to the host's table. */
export class ProcessConntrack implements Conntrack {
  private readonly host: ConntrackHost;
  private readonly journal: Journal;
  private readonly table: ConntrackTable;
  private readonly faults: KernelFaults;
  private readonly openLog: () => LogGroup;
  /** Once somebody observes. */
  private flows: FlowMemory | undefined;
  private told: (events: readonly HandshakeEvent[]) => void = () => {};
  private lost: () => void = () => {};

  constructor(
    host: ConntrackHost,
    journal: Journal,
    table: ConntrackTable,
    faults: KernelFaults,
    openLog: () => LogGroup,
  ) {
    this.host = host;
    this.journal = journal;
    this.table = table;
    this.faults = faults;
    this.openLog = openLog;
  }

  map(mappings: readonly Mapping[]): readonly MapOutcome[] {
    let overrun = false;
    const outcomes = mappings.map((mapping): MapOutcome => {
      const code = this.faults.take('conntrack-map');
      if (code === 'ENOBUFS') overrun = true;
      else if (code === 'ENOMEM') return FULL;
      // Somebody's entry with one of the tuples, which may be gone when it is looked at.
      else if (code === 'EEXIST') return this.taken(mapping);
      else if (code !== undefined) return { kind: 'error', code };
      return this.make(mapping);
    });
    for (const [i, { client, vip, backend }] of mappings.entries()) {
      this.journal.write({
        kind: 'mapped',
        host: this.host.name,
        client,
        vip,
        backend,
        outcome: outcomes[i]!.kind,
      });
    }
    // The answers found no room in the socket's buffer, which is found out when all is done.
    if (overrun) throw refused('creating connection entries', 'ENOBUFS');
    return outcomes;
  }

  lookup(flows: readonly Flow[]): readonly (ConntrackEntry | undefined)[] {
    return flows.map((flow) => {
      const code = this.faults.take('conntrack-lookup');
      if (code !== undefined && code !== 'ENOENT') throw refused('looking an entry up', code);
      return code === undefined ? this.entryOf(flow) : undefined;
    });
  }

  remove(entries: readonly ConntrackEntry[]): void {
    for (const entry of entries) this.delete(entry);
  }

  handshakes(): readonly ConntrackEntry[] {
    const waiting = this.table
      .entries()
      .filter((entry) => entry.ours && entry.state === SYN_SENT && !entry.seenReply);
    return waiting.map(asSeen);
  }

  observe(events: (events: readonly HandshakeEvent[]) => void, lost: () => void): void {
    if (this.flows === undefined) {
      const log = this.openLog();
      this.flows = new FlowMemory();
      log.reader = (answers, overrun) => this.read(answers, overrun);
    }
    this.told = events;
    this.lost = lost;
  }

  usage(): { readonly count: number; readonly max: number } {
    return { count: this.table.count, max: this.table.max };
  }

  removeAll(): number {
    const ours = this.table.entries().filter((entry) => entry.ours);
    for (const entry of ours) this.take(entry);
    return ours.length;
  }

  countOurs(): number {
    return this.table.entries().filter((entry) => entry.ours).length;
  }

  private make(mapping: Mapping): MapOutcome {
    const { client, vip, backend, source, instead } = mapping;
    if (instead !== undefined) this.delete(instead);
    if (this.table.find(client, vip) !== undefined) return this.taken(mapping);
    if (!this.table.makeRoom()) return FULL;
    const seen = endpoint(source ?? addressOf(client), portOf(client));
    const entry = new Entry(client, vip, backend, seen, SYN_SENT, true);
    this.table.makeReplyUnique(entry);
    if (!this.table.insert(entry, LIFETIME_MS)) return { kind: 'exists', entry: undefined };
    this.flows?.remember(backend, mapping);
    return MADE;
  }

  private taken(mapping: Mapping): MapOutcome {
    return { kind: 'exists', entry: this.entryOf(mapping) };
  }

  /** The flow's own entry; the kernel also finds a connection whose replies have the flow's tuple. */
  private entryOf({ client, vip }: Flow): ConntrackEntry | undefined {
    const entry = this.table.find(client, vip);
    return entry?.client === client && entry.vip === vip ? asSeen(entry) : undefined;
  }

  private delete({ client, vip, id }: ConntrackEntry): void {
    const entry = this.table.find(client, vip);
    if (entry?.id === id) this.take(entry);
  }

  private take(entry: Entry): void {
    const { client, vip, backend } = entry;
    this.table.remove(entry);
    this.journal.write({ kind: 'unmapped', host: this.host.name, client, vip, backend });
  }

  private read(answers: readonly LoggedAnswer[], overrun: boolean): void {
    const nowMs = this.host.clockMs();
    const events: HandshakeEvent[] = [];
    for (const { from, to, refuses, stampMs } of answers) {
      const flow = this.flows?.take(from, to);
      if (flow === undefined) continue;
      const atMs = stampMs === undefined ? nowMs : Math.max(stampMs, nowMs - AGE_MOST_MS);
      const { client, vip } = flow;
      events.push({ kind: refuses ? 'refused' : 'answered', client, vip, backend: from, atMs });
    }
    if (events.length > 0) this.told(events);
    if (overrun) this.lost();
  }
}

function asSeen({ client, vip, backend, state, ours, id }: Entry): ConntrackEntry {
  return { client, vip, backend, state: ENTRY_STATES[state]!, ours, id };
}

function refused(what: string, code: string): KernelError {
  return new KernelError(code, `connection table: ${what}: ${code}`);
}
