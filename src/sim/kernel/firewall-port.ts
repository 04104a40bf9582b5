import { aliveSetName, whyNoSetName } from '../../core/data-plane/set-names.js';
import type { Firewall, FirewallPlan, FirewallResult, RuleName } from '../../ports/firewall.js';
import type { Process } from '../engine/process.js';
import { SMALLEST_ROOM } from './address-set-port.js';
import type { KernelFaults } from './faults.js';
import { type IpSets, type Refusal, refusal } from './ip-sets.js';
import { removal, repair, setsOfOurs } from './planned-rules.js';
import type { QueueWarden } from './queue-warden.js';
import type { Rule, Rules, TableChange } from './rules.js';
import type { Tools, Turns, Work } from './tools.js';

/** How long the daemon may be silent until SYNs are no longer queued for it. */
const ALIVE_MS = 3_000;
/** Somebody may change the rules between our reading and our writing; then we read again. */
const ATTEMPTS = 3;

/** What the firewall needs of the kernel around it. */
export interface FirewallHost {
  readonly nowMs: number;
  rulesChanged(by: string): void;
  setChanged(name: string, by: string): void;
}

type Then<T> = (result: FirewallResult<T>) => void;

/** The `Firewall` of one process: runs of iptables-save, iptables-restore and ipset. */
export class ProcessFirewall implements Firewall {
  private readonly host: FirewallHost;
  private readonly rules: Rules;
  private readonly sets: IpSets;
  private readonly tools: Tools;
  private readonly turns: Turns;
  private readonly warden: QueueWarden;
  private readonly process: Process;
  private readonly faults: KernelFaults;

  constructor(
    host: FirewallHost,
    kernel: {
      readonly rules: Rules;
      readonly sets: IpSets;
      readonly tools: Tools;
      readonly faults: KernelFaults;
    },
    turns: Turns,
    warden: QueueWarden,
    process: Process,
  ) {
    this.host = host;
    this.rules = kernel.rules;
    this.sets = kernel.sets;
    this.tools = kernel.tools;
    this.faults = kernel.faults;
    this.turns = turns;
    this.warden = warden;
    this.process = process;
  }

  fingerprint(): string {
    return `nft ${this.rules.generation}`;
  }

  ensure(plan: FirewallPlan, done: Then<readonly RuleName[]>): void {
    this.turns.answer<readonly RuleName[]>((end) => {
      const reason = whyNoSetName(plan.ipset);
      if (reason !== undefined) {
        const refused = refusal('EINVAL', `the set name "${plan.ipset}" ${reason}`);
        this.process.start(0, () => end({ ok: false, ...refused }));
        return;
      }
      this.ensureSets(plan.ipset, (failure) => {
        if (failure !== undefined) end({ ok: false, ...failure });
        else this.ensureRules(plan, end);
      });
    }, done);
  }

  remove(plan: FirewallPlan, keepHooks: boolean, done: Then<void>): void {
    this.turns.answer<void>((end) => {
      this.change(
        (standing) => removal(standing, keepHooks),
        (changed) => {
          if (!changed.ok) {
            end(changed);
            return;
          }
          const alive = [...new Set([plan.ipset, ...setsOfOurs(changed.value)])]
            .map(aliveSetName)
            .filter((name) => this.sets.size(name) !== undefined);
          const answer = (failure: Refusal | undefined): void =>
            end(failure === undefined ? { ok: true, value: undefined } : { ok: false, ...failure });
          if (alive.length === 0) answer(undefined);
          else
            this.tools.run(
              'ipset',
              this.process,
              alive.map((name) => () => this.sets.destroy(name)),
              answer,
            );
        },
      );
    }, done);
  }

  heartbeat(plan: FirewallPlan): boolean {
    return whyNoSetName(plan.ipset) === undefined && this.beat(plan.ipset) === undefined;
  }

  private ensureRules(plan: FirewallPlan, end: Then<readonly RuleName[]>): void {
    const wrong = new Set<RuleName>();
    this.change(
      (standing) => {
        const todo = repair(plan, standing);
        for (const name of todo.wrong) wrong.add(name);
        return todo.changes;
      },
      (changed) => {
        if (!changed.ok) {
          end(changed);
          return;
        }
        // That may have waited for the lock.
        const failure = this.beat(plan.ipset);
        end(failure === undefined ? { ok: true, value: [...wrong] } : { ok: false, ...failure });
      },
    );
  }

  /** Tells the rules, and the warden of what they queued. */
  private beat(name: string): Refusal | undefined {
    this.warden.beat();
    const code =
      this.faults.take('heartbeat') ?? this.sets.renew(aliveSetName(name), this.host.nowMs + ALIVE_MS);
    return code === undefined ? undefined : refusal(code, `cannot say that the daemon is alive: ${code}`);
  }

  /** A rule cannot name a set that does not stand. */
  private ensureSets(name: string, then: (failure: Refusal | undefined) => void): void {
    const { sets } = this;
    const alive = aliveSetName(name);
    const create = (): Refusal | undefined => {
      const failure = sets.create(name, 'destinations', SMALLEST_ROOM);
      if (failure === undefined) this.host.setChanged(name, 'daemon');
      return failure;
    };
    const work: Work = [
      ...(sets.size(name) === undefined ? [create] : []),
      ...(sets.size(alive) === undefined ? [() => sets.create(alive, 'everything')] : []),
    ];
    const beat = (): void => then(this.beat(name));
    if (work.length === 0) beat();
    else
      this.tools.run('ipset', this.process, work, (failure) => {
        if (failure === undefined) beat();
        else then(failure);
      });
  }

  /** Reads the rules, asks `work` what to change, and changes it table by table; answers the rules as read. */
  private change(
    work: (standing: readonly Rule[]) => readonly TableChange[],
    then: Then<readonly Rule[]>,
    attempt = 1,
  ): void {
    let standing: readonly Rule[] = [];
    const read: Work = [
      () => {
        standing = this.rules.standing();
        return undefined;
      },
    ];
    this.tools.run('iptables', this.process, read, (unread) => {
      if (unread !== undefined) {
        then({ ok: false, ...unread });
        return;
      }
      const changes = work(standing);
      if (changes.length === 0) {
        then({ ok: true, value: standing });
        return;
      }
      const write = changes.map((change) => () => this.restore(change));
      this.tools.run('iptables', this.process, write, (failure) => {
        if (failure === undefined) then({ ok: true, value: standing });
        else if (failure.code !== 'ETOOL' || attempt === ATTEMPTS) then({ ok: false, ...failure });
        else this.change(work, then, attempt + 1);
      });
    });
  }

  private restore(change: TableChange): Refusal | undefined {
    const fault = this.rules.change(change);
    if (fault === 'no such set') return refusal('ENOENT', `iptables-restore: Set doesn't exist`);
    if (fault === 'no such rule') return refusal('ETOOL', 'iptables-restore: line failed: no such rule');
    this.host.rulesChanged('daemon');
    return undefined;
  }
}
