import type { Endpoint } from '../endpoint.js';
import { quote } from '../json.js';
import type { SourceWarning, Vips } from '../vips.js';
import { collectVips, type Election, type MesosState, type MesosStateResult } from './state.js';

/** How long agents that have not registered with a new leading master keep their tasks. */
export const HOLD_AFTER_FAILOVER_MS = 15 * 60_000;

/**
 * How long a master elected before the one last heard is refused. A deposed master ends itself within
 * seconds; one that is still the only one to answer after this time leads, with its clock behind.
 */
export const STALE_MASTER_MS = 60_000;

interface HeldAgent {
  readonly pairs: readonly Endpoint[];
  readonly untilMs: number;
}

/** What is remembered of a cluster between two documents of its masters. */
export interface MasterView {
  readonly election: Election;
  /** Whether the election is one a leader spoke of itself. */
  readonly confirmed: boolean;
  readonly served: ReadonlyMap<string, readonly Endpoint[]>;
  /** Agents of an earlier election that have not registered again. */
  readonly held: ReadonlyMap<string, HeldAgent>;
  /** Since when only documents of an older election have come. */
  readonly staleSinceMs: number | undefined;
}

export type MasterStep =
  | {
      readonly kind: 'taken';
      readonly view: MasterView;
      readonly vips: Vips;
      readonly warnings: readonly SourceWarning[];
    }
  | { readonly kind: 'refused'; readonly view: MasterView | undefined; readonly reason: string };

/**
 * Takes one more document of a cluster's master into account. Within one election the document is the
 * truth. A new election (its time, the master's id or the leader changed) starts with masters that know no
 * agents: what agents served before is held until they register again, at most 15 minutes. A document
 * that proves nothing (garbage, a standby's, a deposed master's) is refused and changes no VIP.
 * `nowMs` is monotonic.
 */
export function stepMaster(view: MasterView | undefined, read: MesosStateResult, nowMs: number): MasterStep {
  if (!read.ok) return { kind: 'refused', view, reason: read.reason };
  const { state } = read;
  const refusal = whyNotLeading(view, state);
  if (refusal !== undefined) return { kind: 'refused', view, reason: refusal };
  if (view !== undefined && isOlder(state.election, view.election)) {
    const staleSinceMs = view.staleSinceMs ?? nowMs;
    if (nowMs - staleSinceMs < STALE_MASTER_MS) {
      const reason = `master ${quote(state.election.pid)} was elected before the one last heard; its state is stale`;
      return { kind: 'refused', view: { ...view, staleSinceMs }, reason };
    }
  }
  return take(view, state, nowMs);
}

function whyNotLeading(view: MasterView | undefined, state: MesosState): string | undefined {
  const { electedTime, leader, pid } = state.election;
  if (state.writer === 'agent')
    return `it is the state of an agent, ${quote(pid)}; the url must be a master's`;
  if (!state.complete) return 'the state lacks its list of "slaves" or of "frameworks"';
  if (electedTime === undefined && view?.election.electedTime !== undefined) {
    return `master ${quote(pid)} was never elected (the leader is ${quote(leader)}); its state is empty`;
  }
  if (!leadsItself(state.election) && (electedTime === undefined || view?.confirmed === true)) {
    return `master ${quote(pid)} does not lead, ${quote(leader)} does`;
  }
  return undefined;
}

function leadsItself({ leader, pid }: Election): boolean {
  return leader === undefined || pid === undefined || leader === pid;
}

function isOlder(election: Election, than: Election): boolean {
  const { electedTime } = election;
  return electedTime !== undefined && than.electedTime !== undefined && electedTime < than.electedTime;
}

function isSameElection(a: Election, b: Election): boolean {
  return a.electedTime === b.electedTime && a.id === b.id && a.leader === b.leader;
}

function take(view: MasterView | undefined, state: MesosState, nowMs: number): MasterStep {
  const held = new Map<string, HeldAgent>();
  for (const [agent, known] of view?.held ?? []) {
    if (!state.registered.has(agent) && nowMs < known.untilMs) held.set(agent, known);
  }
  if (view !== undefined && !isSameElection(view.election, state.election)) {
    const untilMs = nowMs + HOLD_AFTER_FAILOVER_MS;
    for (const [agent, { pairs }] of held) held.set(agent, { pairs, untilMs });
    for (const [agent, pairs] of view.served) {
      if (!state.registered.has(agent)) held.set(agent, { pairs, untilMs });
    }
  }
  const warnings = [...state.warnings];
  if (held.size > 0) {
    const names = [...held.keys()].sort();
    const shown = `${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`;
    warnings.push({
      item: `agents ${shown}`,
      reason: 'not registered with the new leading master yet; their tasks are kept for 15 minutes at most',
    });
  }
  const confirmed = leadsItself(state.election) || view?.confirmed === true;
  if (!confirmed) {
    const { pid, leader } = state.election;
    warnings.push({
      item: `master ${pid}`,
      reason: `says that ${leader} leads; its state is used until a leader answers`,
    });
  }
  const next: MasterView = {
    election: state.election,
    confirmed,
    served: state.served,
    held,
    staleSinceMs: undefined,
  };
  const all = [...state.served.values(), ...[...held.values()].map((agent) => agent.pairs)];
  return { kind: 'taken', view: next, vips: collectVips(all), warnings };
}
