import { aliveSetName } from '../core/data-plane/set-names.js';
import type { FirewallPlan, RuleName } from '../ports/firewall.js';
import { conntrackMark } from './addon.js';

/** A rule as `iptables-save` shows it. */
export interface StandingRule {
  readonly table: string;
  readonly chain: string;
  /** All after `-A CHAIN `, quoting included, so that it can be given back to `iptables-restore`. */
  readonly spec: string;
}

/** A rule of ours as it should stand. */
export interface PlannedRule extends StandingRule {
  readonly name: RuleName;
}

/** The tables that our rules are in. */
export const TABLES = ['raw', 'filter', 'nat'] as const;

/** Of an answer: an IP header without options, and what a TCP header says of a handshake. */
const LOGGED_BYTES = 60;

/** How our own rules are told from everybody else's. */
const COMMENT = 'minuteman';
const HOOKS_COMMENT = 'minuteman-hooks';

/**
 * The rules of a plan. A SYN towards a VIP is queued before conntrack sees it (raw), so that the entry made
 * meanwhile decides where it goes; one that reaches filter without having been translated has no backend.
 *
 * Intercepting also asks a second set, which holds every address while the daemon renews it and none when it
 * does not. It is stopped or drowned then: SYNs are refused at once and do not wait in a queue that nobody reads.
 *
 * What a backend answers is logged in filter, where its destination is the client as the client sees itself, and
 * its source still the backend: translation of destinations is done by then, that of sources to come. Over `lo` it
 * passes twice, the second time from the VIP, as which nobody expects it.
 *
 * The rule in nat does nothing to any packet. It is there because the kernel applies translations only in a
 * namespace that has NAT hooks (a nat table that somebody loaded) and conntrack hooks (a rule that uses
 * conntrack): established connections break without them.
 */
export function plannedRules(plan: FirewallPlan): readonly PlannedRule[] {
  const syn = '-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN';
  const last = plan.firstQueue + plan.queues - 1;
  const queue =
    plan.queues === 1
      ? `--queue-num ${plan.firstQueue} --queue-bypass`
      : `--queue-balance ${plan.firstQueue}:${last} --queue-bypass --queue-cpu-fanout`;
  const intercept = `${syn} -m set --match-set ${plan.ipset} dst,dst -m set --match-set ${aliveSetName(plan.ipset)} dst -m comment --comment ${COMMENT} -j NFQUEUE ${queue}`;
  // The state before the set: SYNs that were mapped leave at the cheaper of the two.
  const refuse = `${syn} -m conntrack ! --ctstate DNAT -m set --match-set ${plan.ipset} dst,dst -m comment --comment ${COMMENT} -j REJECT --reject-with tcp-reset`;
  const answer = `${answerToOurs()} -m comment --comment ${COMMENT} -j NFLOG --nflog-group ${logGroup(plan)} --nflog-size ${LOGGED_BYTES}`;
  // What this host makes itself has no time stamp in the log: it is told at once.
  const ownAnswer = `${answer} --nflog-threshold 1`;
  const hooks = `-m conntrack --ctstate INVALID -m comment --comment ${HOOKS_COMMENT}`;
  return [
    { name: 'nat hooks', table: 'nat', chain: 'OUTPUT', spec: hooks },
    { name: 'answers/INPUT', table: 'filter', chain: 'INPUT', spec: answer },
    { name: 'answers/FORWARD', table: 'filter', chain: 'FORWARD', spec: answer },
    { name: 'answers/OUTPUT', table: 'filter', chain: 'OUTPUT', spec: ownAnswer },
    { name: 'filter/OUTPUT', table: 'filter', chain: 'OUTPUT', spec: refuse },
    { name: 'filter/FORWARD', table: 'filter', chain: 'FORWARD', spec: refuse },
    { name: 'raw/OUTPUT', table: 'raw', chain: 'OUTPUT', spec: intercept },
    { name: 'raw/PREROUTING', table: 'raw', chain: 'PREROUTING', spec: intercept },
  ];
}

/** The NFLOG group that answers are logged to. */
export function logGroup(plan: Pick<FirewallPlan, 'firstQueue'>): number {
  return plan.firstQueue;
}

/** Packets with SYN or RST that answer an entry of ours. The flags come first: most packets have neither. */
function answerToOurs(): string {
  const { mark, mask } = conntrackMark();
  return `-p tcp -m tcp ! --tcp-flags SYN,RST NONE -m connmark --mark 0x${mark.toString(16)}/0x${mask.toString(16)} -m conntrack --ctdir REPLY`;
}

/** Reads what `iptables-save` prints; lines that are no rules (chains, comments, counters) are passed over. */
export function parseSave(text: string): readonly StandingRule[] {
  const rules: StandingRule[] = [];
  let table = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1).trim();
    const rule = /^(?:\[\d+:\d+\] )?-A (\S+) ?(.*)$/.exec(line);
    if (rule !== null) rules.push({ table, chain: rule[1]!, spec: rule[2]!.trimEnd() });
  }
  return rules;
}

/** Whether a rule is one of ours, of this plan or of an earlier one. */
export function isOurs(rule: StandingRule): boolean {
  return options(rule.spec).some(
    (option) => option === `--comment ${COMMENT}` || option === `--comment ${HOOKS_COMMENT}`,
  );
}

/** The sets of VIPs that our standing rules name. */
export function setsOfOurs(standing: readonly StandingRule[]): readonly string[] {
  const names = standing.filter(isOurs).map((rule) => /--match-set (\S+) dst,dst/.exec(rule.spec)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))];
}

/** What to feed `iptables-restore --noflush`, and which rules that puts right. */
export interface Repair {
  readonly wrong: readonly RuleName[];
  /** Empty when nothing is wrong. */
  readonly script: string;
}

/**
 * Compares what stands with the plan. A rule of ours must stand exactly once; it is inserted first in its
 * chain, but one that others have put rules before since then is left where it is, or two programs that
 * both want to be first would fight for ever. Ours of another plan, or in another place, go.
 */
export function repair(plan: FirewallPlan, standing: readonly StandingRule[]): Repair {
  const planned = plannedRules(plan);
  const ours = standing.filter(isOurs);
  const fitting = new Map<PlannedRule, StandingRule[]>(planned.map((rule) => [rule, []]));
  const condemned = new Set<StandingRule>();
  const wrong = new Set<RuleName>();
  for (const rule of ours) {
    const match = planned.find((candidate) => sameRule(candidate, rule));
    if (match !== undefined) fitting.get(match)!.push(rule);
    else {
      condemned.add(rule);
      wrong.add(nearestName(rule, planned));
    }
  }
  const inserted: PlannedRule[] = [];
  for (const [rule, copies] of fitting) {
    if (copies.length === 1) continue;
    wrong.add(rule.name);
    // Deleting takes the first copy that fits, not the one meant: so all go, and one comes back.
    for (const copy of copies) condemned.add(copy);
    inserted.push(rule);
  }
  return {
    wrong: planned.map((rule) => rule.name).filter((name) => wrong.has(name)),
    script: restoreScript([...condemned], inserted),
  };
}

/** What to feed `iptables-restore --noflush` to take all of our rules away; empty when there are none. */
export function removal(standing: readonly StandingRule[], keepHooks: boolean): string {
  const condemned = standing.filter(
    (rule) => isOurs(rule) && !(keepHooks && options(rule.spec).includes(`--comment ${HOOKS_COMMENT}`)),
  );
  return restoreScript(condemned, []);
}

function restoreScript(deleted: readonly StandingRule[], inserted: readonly StandingRule[]): string {
  const lines: string[] = [];
  const tables = new Set([...deleted, ...inserted].map((rule) => rule.table));
  for (const table of tables) {
    lines.push(`*${table}`);
    for (const rule of deleted) if (rule.table === table) lines.push(`-D ${rule.chain} ${rule.spec}`);
    for (const rule of inserted) if (rule.table === table) lines.push(`-I ${rule.chain} 1 ${rule.spec}`);
    lines.push('COMMIT');
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** Which planned rule an operator would say a wrong one is instead of. */
function nearestName(rule: StandingRule, planned: readonly PlannedRule[]): RuleName {
  const target = targetOf(rule);
  const inPlace = planned.find(
    (other) => other.table === rule.table && other.chain === rule.chain && targetOf(other) === target,
  );
  const inTable = planned.find(({ table }) => table === rule.table);
  return (inPlace ?? inTable ?? planned[0]!).name;
}

function targetOf({ spec }: StandingRule): string | undefined {
  return /(?:^| )-j (\S+)/.exec(spec)?.[1];
}

function sameRule(a: StandingRule, b: StandingRule): boolean {
  if (a.table !== b.table || a.chain !== b.chain) return false;
  return options(a.spec).sort().join('\n') === options(b.spec).sort().join('\n');
}

/**
 * A rule's options with their values, one a string. Versions of iptables print them in different orders, so
 * a comparison has to sort them.
 */
function options(spec: string): string[] {
  const result: string[] = [];
  let negated = false;
  for (const token of tokens(spec)) {
    if (token === '!') negated = true;
    else if (/^--?[a-zA-Z]/.test(token)) {
      result.push(negated ? `! ${token}` : token);
      negated = false;
    } else if (result.length > 0) result.push(`${result.pop()} ${token}`);
  }
  return result;
}

/** Words as iptables quotes them: double quotes, with backslashes before quotes inside. */
function tokens(spec: string): string[] {
  const found = spec.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  return found.map((word) => (word.startsWith('"') ? word.slice(1, -1).replace(/\\(.)/g, '$1') : word));
}
