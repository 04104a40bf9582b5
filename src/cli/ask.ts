import type { MemberJson, MembersJson } from '../api/mesh-json.js';
import type { BackendJson } from '../api/vip-json.js';
import { askApi } from './api-client.js';
import { CommandFailure, EXIT_FAILURE } from './failure.js';
import { formatTable } from './table.js';

/** The commands that ask a running daemon. Each answers what to print. */
export interface AskOptions {
  readonly api: string;
  /** Print the API's answer as it is. */
  readonly json: boolean;
}

interface HealthJson {
  readonly ok: boolean;
  readonly reasons: readonly string[];
  readonly node: string;
  readonly version: string;
  readonly uptime_s: number;
  readonly sources: readonly {
    readonly name: string;
    readonly ok: boolean;
    readonly vips: number;
    readonly errors: number;
    readonly age_ms: number | null;
    readonly last_error: string | null;
  }[];
  readonly queues: readonly {
    readonly number: number;
    readonly received: number;
    readonly depth: number | null;
    readonly outstanding: number;
    readonly dropped_full: number | null;
    readonly dropped_no_buffer: number | null;
  }[];
  readonly conntrack: { readonly count: number; readonly max: number } | null;
}

const asJson = (body: unknown): string => `${JSON.stringify(body, null, 2)}\n`;

export async function askVips({ api, json }: AskOptions): Promise<string> {
  const { body } = await askApi(api, '/vips');
  if (json) return asJson(body);
  const { vips } = body as { readonly vips: Readonly<Record<string, Readonly<Record<string, BackendJson>>>> };
  const rows = Object.entries(vips).flatMap(([vip, backends]) => {
    const entries = Object.entries(backends);
    if (entries.length === 0) return [[vip, '-', 'no backend: refuses', '-', '-', '-', '-', '-']];
    return entries.map(([backend, state]) => [
      vip,
      backend,
      backendState(state),
      state.pending_connections,
      state.total_successes,
      state.total_failures,
      state.ewma_ms === null ? '-' : state.ewma_ms.toFixed(2),
      state.latency_last_60s.count === 0 ? '-' : state.latency_last_60s.p99_ms.toFixed(2),
    ]);
  });
  if (rows.length === 0) return 'no VIPs; "minuteman status" shows how the sources do\n';
  return formatTable(['VIP', 'BACKEND', 'STATE', 'PENDING', 'OK', 'FAILED', 'EWMA ms', 'P99 ms'], rows);
}

function backendState(state: BackendJson): string {
  if (!state.is_reachable) return 'unreachable';
  return state.is_healthy ? 'available' : 'unavailable';
}

/** Fails, after saying all, when the node is not well: so that scripts can ask. */
export async function askStatus({ api, json }: AskOptions): Promise<string> {
  const { body } = await askApi(api, '/healthz', [200, 503]);
  const health = body as HealthJson;
  const text = json ? asJson(body) : describeHealth(health);
  if (health.ok) return text;
  throw new UnhealthyNode(text, health.reasons);
}

/** The node answered, and is not well; `text` is what was asked for. */
export class UnhealthyNode extends CommandFailure {
  readonly text: string;
  constructor(text: string, reasons: readonly string[]) {
    super(EXIT_FAILURE, `the node is not well: ${reasons.join('; ')}`);
    this.text = text;
  }
}

function describeHealth(health: HealthJson): string {
  const { conntrack, queues, sources } = health;
  const parts = [
    `node ${health.node}, version ${health.version}, up ${health.uptime_s} s, ${health.ok ? 'well' : 'NOT WELL'}\n`,
    ...health.reasons.map((reason) => `  ${reason}\n`),
  ];
  if (conntrack !== null) {
    const percent = ((conntrack.count / conntrack.max) * 100).toFixed(1);
    parts.push(`connection table: ${conntrack.count} of ${conntrack.max} entries (${percent} %)\n`);
  }
  if (sources.length === 0) parts.push('no sources are configured\n');
  else {
    const rows = sources.map((source) => [
      source.name,
      sourceState(source),
      source.vips,
      source.errors,
      source.age_ms === null ? 'never read' : `${(source.age_ms / 1000).toFixed(1)} s`,
      source.last_error ?? '-',
    ]);
    parts.push('\n', formatTable(['SOURCE', 'STATE', 'VIPS', 'ERRORS', 'AGE', 'LAST ERROR'], rows));
  }
  if (queues.length > 0) {
    const rows = queues.map((queue) => [
      queue.number,
      queue.received,
      queue.depth ?? '?',
      queue.outstanding,
      queue.dropped_full === null ? '?' : queue.dropped_full + (queue.dropped_no_buffer ?? 0),
    ]);
    parts.push('\n', formatTable(['QUEUE', 'RECEIVED', 'DEPTH', 'OUTSTANDING', 'DROPPED'], rows));
  }
  return parts.join('');
}

/** A source that never failed is no failure yet: a mesh has nothing to tell before another node was met. */
function sourceState({ ok, errors, age_ms }: HealthJson['sources'][number]): string {
  if (ok) return 'ok';
  return errors === 0 && age_ms === null ? 'waiting' : 'failing';
}

export async function askMembers({ api, json }: AskOptions): Promise<string> {
  const { body } = await askApi(api, '/members');
  if (json) return asJson(body);
  const { self, members, note } = body as MembersJson;
  const rows = members.map((member) => [
    member.name === self && member.distance === 0 ? `${member.name} (this node)` : member.name,
    member.address ?? '-',
    memberState(member),
    member.distance ?? '-',
    member.active ? 'yes' : 'no',
  ]);
  const table = formatTable(['NODE', 'ADDRESS', 'STATE', 'DISTANCE', 'NEIGHBOUR'], rows);
  return note === undefined ? table : `${table}${note}\n`;
}

function memberState({ reachable, left }: MemberJson): string {
  if (reachable) return 'reachable';
  return left ? 'left' : 'unreachable';
}
