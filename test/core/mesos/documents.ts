/** Builders of Mesos documents as masters and agents write them; each test overrides what it is about. */

export type Json = Record<string, unknown>;

export const AGENT_ID = 'e7a1-S0';

export function agent(over: Json = {}): Json {
  return { id: AGENT_ID, pid: 'slave(1)@10.20.0.11:5051', hostname: 'rack1.example', active: true, ...over };
}

/** A port of a DiscoveryInfo with VIP labels and others. */
export function port(number: unknown, labels: Readonly<Record<string, unknown>>, over: Json = {}): Json {
  return {
    number,
    name: 'web',
    protocol: 'tcp',
    labels: { labels: Object.entries(labels).map(([key, value]) => ({ key, value })) },
    ...over,
  };
}

export function status(over: Json = {}): Json {
  return { state: 'TASK_RUNNING', timestamp: 1500000000.5, ...over };
}

export function onNetworks(...addresses: readonly (string | undefined)[]): Json {
  return {
    container_status: {
      network_infos: addresses.map((ip_address) => ({ ip_addresses: [{ ip_address }] })),
    },
  };
}

export function task(over: Json = {}): Json {
  return {
    id: 'shop.1',
    name: 'shop',
    slave_id: AGENT_ID,
    state: 'TASK_RUNNING',
    statuses: [status()],
    resources: { cpus: 0.5, mem: 64, ports: '[31100-31101, 31105-31105]' },
    ...over,
  };
}

export function portTask(number: unknown, labels: Readonly<Record<string, unknown>>, over: Json = {}): Json {
  return task({ discovery: { ports: { ports: [port(number, labels)] } }, ...over });
}

export function labelTask(labels: Readonly<Record<string, unknown>>, over: Json = {}): Json {
  return task({ labels: Object.entries(labels).map(([key, value]) => ({ key, value })), ...over });
}

export function master(tasks: readonly unknown[], over: Json = {}): Json {
  return {
    version: '1.4.2',
    id: 'e7a1',
    pid: 'master@10.20.0.2:5050',
    leader: 'master@10.20.0.2:5050',
    elected_time: 1500000000.25,
    slaves: [agent()],
    frameworks: [{ id: 'f', name: 'marathon', active: true, tasks, completed_tasks: [] }],
    completed_frameworks: [],
    orphan_tasks: [],
    ...over,
  };
}

/** An agent's own `/state`. */
export function agentDocument(tasks: readonly unknown[], over: Json = {}): Json {
  return {
    version: '1.4.2',
    id: AGENT_ID,
    pid: 'slave(1)@10.20.0.11:5051',
    hostname: 'rack1.example',
    master_hostname: 'm1.example',
    frameworks: [
      {
        id: 'f',
        name: 'marathon',
        executors: [{ id: 'x', tasks, queued_tasks: [], completed_tasks: [] }],
        completed_executors: [],
      },
    ],
    completed_frameworks: [],
    ...over,
  };
}
