/** How big a made-up Mesos state is. */
export interface StateSize {
  /** The document is at least this long. */
  readonly bytes: number;
  /** One task in so many carries a VIP label. */
  readonly tasksPerVip: number;
}

const MASTER = 'master@10.99.0.9:5050';
const AGENTS = 100;

/**
 * A master's state document with as many running tasks as fill `bytes`, each about 2 kB long as real ones
 * are. `turn` moves the port of the first task, so that a reader cannot take two documents for the same.
 */
export function mesosState(size: StateSize, turn: number): string {
  const slaves = Array.from({ length: AGENTS }, (_, at) => ({
    id: `S${at}`,
    pid: `slave(1)@10.99.1.${at + 1}:5051`,
    hostname: `10.99.1.${at + 1}`,
    active: true,
    registered_time: 1458245798.4404,
  }));
  const tasks: string[] = [];
  for (let length = 0; length < size.bytes; length += tasks.at(-1)!.length + 1) {
    tasks.push(JSON.stringify(task(tasks.length, tasks.length % size.tasksPerVip === 0, turn)));
  }
  const head = {
    version: '1.11.0',
    start_time: 1458245751.53675,
    elected_time: 1458245751.59306,
    id: 'bench',
    pid: MASTER,
    leader: MASTER,
    slaves,
  };
  const framework = { id: 'F0', name: 'marathon', active: true };
  return `${JSON.stringify(head).slice(0, -1)},"frameworks":[${JSON.stringify(framework).slice(0, -1)},"tasks":[${tasks.join(',')}]}]}`;
}

function task(at: number, hasVip: boolean, turn: number): object {
  const port = 20_000 + (at % 10_000) + (at === 0 ? turn % 2 : 0);
  const vip = `10.2.${Math.floor(at / 250) % 250}.${1 + (at % 250)}:5000`;
  const labels = hasVip ? { labels: { labels: [{ key: 'VIP_0', value: vip }] } } : {};
  return {
    id: `app-${at}.bf108244-ec7f-11e5-b98e-82ce0fb60967`,
    name: `app-${at}`,
    framework_id: 'F0',
    executor_id: '',
    slave_id: `S${at % AGENTS}`,
    state: 'TASK_RUNNING',
    resources: { cpus: 0.1, disk: 0, mem: 128, ports: `[${port}-${port}]` },
    labels: Array.from({ length: 12 }, (_, n) => ({
      key: `com.example.deployment.label-${n}`,
      value: `value-${n}-of-app-${at}-`.padEnd(60, 'x'),
    })),
    statuses: [
      {
        state: 'TASK_RUNNING',
        timestamp: 1458246911.72168,
        container_status: {
          network_infos: [{ ip_addresses: [{ ip_address: `10.99.1.${1 + (at % AGENTS)}` }] }],
        },
      },
    ],
    discovery: {
      visibility: 'FRAMEWORK',
      name: `app-${at}`,
      ports: { ports: [{ number: port, name: 'http', protocol: 'tcp', ...labels }] },
    },
  };
}
