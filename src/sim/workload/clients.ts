import type { Endpoint } from '../../core/endpoint.js';
import type { Vips } from '../../core/vips.js';
import type { Engine, Lane } from '../engine/engine.js';
import type { HostName, Journal } from '../engine/journal.js';
import type { Stream } from '../engine/seed.js';
import type { CloseReason } from '../kernel/connection.js';
import type { Site } from './sockets.js';
import { Visit, type VisitHost } from './visit.js';

export interface ClientsOptions {
  readonly engine: Engine;
  readonly journal: Journal;
  readonly sites: readonly Site[];
  /** The VIPs that clients know; the same object as long as they are the same. */
  readonly vips: () => Vips;
  /** Whether the machine is there to run a client. */
  readonly isAway: (host: HostName) => boolean;
  /** Over all hosts. */
  readonly connectionsPerSecond: number;
  /** Connections that stay. */
  readonly longConnections: number;
  /** Virtual time from which on nothing begins and what is long ends. */
  readonly stopAtMs: number;
  /** `random`: as many clients who do not know of each other come (Poisson); `even`: one each so many ms. */
  readonly spacing?: 'random' | 'even';
  /**
   * Of the short connections so many come from the port of one that just ended; half of them to the same VIP, the others to
   * one that shares a backend with it, if there is one.
   */
  readonly reuse?: number;
}

const REUSE = 0.05;
const LONG_EVERY_MS = 1_000;
/** Long connections begin over so long a time, and anew after so long a pause. */
const LONG_WITHIN_MS = 5_000;
const PAUSE_MS = { least: 500, most: 3_000 };

interface Former {
  readonly site: Site;
  readonly vip: Endpoint;
  readonly port: number;
}

/**
 * Clients on all hosts that connect to VIPs. The load is open: how many come does not depend on how those before
 * them fare. A short visit connects, asks once, hears the echo and goes; a long one asks every second.
 */
export class Clients implements VisitHost {
  readonly engine: Engine;
  readonly journal: Journal;
  readonly lane: Lane;
  /** Ends so far, by their reason. */
  readonly ends = new Map<CloseReason, number>();
  started = 0;
  private readonly options: ClientsOptions;
  private readonly stream: Stream;
  private readonly live = new Set<Visit>();
  private readonly former: Former[] = [];
  private known: { readonly vips: Vips; readonly list: readonly Endpoint[] } | undefined;

  constructor(options: ClientsOptions) {
    this.options = options;
    this.engine = options.engine;
    this.journal = options.journal;
    this.lane = options.engine.lane('clients');
    this.stream = options.engine.stream('clients');
  }

  /** Visits that are under way. */
  get count(): number {
    return this.live.size;
  }

  begin(): void {
    const { longConnections, stopAtMs, connectionsPerSecond } = this.options;
    for (let n = 0; n < longConnections; n += 1) {
      this.longLater(this.stream.between(0, LONG_WITHIN_MS));
    }
    if (connectionsPerSecond > 0) this.nextShort();
    this.lane.after(stopAtMs - this.engine.nowMs, () => {
      for (const visit of this.live) if (visit.type.kind === 'long') visit.end();
    });
  }

  ended(visit: Visit, why: CloseReason): void {
    this.live.delete(visit);
    this.ends.set(why, (this.ends.get(why) ?? 0) + 1);
    if (visit.type.kind === 'long') this.longLater(this.stream.between(PAUSE_MS.least, PAUSE_MS.most));
    else if (why === 'done') this.former.push({ site: visit.site, vip: visit.vip, port: visit.port });
    if (this.former.length > 8) this.former.shift();
  }

  private nextShort(): void {
    const { connectionsPerSecond, spacing = 'random', stopAtMs } = this.options;
    const meanMs = 1_000 / connectionsPerSecond;
    const waitMs = spacing === 'even' ? meanMs : -Math.log(1 - this.stream.next()) * meanMs;
    if (this.engine.nowMs + waitMs >= stopAtMs) return;
    this.lane.after(waitMs, () => {
      this.nextShort();
      const former = this.stream.chance(this.options.reuse ?? REUSE) ? this.former.pop() : undefined;
      if (former === undefined) this.visit('short', undefined);
      else if (this.vips().includes(former.vip)) {
        const sibling = this.stream.chance(0.5) ? this.siblingOf(former.vip) : undefined;
        this.visit('short', sibling === undefined ? former : { ...former, vip: sibling });
      }
    });
  }

  private longLater(waitMs: number): void {
    if (this.engine.nowMs + waitMs >= this.options.stopAtMs) return;
    this.lane.after(waitMs, () => {
      if (!this.visit('long', undefined)) this.longLater(PAUSE_MS.most);
    });
  }

  /** False when there is nobody who could, or nothing to connect to. */
  private visit(kind: 'short' | 'long', former: Former | undefined): boolean {
    const vips = this.vips();
    const site = former?.site ?? this.stream.oneOf(this.options.sites);
    if (vips.length === 0 || this.options.isAway(site.name)) return false;
    const vip = former?.vip ?? this.stream.oneOf(vips);
    this.started += 1;
    const type = kind === 'short' ? ({ kind } as const) : ({ kind, everyMs: LONG_EVERY_MS } as const);
    this.live.add(new Visit(this, this.started, site, vip, type, former?.port));
    return true;
  }

  private siblingOf(vip: Endpoint): Endpoint | undefined {
    const all = this.options.vips();
    const own = all.get(vip)!;
    return this.vips().find((other) => {
      if (other === vip) return false;
      for (const backend of all.get(other)!) if (own.has(backend)) return true;
      return false;
    });
  }

  private vips(): readonly Endpoint[] {
    const vips = this.options.vips();
    if (this.known?.vips !== vips) this.known = { vips, list: [...vips.keys()] };
    return this.known.list;
  }
}
