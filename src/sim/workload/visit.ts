import { type Endpoint, portOf } from '../../core/endpoint.js';
import type { Scheduled } from '../../core/event-queue.js';
import type { Engine, Lane } from '../engine/engine.js';
import type { HostName, Journal } from '../engine/journal.js';
import type { CloseReason, Connection, ConnectionEvents } from '../kernel/connection.js';
import type { Site } from './sockets.js';

/** What a visit needs of the clients it belongs to. */
export interface VisitHost {
  readonly engine: Engine;
  readonly journal: Journal;
  readonly lane: Lane;
  ended(visit: Visit, why: CloseReason): void;
}

/** How often a visit asks: once and then it ends, or every so often until it is told to end. */
export type VisitKind = { readonly kind: 'short' } | { readonly kind: 'long'; readonly everyMs: number };

const REQUEST_OCTETS = 200;
/** A program that hears nothing for so long goes away. */
const PATIENCE_MS = 60_000;

/** One connection of a client's program, from its first SYN to its end; everything of it is in the journal. */
export class Visit implements ConnectionEvents {
  readonly id: number;
  readonly site: Site;
  readonly vip: Endpoint;
  readonly type: VisitKind;
  /** Echoes that came. */
  answers = 0;
  private readonly clients: VisitHost;
  private readonly host: HostName;
  private readonly startedMs: number;
  private connection: Connection | undefined;
  private over = false;
  /** The kernel would not have it with the port it asked for: nobody else ever sees anything of it. */
  private stillborn = false;
  private timer: Scheduled | undefined;

  constructor(
    clients: VisitHost,
    id: number,
    site: Site,
    vip: Endpoint,
    type: VisitKind,
    port: number | undefined,
  ) {
    this.clients = clients;
    this.id = id;
    this.site = site;
    this.host = site.name;
    this.vip = vip;
    this.type = type;
    this.startedMs = clients.engine.nowMs;
    const connection = site.sockets.connect(vip, this, port === undefined ? {} : { port });
    this.connection = connection;
    this.stillborn = port !== undefined && connection.local === 0;
    if (this.stillborn) return;
    const { journal } = clients;
    journal.write({ kind: 'connecting', host: this.host, id, client: connection.local, vip });
    // The kernel sent the first SYN before it named the port.
    if (connection.local !== 0) journal.write({ kind: 'syn', host: this.host, id, attempt: 1 });
  }

  /** The client's port; 0 when the kernel had none to give. */
  get port(): number {
    return this.connection === undefined ? 0 : portOf(this.connection.local);
  }

  syn(attempt: number): void {
    if (attempt > 1) this.clients.journal.write({ kind: 'syn', host: this.host, id: this.id, attempt });
  }

  connected(backend: Endpoint): void {
    const tookMs = this.clients.engine.nowMs - this.startedMs;
    this.clients.journal.write({ kind: 'connected', host: this.host, id: this.id, tookMs, backend });
    this.ask();
  }

  data(): void {
    this.answers += 1;
    this.timer?.cancel();
    if (this.type.kind === 'long') this.note('answered');
    if (this.over) return;
    if (this.type.kind === 'short') this.end();
    else this.timer = this.clients.lane.after(this.type.everyMs, () => this.ask());
  }

  closed(why: CloseReason): void {
    this.timer?.cancel();
    this.over = true;
    if (!this.stillborn) this.clients.journal.write({ kind: 'closed', host: this.host, id: this.id, why });
    this.clients.ended(this, why);
  }

  /** Ends it in order. */
  end(): void {
    if (this.over) return;
    this.over = true;
    this.timer?.cancel();
    this.connection?.close();
  }

  private ask(): void {
    if (this.over) return;
    this.timer = this.clients.lane.after(PATIENCE_MS, () => this.connection?.abort());
    if (this.type.kind === 'long') this.note('asked');
    this.connection?.send(REQUEST_OCTETS);
  }

  private note(kind: 'asked' | 'answered'): void {
    this.clients.journal.write({ kind, host: this.host, id: this.id });
  }
}
