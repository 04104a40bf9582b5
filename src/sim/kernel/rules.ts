import type { RuleName } from '../../ports/firewall.js';

export type TableName = 'raw' | 'mangle' | 'filter' | 'nat';
export type ChainName = 'PREROUTING' | 'INPUT' | 'FORWARD' | 'OUTPUT';

export const TABLE_NAMES: readonly TableName[] = ['raw', 'mangle', 'filter', 'nat'];

/** What a rule does with the packets it matches; each kind matches as the rule of that kind in src/native does. */
export type RuleAction =
  /** SYNs towards a member of `set`, while `alive` holds everything, go to a queue. */
  | {
      readonly kind: 'queue';
      readonly set: string;
      readonly alive: string;
      readonly firstQueue: number;
      readonly queues: number;
    }
  /** SYNs towards a member of `set` that were not translated are reset. */
  | { readonly kind: 'refuse'; readonly set: string }
  /** Answers to entries of ours are logged. */
  | { readonly kind: 'log'; readonly group: number }
  /** Nothing, but it makes the kernel track and translate connections. */
  | { readonly kind: 'hooks' }
  /** Somebody else's: everything passes, past the rules behind it. `set` is named, if at all, to no effect. */
  | { readonly kind: 'accept'; readonly set: string | undefined };

export interface Rule {
  readonly table: TableName;
  readonly chain: ChainName;
  readonly action: RuleAction;
  /** As our comment tells; undefined for somebody else's. */
  readonly name: RuleName | undefined;
}

/** One change of one table by `iptables-restore --noflush`: done as a whole or not at all. */
export interface TableChange {
  readonly table: TableName;
  readonly deleted: readonly Rule[];
  /** Each goes first into its chain. */
  readonly inserted: readonly Rule[];
}

export interface QueueRule {
  readonly set: string;
  readonly alive: string;
  readonly firstQueue: number;
  readonly queues: number;
}

const NO_QUEUES: readonly QueueRule[] = [];
const NO_GROUPS: readonly number[] = [];
const NO_SETS: readonly string[] = [];

/** The rules of a host, and what packets meet of them. */
export class Rules {
  /** Raised by each change of any rule. */
  generation = 1;
  /** Rules that intercept, by where the packet comes from. */
  queueOutput: readonly QueueRule[] = NO_QUEUES;
  queueInput: readonly QueueRule[] = NO_QUEUES;
  /** Sets whose members are refused. */
  refuseOutput: readonly string[] = NO_SETS;
  refuseForward: readonly string[] = NO_SETS;
  /** Groups that answers are logged to; twice if two rules do. */
  logOutput: readonly number[] = NO_GROUPS;
  logInput: readonly number[] = NO_GROUPS;
  logForward: readonly number[] = NO_GROUPS;
  /** Whether packets are tracked: some rule asks conntrack. */
  tracking = false;
  /** Whether they are translated: somebody loaded the table for it, which stays, and packets are tracked. */
  translating = false;
  private natLoaded = false;
  private rules: readonly Rule[] = [];
  private readonly setStands: (name: string) => boolean;

  constructor(setStands: (name: string) => boolean) {
    this.setStands = setStands;
  }

  /** All of them, each chain in its order. */
  standing(): readonly Rule[] {
    return this.rules;
  }

  references(set: string): number {
    let count = 0;
    for (const { action } of this.rules) {
      if (action.kind === 'queue' && (action.set === set || action.alive === set)) count += 1;
      else if ((action.kind === 'refuse' || action.kind === 'accept') && action.set === set) count += 1;
    }
    return count;
  }

  /** Answers what is wrong with the change; nothing is changed then. */
  change({ table, deleted, inserted }: TableChange): 'no such rule' | 'no such set' | undefined {
    const left = [...this.rules];
    for (const rule of deleted) {
      const at = left.findIndex((other) => sameRule(other, rule));
      if (at < 0) return 'no such rule';
      left.splice(at, 1);
    }
    for (const { action } of inserted)
      for (const set of setsOf(action)) if (!this.setStands(set)) return 'no such set';
    if (table === 'nat') this.natLoaded = true;
    this.become([...[...inserted].reverse(), ...left]);
    return undefined;
  }

  /** Somebody takes all rules of a table away, or of all tables. */
  flush(table: TableName | undefined): void {
    this.become(this.rules.filter((rule) => table !== undefined && rule.table !== table));
  }

  /** Somebody changes something. */
  become(rules: readonly Rule[]): void {
    this.rules = rules;
    this.generation += 1;
    this.queueOutput = rules.filter((rule) => isIn(rule, 'raw', 'OUTPUT')).flatMap(queueOf);
    this.queueInput = rules.filter((rule) => isIn(rule, 'raw', 'PREROUTING')).flatMap(queueOf);
    this.logOutput = rules.filter((rule) => isIn(rule, 'filter', 'OUTPUT')).flatMap(groupOf);
    this.logInput = rules.filter((rule) => isIn(rule, 'filter', 'INPUT')).flatMap(groupOf);
    this.logForward = rules.filter((rule) => isIn(rule, 'filter', 'FORWARD')).flatMap(groupOf);
    this.refuseOutput = refusedIn(rules.filter((rule) => isIn(rule, 'filter', 'OUTPUT')));
    this.refuseForward = refusedIn(rules.filter((rule) => isIn(rule, 'filter', 'FORWARD')));
    this.tracking = rules.some(({ action }) => ['refuse', 'log', 'hooks'].includes(action.kind));
    this.translating = this.tracking && this.natLoaded;
  }

  /** As a machine has them that was just switched on. */
  clear(): void {
    this.natLoaded = false;
    this.become([]);
    this.generation = 1;
  }
}

export function sameRule(a: Rule, b: Rule): boolean {
  return a.table === b.table && a.chain === b.chain && a.name === b.name && sameAction(a.action, b.action);
}

function sameAction(a: RuleAction, b: RuleAction): boolean {
  if (a.kind === 'queue' && b.kind === 'queue')
    return a.set === b.set && a.alive === b.alive && a.firstQueue === b.firstQueue && a.queues === b.queues;
  if (a.kind === 'refuse' && b.kind === 'refuse') return a.set === b.set;
  if (a.kind === 'accept' && b.kind === 'accept') return a.set === b.set;
  if (a.kind === 'log' && b.kind === 'log') return a.group === b.group;
  return a.kind === b.kind;
}

function setsOf(action: RuleAction): readonly string[] {
  if (action.kind === 'queue') return [action.set, action.alive];
  if (action.kind === 'refuse') return [action.set];
  return action.kind === 'accept' && action.set !== undefined ? [action.set] : [];
}

function isIn(rule: Rule, table: TableName, chain: ChainName): boolean {
  return rule.table === table && rule.chain === chain;
}

function queueOf({ action }: Rule): readonly QueueRule[] {
  return action.kind === 'queue' ? [action] : [];
}

function groupOf({ action }: Rule): readonly number[] {
  return action.kind === 'log' ? [action.group] : [];
}

/** Up to the first rule that lets everything pass. */
function refusedIn(chain: readonly Rule[]): readonly string[] {
  const sets: string[] = [];
  for (const { action } of chain) {
    if (action.kind === 'accept' && action.set === undefined) break;
    if (action.kind === 'refuse') sets.push(action.set);
  }
  return sets;
}
