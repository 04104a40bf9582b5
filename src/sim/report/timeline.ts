import { type Endpoint, formatEndpoint } from '../../core/endpoint.js';
import { hostName } from '../engine/host.js';
import type { Happening } from '../engine/journal.js';
import type { Plan } from '../plan/plan.js';
import { describeFault, type Elsewhere, placesOf } from './fault-text.js';

/** How long a handshake may take and not be called slow: less than the first repetition of a SYN. */
export const SLOW_MS = 500;

/** Finest division of time that is kept, in milliseconds, and what follows when that were too many. */
const BUCKETS_MS = [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000];
/** Buckets over all lanes. */
const MOST_CELLS = 120_000;
const MOST_NOTES = 4_000;
const MOST_FAILURES = 2_000;
const MOST_VIOLATIONS = 1_000;

/** Events of the log that are worth a mark; of the others those with a level of `error`. */
const NOTED: ReadonlySet<string> = new Set([
  'rules-restored',
  'actor-restarted',
  'source-error',
  'backend-unavailable',
  'node-unreachable',
]);

/** What became of connections that began in a bucket. */
const OK = 0;
const SLOW = 1;
const FAILED = 2;
const COUNTS = 3;

export interface TimelineNote {
  readonly atMs: number;
  readonly kind: string;
  readonly text: string;
}

export interface TimelineLane {
  readonly name: string;
  /** When the daemon came to which state. */
  readonly states: readonly (readonly [atMs: number, state: string])[];
  /** For each bucket in which something happened: its number, then connections that were fine, slow and failed. */
  readonly cells: readonly number[];
  readonly notes: readonly TimelineNote[];
}

export interface FailedConnection {
  readonly id: number;
  readonly host: string;
  readonly beganMs: number;
  readonly endedMs: number;
  readonly client: string;
  readonly vip: string;
  /** Undefined when it was never connected. */
  readonly backend: string | undefined;
  readonly syns: number;
  readonly why: string;
}

/** What the page draws. Plain data. */
export interface TimelineData {
  readonly bucketMs: number;
  readonly lanes: readonly TimelineLane[];
  /** With the time that was reached as their end, when the run ended before they did. */
  readonly faults: readonly {
    readonly fromMs: number;
    readonly toMs: number;
    readonly text: string;
    readonly kind: string;
    readonly hosts: readonly string[];
    readonly elsewhere: Elsewhere | undefined;
  }[];
  readonly violations: readonly {
    readonly atMs: number;
    readonly invariant: string;
    readonly host: string | undefined;
    readonly what: string;
  }[];
  readonly failures: readonly FailedConnection[];
  readonly counts: ConnectionCounts;
  /** What was left out because there was too much of it. */
  readonly omitted: { readonly notes: number; readonly failures: number; readonly violations: number };
}

export interface ConnectionCounts {
  began: number;
  ok: number;
  slow: number;
  failed: number;
}

interface OpenConnection {
  readonly lane: number;
  readonly beganMs: number;
  readonly client: number;
  readonly vip: number;
  backend: number;
  syns: number;
  connected: boolean;
}

interface Lane {
  readonly name: string;
  readonly states: [number, string][];
  readonly cells: Uint32Array;
  readonly notes: TimelineNote[];
}

/**
 * What the report tells of a run, gathered while it goes on. It keeps counts for each host and stretch of time,
 * so its size depends on the plan and not on how much happens.
 */
export class Timeline {
  readonly counts: ConnectionCounts = { began: 0, ok: 0, slow: 0, failed: 0 };
  private readonly plan: Plan;
  private readonly bucketMs: number;
  private readonly buckets: number;
  private readonly lanes: readonly Lane[];
  private readonly laneOf = new Map<string, number>();
  private readonly open = new Map<number, OpenConnection>();
  private readonly failures: FailedConnection[] = [];
  private readonly violations: TimelineData['violations'][number][] = [];
  private readonly begun = new Set<number>();
  private notes = 0;
  private readonly omitted = { notes: 0, failures: 0, violations: 0 };

  constructor(plan: Plan) {
    this.plan = plan;
    this.bucketMs =
      BUCKETS_MS.find((bucketMs) => (plan.durationMs / bucketMs) * plan.nodes <= MOST_CELLS) ??
      Math.ceil((plan.durationMs * plan.nodes) / MOST_CELLS);
    this.buckets = Math.ceil(plan.durationMs / this.bucketMs) + 1;
    this.lanes = Array.from({ length: plan.nodes }, (_, index) => {
      const name = hostName(index);
      this.laneOf.set(name, index);
      return { name, states: [], cells: new Uint32Array(this.buckets * COUNTS), notes: [] };
    });
  }

  /** Hears of everything that happens, in order. */
  readonly follow = (happening: Happening, atMs: number): void => {
    switch (happening.kind) {
      case 'connecting': {
        const lane = this.laneOf.get(happening.host);
        if (lane === undefined) return;
        const { id, client, vip } = happening;
        this.counts.began += 1;
        this.open.set(id, { lane, beganMs: atMs, client, vip, backend: -1, syns: 0, connected: false });
        return;
      }
      case 'syn': {
        const connection = this.open.get(happening.id);
        if (connection !== undefined) connection.syns += 1;
        return;
      }
      case 'connected': {
        const connection = this.open.get(happening.id);
        if (connection === undefined) return;
        connection.connected = true;
        connection.backend = happening.backend;
        const slow = happening.tookMs > SLOW_MS;
        this.counts[slow ? 'slow' : 'ok'] += 1;
        this.count(connection.lane, connection.beganMs, slow ? SLOW : OK);
        return;
      }
      case 'closed':
        this.closed(happening, atMs);
        return;
      case 'daemon':
        this.daemon(happening, atMs);
        return;
      case 'fault':
        if (happening.phase === 'begins') this.begun.add(happening.index);
        return;
      case 'violation':
        if (this.violations.length < MOST_VIOLATIONS) {
          const { invariant, host, what } = happening;
          this.violations.push({ atMs, invariant, host, what });
        } else this.omitted.violations += 1;
        return;
      case 'log':
        if (NOTED.has(happening.event) || happening.level === 'error')
          this.note(happening.host, { atMs, kind: happening.event, text: logText(happening) });
        return;
      case 'set':
        if (happening.by !== 'daemon') {
          const text = `set ${happening.name}: ${happening.size ?? 'no such set'} by ${happening.by}`;
          this.note(happening.host, { atMs, kind: 'set-changed', text });
        }
        return;
      case 'rules':
        if (happening.by !== 'daemon')
          this.note(happening.host, {
            atMs,
            kind: 'rules-changed',
            text: `rules changed by ${happening.by}`,
          });
        return;
      default:
        return;
    }
  };

  /** What was seen until virtual time `endMs`. */
  data(endMs: number): TimelineData {
    return {
      bucketMs: this.bucketMs,
      lanes: this.lanes.map(({ name, states, cells, notes }) => ({
        name,
        states,
        cells: sparse(cells),
        notes,
      })),
      faults: this.plan.faults.flatMap(({ atMs, durationMs, fault }, index) =>
        atMs <= endMs || this.begun.has(index)
          ? [
              {
                fromMs: atMs,
                toMs: Math.min(endMs, atMs + durationMs),
                kind: fault.kind,
                text: describeFault(fault),
                ...placesOf(fault),
              },
            ]
          : [],
      ),
      violations: this.violations,
      failures: this.failures,
      counts: { ...this.counts },
      omitted: { ...this.omitted },
    };
  }

  private closed({ id, why }: Happening & { kind: 'closed' }, atMs: number): void {
    const connection = this.open.get(id);
    if (connection === undefined) return;
    this.open.delete(id);
    if (why === 'done' || why === 'host-ended' || (why === 'abandoned' && connection.connected)) return;
    this.counts.failed += 1;
    const { lane, beganMs, client, vip, backend, syns, connected } = connection;
    // Whoever was connected failed when it was cut; whoever was not, failed with its first SYN.
    this.count(lane, connected ? atMs : beganMs, FAILED);
    if (this.failures.length >= MOST_FAILURES) {
      this.omitted.failures += 1;
      return;
    }
    this.failures.push({
      id,
      host: this.lanes[lane]!.name,
      beganMs,
      endedMs: atMs,
      client: formatEndpoint(client as Endpoint),
      vip: formatEndpoint(vip as Endpoint),
      backend: connected ? formatEndpoint(backend as Endpoint) : undefined,
      syns,
      why,
    });
  }

  private daemon({ host, state }: Happening & { kind: 'daemon' }, atMs: number): void {
    const lane = this.laneOf.get(host);
    if (lane === undefined) return;
    // Restart loops are bounded by the supervision, so that these are few.
    this.lanes[lane]!.states.push([atMs, state]);
  }

  private note(host: string, note: TimelineNote): void {
    const lane = this.laneOf.get(host);
    if (lane === undefined) return;
    if (this.notes >= MOST_NOTES) {
      this.omitted.notes += 1;
      return;
    }
    this.notes += 1;
    this.lanes[lane]!.notes.push(note);
  }

  private count(lane: number, atMs: number, what: number): void {
    const bucket = Math.min(this.buckets - 1, Math.floor(atMs / this.bucketMs));
    const { cells } = this.lanes[lane]!;
    const at = bucket * COUNTS + what;
    cells[at] = cells[at]! + 1;
  }
}

function logText({ event, message, fields }: Happening & { kind: 'log' }): string {
  const details = fields === undefined ? '' : ` ${JSON.stringify(fields)}`;
  return `${event}: ${message}${details}`.slice(0, 300);
}

/** Buckets in which something was counted, each its number and its counts. */
function sparse(cells: Uint32Array): number[] {
  const found: number[] = [];
  for (let bucket = 0; bucket * COUNTS < cells.length; bucket += 1) {
    const counts = cells.subarray(bucket * COUNTS, (bucket + 1) * COUNTS);
    if (counts[OK]! + counts[SLOW]! + counts[FAILED]! > 0) found.push(bucket, ...counts);
  }
  return found;
}
