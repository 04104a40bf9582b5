import { type Endpoint, parseAddress } from '../endpoint.js';
import { asList, asNumber, asRecord, asText, type JsonRecord, quote } from '../json.js';
import type { SourceWarning, Vips } from '../vips.js';
import { Warnings } from '../warnings.js';
import { type AgentAddress, taskVips } from './task-vips.js';

/** Who wrote a master's document, and as whose leader. Absent fields are undefined. */
export interface Election {
  readonly electedTime: number | undefined;
  readonly id: string | undefined;
  readonly leader: string | undefined;
  readonly pid: string | undefined;
}

/** What a Mesos `state` document says of VIPs. */
export interface MesosState {
  readonly writer: 'master' | 'agent';
  readonly election: Election;
  /** Whether both lists a master always writes, agents and frameworks, are there. */
  readonly complete: boolean;
  /** The agents in the document, active or not. */
  readonly registered: ReadonlySet<string>;
  /** For each active agent what its tasks serve: VIP and backend by turns. */
  readonly served: ReadonlyMap<string, readonly Endpoint[]>;
  readonly warnings: readonly SourceWarning[];
}

export type MesosStateResult =
  | { readonly ok: true; readonly state: MesosState }
  | { readonly ok: false; readonly reason: string };

/**
 * Reads the `/state` document of a Mesos master or agent, 0.25 to 1.11, as JSON.parse gives it. Never
 * throws: a task at fault is skipped with a warning that names it, and only what is no Mesos state at all
 * fails.
 */
export function readMesosState(document: unknown): MesosStateResult {
  const fields = asRecord(document);
  if (fields === undefined)
    return { ok: false, reason: `no Mesos state: it is ${quote(document)}, not an object` };
  const { slaves, frameworks } = fields;
  if (!isListOrAbsent(slaves)) return { ok: false, reason: 'no Mesos state: "slaves" is not a list' };
  if (!isListOrAbsent(frameworks)) return { ok: false, reason: 'no Mesos state: "frameworks" is not a list' };
  if (!Array.isArray(slaves) && !Array.isArray(frameworks)) {
    return { ok: false, reason: 'no Mesos state: it has neither "slaves" nor "frameworks"' };
  }
  const isMaster = Array.isArray(slaves) || (asText(fields.pid) ?? '').startsWith('master');
  return { ok: true, state: isMaster ? readMaster(fields) : readAgent(fields) };
}

/** VIPs with their backends, from what agents serve. */
export function collectVips(served: Iterable<readonly Endpoint[]>): Vips {
  const vips = new Map<Endpoint, Set<Endpoint>>();
  for (const pairs of served) {
    for (let index = 0; index + 1 < pairs.length; index += 2) {
      const vip = pairs[index]!;
      const backends = vips.get(vip);
      if (backends === undefined) vips.set(vip, new Set([pairs[index + 1]!]));
      else backends.add(pairs[index + 1]!);
    }
  }
  return vips;
}

function isListOrAbsent(value: unknown): boolean {
  return value === undefined || value === null || Array.isArray(value);
}

/** A master lists agents as `slaves` and its tasks flat under their framework. */
function readMaster(fields: JsonRecord): MesosState {
  const warnings = new Warnings();
  const agents = new Map<string, AgentAddress>();
  const registered = new Set<string>();
  for (const [index, item] of asList(fields.slaves).entries()) {
    const agent = asRecord(item);
    const id = asText(agent?.id);
    if (agent === undefined || id === undefined) {
      warnings.add(`slaves[${index}]`, 'is no agent with an id; it is skipped');
      continue;
    }
    registered.add(id);
    if (agent.active !== false) agents.set(id, agentAddress(agent.pid));
  }
  const serving = new Serving(warnings);
  const place = (task: JsonRecord) => {
    const id = asText(task.slave_id) ?? asText(task.agent_id);
    if (id !== undefined && registered.has(id) && !agents.has(id)) return;
    serving.add(task, id ?? '', () => {
      return agents.get(id ?? '') ?? { ok: false, reason: `its agent ${quote(id)} is not in the document` };
    });
  };
  for (const item of asList(fields.frameworks)) {
    for (const task of asList(asRecord(item)?.tasks)) serving.visit(task, place);
  }
  // Until Mesos 1.2: tasks that run on agents which have registered again before their framework has.
  for (const task of asList(fields.orphan_tasks)) serving.visit(task, place);
  return {
    writer: 'master',
    election: {
      electedTime: asNumber(fields.elected_time),
      id: asText(fields.id),
      leader: asText(fields.leader),
      pid: asText(fields.pid),
    },
    complete: Array.isArray(fields.slaves) && Array.isArray(fields.frameworks),
    registered,
    served: serving.served,
    warnings: warnings.list(),
  };
}

/** An agent lists only its own tasks, under the executor that runs them. */
function readAgent(fields: JsonRecord): MesosState {
  const warnings = new Warnings();
  const id = asText(fields.id) ?? '';
  const address = agentAddress(fields.pid);
  const serving = new Serving(warnings);
  for (const framework of asList(fields.frameworks)) {
    for (const executor of asList(asRecord(framework)?.executors)) {
      for (const task of asList(asRecord(executor)?.tasks)) {
        serving.visit(task, (fields) => serving.add(fields, id, () => address));
      }
    }
  }
  return {
    writer: 'agent',
    election: { electedTime: undefined, id: undefined, leader: undefined, pid: asText(fields.pid) },
    complete: Array.isArray(fields.frameworks),
    registered: new Set([id]),
    served: serving.served,
    warnings: warnings.list(),
  };
}

/** Gathers what tasks serve, by agent. */
class Serving {
  readonly served = new Map<string, Endpoint[]>();
  readonly #warnings: Warnings;

  constructor(warnings: Warnings) {
    this.#warnings = warnings;
  }

  visit(item: unknown, place: (task: JsonRecord) => void): void {
    const task = asRecord(item);
    if (task !== undefined) place(task);
    else this.#warnings.add('a task', `is ${quote(item)}, not an object; it is skipped`);
  }

  add(task: JsonRecord, agentId: string, agent: () => AgentAddress): void {
    const pairs = taskVips(task, agent, (reason) => {
      const id = asText(task.id) ?? asText(task.task_id);
      this.#warnings.add(id === undefined ? `task without id (${quote(task.name)})` : `task ${id}`, reason);
    });
    if (pairs.length === 0) return;
    const known = this.served.get(agentId);
    if (known === undefined) this.served.set(agentId, [...pairs]);
    else known.push(...pairs);
  }
}

/** An agent's address stands in its libprocess id, `slave(1)@10.0.0.5:5051`. */
function agentAddress(pid: unknown): AgentAddress {
  const address = parseAddress(/@([^@]*):\d+$/.exec(asText(pid) ?? '')?.[1] ?? '');
  if (address !== undefined) return { ok: true, address };
  return {
    ok: false,
    reason: `its agent's pid ${quote(pid)} holds no IPv4 address (set --ip or --advertise_ip on the agent)`,
  };
}
