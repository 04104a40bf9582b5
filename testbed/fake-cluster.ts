/** A Mesos cluster as little as the balancer needs of one, and the state document its master would write. */
export interface FakeCluster {
  /** Changes at a fail-over; with it the master's id. Seconds since 1970. */
  readonly electedTime?: number;
  /** Where the master says it is, `10.99.0.9:5050`. */
  readonly master?: string;
  /** Who leads, if it is another. */
  readonly leader?: string;
  readonly agents: readonly FakeAgent[];
  readonly tasks: readonly FakeTask[];
}

export interface FakeAgent {
  readonly id: string;
  readonly address: string;
  readonly active?: boolean;
}

export interface FakeTask {
  readonly id: string;
  /** The agent's id. */
  readonly agent: string;
  /** `10.1.2.3:5000`, or several. */
  readonly vip: string | readonly string[];
  /** Of the host; of the container if `containerAddress` is given. */
  readonly port: number;
  /** `port`: a label of the discovery port (default). `task`: `vip_PORT0` on the task, for a single VIP. */
  readonly labels?: 'port' | 'task';
  readonly containerAddress?: string;
  readonly state?: string;
  readonly healthy?: boolean;
}

/** The master's `/state` document. */
export function masterDocument(cluster: FakeCluster): Record<string, unknown> {
  const electedTime = cluster.electedTime ?? 1_600_000_000.25;
  const address = cluster.master ?? '127.0.0.1:5050';
  return {
    version: '1.11.0',
    id: `fake-${electedTime}`,
    pid: `master@${address}`,
    leader: `master@${cluster.leader ?? address}`,
    elected_time: electedTime,
    start_time: electedTime - 1,
    cluster: 'fake',
    activated_slaves: cluster.agents.length,
    slaves: cluster.agents.map(agentRecord),
    frameworks: [
      {
        id: 'fake-framework',
        name: 'marathon',
        active: true,
        tasks: cluster.tasks.map(taskRecord),
        completed_tasks: [],
        unreachable_tasks: [],
        executors: [],
      },
    ],
    completed_frameworks: [],
    orphan_tasks: [],
    unregistered_frameworks: [],
  };
}

function agentRecord(agent: FakeAgent): Record<string, unknown> {
  return {
    id: agent.id,
    pid: `slave(1)@${agent.address}:5051`,
    hostname: agent.address,
    active: agent.active ?? true,
    registered_time: 1_600_000_001.5,
    resources: { cpus: 4, disk: 1024, mem: 4096, ports: '[1025-2180, 2182-32000]' },
    attributes: {},
    version: '1.11.0',
  };
}

function taskRecord(task: FakeTask): Record<string, unknown> {
  const vips = typeof task.vip === 'string' ? [task.vip] : task.vip;
  const address = task.containerAddress;
  return {
    id: task.id,
    name: task.id.replace(/\..*$/, ''),
    framework_id: 'fake-framework',
    slave_id: task.agent,
    state: task.state ?? 'TASK_RUNNING',
    resources: { cpus: 0.1, disk: 0, mem: 32, ports: `[${task.port}-${task.port}]` },
    statuses: [
      {
        state: task.state ?? 'TASK_RUNNING',
        timestamp: 1_600_000_002.5,
        ...(task.healthy === undefined ? {} : { healthy: task.healthy }),
        container_status: {
          network_infos: [{ ip_addresses: [{ protocol: 'IPv4', ip_address: address ?? '172.17.0.2' }] }],
        },
      },
    ],
    ...(task.labels === 'task'
      ? { labels: vips.map((vip) => ({ key: 'vip_PORT0', value: `tcp://${vip}` })) }
      : { discovery: { visibility: 'FRAMEWORK', ports: { ports: [discoveryPort(task, vips)] } } }),
  };
}

function discoveryPort(task: FakeTask, vips: readonly string[]): Record<string, unknown> {
  const labels = vips.map((value, index) => ({ key: `VIP_${index}`, value }));
  if (task.containerAddress !== undefined) labels.push({ key: 'network-scope', value: 'container' });
  return { number: task.port, name: 'main', protocol: 'tcp', labels: { labels } };
}
