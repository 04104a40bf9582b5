import { aliveSetName } from '../../core/data-plane/set-names.js';
import type { FirewallPlan, RuleName } from '../../ports/firewall.js';
import {
  type ChainName,
  type Rule,
  type RuleAction,
  sameRule,
  TABLE_NAMES,
  type TableChange,
} from './rules.js';

/** The rules of a plan, as src/native/iptables-rules.ts has them. */
export function plannedRules({ ipset, firstQueue, queues }: FirewallPlan): readonly Rule[] {
  const queue: RuleAction = { kind: 'queue', set: ipset, alive: aliveSetName(ipset), firstQueue, queues };
  const refuse: RuleAction = { kind: 'refuse', set: ipset };
  const log: RuleAction = { kind: 'log', group: firstQueue };
  const rule = (name: RuleName, table: Rule['table'], chain: ChainName, action: RuleAction): Rule => ({
    table,
    chain,
    action,
    name,
  });
  return [
    rule('nat hooks', 'nat', 'OUTPUT', { kind: 'hooks' }),
    rule('answers/INPUT', 'filter', 'INPUT', log),
    rule('answers/FORWARD', 'filter', 'FORWARD', log),
    rule('answers/OUTPUT', 'filter', 'OUTPUT', log),
    rule('filter/OUTPUT', 'filter', 'OUTPUT', refuse),
    rule('filter/FORWARD', 'filter', 'FORWARD', refuse),
    rule('raw/OUTPUT', 'raw', 'OUTPUT', queue),
    rule('raw/PREROUTING', 'raw', 'PREROUTING', queue),
  ];
}

/** What to change, and which rules that puts right. */
export interface Repair {
  readonly wrong: readonly RuleName[];
  readonly changes: readonly TableChange[];
}

/** Compares what stands with the plan: each rule of ours stands once, wherever in its chain; others of ours go. */
export function repair(plan: FirewallPlan, standing: readonly Rule[]): Repair {
  const planned = plannedRules(plan);
  const ours = standing.filter((rule) => rule.name !== undefined);
  const wrong = new Set<RuleName>();
  const deleted: Rule[] = [];
  const inserted: Rule[] = [];
  for (const rule of ours) {
    if (planned.some((other) => sameRule(other, rule))) continue;
    deleted.push(rule);
    wrong.add(rule.name!);
  }
  for (const rule of planned) {
    const copies = ours.filter((other) => sameRule(other, rule));
    if (copies.length === 1) continue;
    wrong.add(rule.name!);
    deleted.push(...copies);
    inserted.push(rule);
  }
  return {
    wrong: planned.map((rule) => rule.name!).filter((name) => wrong.has(name)),
    changes: byTable(deleted, inserted),
  };
}

/** What takes all of our rules away. */
export function removal(standing: readonly Rule[], keepHooks: boolean): readonly TableChange[] {
  const deleted = standing.filter(
    ({ name, action }) => name !== undefined && !(keepHooks && action.kind === 'hooks'),
  );
  return byTable(deleted, []);
}

/** The sets of VIPs that our standing rules name. */
export function setsOfOurs(standing: readonly Rule[]): readonly string[] {
  const names: string[] = [];
  for (const { name, action } of standing)
    if (name !== undefined && (action.kind === 'queue' || action.kind === 'refuse')) names.push(action.set);
  return names;
}

function byTable(deleted: readonly Rule[], inserted: readonly Rule[]): readonly TableChange[] {
  const tables = new Set([...deleted, ...inserted].map((rule) => rule.table));
  return TABLE_NAMES.filter((table) => tables.has(table)).map((table) => ({
    table,
    deleted: deleted.filter((rule) => rule.table === table),
    inserted: inserted.filter((rule) => rule.table === table),
  }));
}
