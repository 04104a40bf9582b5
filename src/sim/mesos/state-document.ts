import { formatAddress, formatEndpoint, portOf } from '../../core/endpoint.js';
import type { Host } from '../engine/host.js';
import { type Task, vipsOf } from './task.js';

/** Which master leads, and since when. */
export interface Leadership {
  /** Seconds since 1970, with fractions, as masters write it; undefined for one that was never elected. */
  readonly electedTime: number | undefined;
  readonly id: string;
  readonly pid: string;
  readonly leader: string;
}

export interface RegisteredAgent {
  readonly host: Host;
  readonly active: boolean;
}

/**
 * The `/master/state` document that a Mesos 1.11 master would write for these agents and tasks, as far as
 * anybody reads it. Both ways to label a VIP are in use, also in real clusters: of three tasks two name it on a
 * discovery port and one on itself, where there is room for one VIP.
 */
export function stateDocument(
  leadership: Leadership,
  agents: readonly RegisteredAgent[],
  tasks: readonly Task[],
): Record<string, unknown> {
  const { electedTime, id, pid, leader } = leadership;
  const active = agents.filter((agent) => agent.active).length;
  return {
    version: '1.11.0',
    build_date: '2020-11-24 11:12:13',
    start_time: 1_600_000_000.5,
    ...(electedTime === undefined ? {} : { elected_time: electedTime }),
    id,
    pid,
    leader,
    hostname: pid.slice(pid.indexOf('@') + 1, pid.indexOf(':')),
    cluster: 'simulated',
    activated_slaves: active,
    deactivated_slaves: agents.length - active,
    slaves: agents.map(({ host, active: isActive }) => ({
      id: agentId(host),
      hostname: host.name,
      pid: `slave(1)@${formatAddress(host.address)}:5051`,
      active: isActive,
      attributes: { rack: `r${host.index % 8}` },
      registered_time: 1_600_000_001.5,
      resources: { cpus: 16, disk: 100_000, mem: 65_536, ports: '[31000-32000]' },
      version: '1.11.0',
    })),
    recovered_slaves: [],
    frameworks: [
      {
        id: 'simulated-marathon',
        name: 'marathon',
        active: true,
        tasks: tasks.map(taskRecord),
        unreachable_tasks: [],
        completed_tasks: [],
      },
    ],
    completed_frameworks: [],
    orphan_tasks: [],
    unregistered_frameworks: [],
  };
}

function agentId(host: { readonly name: string }): string {
  return `agent-${host.name}`;
}

function taskRecord(task: Task): Record<string, unknown> {
  const port = portOf(task.backend);
  const vips = vipsOf(task).map(formatEndpoint);
  const state = task.state === 'running' ? 'TASK_RUNNING' : 'TASK_KILLING';
  const running = { state: 'TASK_RUNNING', timestamp: 1_600_000_100.25 };
  const networks = {
    container_status: { network_infos: [{ ip_addresses: [{ ip_address: '172.17.0.2' }] }] },
  };
  const last = task.healthy ? running : { ...running, timestamp: 1_600_000_200.5, healthy: false };
  return {
    id: task.id,
    name: `app-${task.number}`,
    framework_id: 'simulated-marathon',
    executor_id: '',
    slave_id: agentId({ name: task.host }),
    state,
    resources: { cpus: 0.1, disk: 0, gpus: 0, mem: 32, ports: `[${port}-${port}]` },
    statuses: task.healthy ? [{ ...running, ...networks }] : [{ ...last, ...networks }, running],
    ...(task.number % 3 === 2 && vips.length === 1
      ? { labels: [{ key: 'vip_PORT0', value: `tcp://${vips[0]}` }] }
      : {
          discovery: {
            visibility: 'FRAMEWORK',
            name: `app-${task.number}`,
            ports: {
              ports: [
                {
                  number: port,
                  name: 'main',
                  protocol: 'tcp',
                  labels: { labels: vips.map((value, at) => ({ key: `VIP_${at}`, value })) },
                },
              ],
            },
          },
        }),
  };
}
