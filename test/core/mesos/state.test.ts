import test from 'ava';
import fc from 'fast-check';
import { addressOf, formatEndpoint, portOf, whyNoBackend, whyNoVip } from '../../../src/core/endpoint.js';
import { collectVips, readMesosState } from '../../../src/core/mesos/state.js';
import {
  AGENT_ID,
  agent,
  agentDocument,
  type Json,
  labelTask,
  master,
  onNetworks,
  port,
  portTask,
  status,
  task,
} from './documents.js';

/** The yield as text: `vip -> backend backend`, a line each, sorted. */
function yieldOf(document: unknown): { vips: readonly string[]; warnings: readonly string[] } {
  const read = readMesosState(document);
  if (!read.ok) throw new Error(read.reason);
  const vips = [...collectVips(read.state.served.values())].map(
    ([vip, backends]) => `${formatEndpoint(vip)} -> ${[...backends].map(formatEndpoint).sort().join(' ')}`,
  );
  return { vips: vips.sort(), warnings: read.state.warnings.map((w) => `${w.item}: ${w.reason}`) };
}

const VIP = '10.40.0.1:80';
const HOST = `${VIP} -> 10.20.0.11:31100`;

interface Row {
  readonly says: string;
  readonly document: Json;
  readonly vips: readonly string[];
  /** Each must be found in some warning; none given means that there must be no warning. */
  readonly warns?: readonly (string | RegExp)[];
}

const rows: readonly Row[] = [
  {
    says: 'a port label yields the agent and the port',
    document: master([portTask(31100, { VIP_0: VIP })]),
    vips: [HOST],
  },
  {
    says: 'a lower-case port label counts too',
    document: master([portTask(31100, { vip1: VIP })]),
    vips: [HOST],
  },
  {
    says: 'other port labels do not',
    document: master([portTask(31100, { MYVIP: VIP, Vip: VIP })]),
    vips: [],
  },
  {
    says: 'a scheme tcp:// is read',
    document: master([portTask(31100, { VIP_0: `tcp://${VIP}` })]),
    vips: [HOST],
  },
  {
    says: 'labels and ports may be bare lists',
    document: master([
      task({ discovery: { ports: [{ number: 31100, labels: [{ key: 'VIP_0', value: VIP }] }] } }),
    ]),
    vips: [HOST],
  },
  {
    says: 'several VIP labels on one port are several VIPs',
    document: master([portTask(31100, { VIP_0: VIP, VIP_1: '10.40.0.2:81' })]),
    vips: [HOST, '10.40.0.2:81 -> 10.20.0.11:31100'],
  },
  {
    says: 'several ports and tasks share a VIP, duplicates merge',
    document: master([
      task({ discovery: { ports: { ports: [port(31100, { VIP_0: VIP }), port(31101, { VIP_0: VIP })] } } }),
      portTask(31100, { VIP_0: VIP }),
    ]),
    vips: [`${VIP} -> 10.20.0.11:31100 10.20.0.11:31101`],
  },
  {
    says: 'a task label counts through the sorted ports',
    document: master([
      labelTask(
        { vip_PORT2: `tcp://${VIP}`, vip_PORT0: '10.40.0.2:81' },
        { resources: { ports: '[31105-31105, 31100-31101]' } },
      ),
    ]),
    vips: [`${VIP} -> 10.20.0.11:31105`, '10.40.0.2:81 -> 10.20.0.11:31100'],
  },
  {
    says: 'resources may be a list of typed resources',
    document: master([
      labelTask(
        { vip_PORT1: `tcp://${VIP}` },
        {
          resources: [
            {
              name: 'ports',
              ranges: {
                range: [
                  { begin: 31100, end: 31100 },
                  { begin: 9, end: 9 },
                ],
              },
            },
          ],
        },
      ),
    ]),
    vips: [HOST],
  },
  {
    says: 'a task label beyond the ports is skipped',
    document: master([labelTask({ vip_PORT3: `tcp://${VIP}` })]),
    vips: [],
    warns: [/task shop\.1: .*no port with index 3/],
  },
  {
    says: 'a task label with a garbled index is skipped',
    document: master([labelTask({ vip_PORT0A: `tcp://${VIP}` })]),
    vips: [],
    warns: [/task shop\.1: .*"0A"/],
  },
  {
    says: 'unreadable ports are named',
    document: master([labelTask({ vip_PORT0: VIP }, { resources: { ports: '31000' } })]),
    vips: [],
    warns: [/task shop\.1: .*"31000"/],
  },
  {
    says: 'a bridged container is reached at its agent',
    document: master([
      portTask(
        31100,
        { VIP_0: VIP },
        {
          container: { type: 'DOCKER', docker: { network: 'BRIDGE' } },
          statuses: [status(onNetworks('172.17.0.2'))],
        },
      ),
      labelTask({ vip_PORT1: VIP }, { statuses: [status(onNetworks('172.17.0.3'))] }),
    ]),
    vips: [`${VIP} -> 10.20.0.11:31100 10.20.0.11:31101`],
  },
  {
    says: 'network-scope host says so explicitly',
    document: master([
      portTask(31100, { VIP_0: VIP, 'network-scope': 'host' }, { statuses: [status(onNetworks('9.0.3.4'))] }),
    ]),
    vips: [HOST],
  },
  {
    says: 'network-scope container takes the first IPv4 address',
    document: master([
      portTask(
        8080,
        { VIP_0: VIP, 'network-scope': 'container' },
        { statuses: [status(onNetworks(undefined, 'fd01::5', '9.0.3.4', '9.0.3.5'))] },
      ),
    ]),
    vips: [`${VIP} -> 9.0.3.4:8080`],
  },
  {
    says: 'of several networks the labelled one is taken',
    document: master([
      portTask(
        8080,
        { VIP_0: VIP, 'network-scope': 'container', 'network-name': 'blue' },
        {
          statuses: [
            status({
              container_status: {
                network_infos: [
                  { name: 'red', ip_addresses: [{ ip_address: '9.0.3.4' }] },
                  { name: 'blue', ip_addresses: [{ ip_address: '9.1.3.4' }] },
                ],
              },
            }),
          ],
        },
      ),
    ]),
    vips: [`${VIP} -> 9.1.3.4:8080`],
  },
  {
    says: 'the newest status tells the container address, whatever its place',
    document: master([
      portTask(
        8080,
        { VIP_0: VIP, 'network-scope': 'container' },
        {
          statuses: [
            status({ timestamp: 20, ...onNetworks('9.0.3.9') }),
            status({ timestamp: 10, ...onNetworks('9.0.3.4') }),
          ],
        },
      ),
    ]),
    vips: [`${VIP} -> 9.0.3.9:8080`],
  },
  {
    says: 'the old ip_address field is read',
    document: master([
      portTask(
        8080,
        { VIP_0: VIP, 'network-scope': 'container' },
        { statuses: [status({ container_status: { network_infos: [{ ip_address: '9.0.3.4' }] } })] },
      ),
    ]),
    vips: [`${VIP} -> 9.0.3.4:8080`],
  },
  {
    says: 'a container without an IPv4 address is skipped',
    document: master([
      portTask(
        8080,
        { VIP_0: VIP, 'network-scope': 'container' },
        { statuses: [status(onNetworks('fd01::5', '0.0.0.0'))] },
      ),
    ]),
    vips: [],
    warns: [/task shop\.1: .*IPv4/],
  },
  {
    says: 'an unknown network-scope is skipped',
    document: master([portTask(8080, { VIP_0: VIP, 'network-scope': 'moon' })]),
    vips: [],
    warns: [/"moon"/],
  },
  ...(['TASK_STAGING', 'TASK_KILLING', 'TASK_FAILED', 'TASK_UNREACHABLE', null, 7] as const).map((state) => ({
    says: `a task in state ${state} serves nothing`,
    document: master([portTask(31100, { VIP_0: VIP }, { state })]),
    vips: [],
  })),
  {
    says: 'an unhealthy task serves nothing',
    document: master([portTask(31100, { VIP_0: VIP }, { statuses: [status({ healthy: false })] })]),
    vips: [],
  },
  {
    says: 'the newest status decides on health, by time',
    document: master([
      portTask(
        31100,
        { VIP_0: VIP },
        { statuses: [status({ timestamp: 9, healthy: true }), status({ timestamp: 5, healthy: false })] },
      ),
      portTask(
        31101,
        { VIP_0: VIP },
        { statuses: [status({ timestamp: 9, healthy: false }), status({ timestamp: 5, healthy: true })] },
      ),
    ]),
    vips: [HOST],
  },
  {
    says: 'without time stamps the last status is the newest',
    document: master([
      portTask(
        31100,
        { VIP_0: VIP },
        {
          statuses: [
            { state: 'TASK_RUNNING', healthy: true },
            { state: 'TASK_RUNNING', healthy: false },
          ],
        },
      ),
    ]),
    vips: [],
  },
  {
    says: 'a task without statuses is believed',
    document: master([portTask(31100, { VIP_0: VIP }, { statuses: null })]),
    vips: [HOST],
  },
  {
    says: 'an inactive agent serves nothing',
    document: master([portTask(31100, { VIP_0: VIP })], { slaves: [agent({ active: false })] }),
    vips: [],
  },
  {
    says: 'a task of an unknown agent is named',
    document: master([portTask(31100, { VIP_0: VIP }, { slave_id: 'e7a1-S9' })]),
    vips: [],
    warns: [/task shop\.1: .*"e7a1-S9"/],
  },
  {
    says: 'an agent whose pid holds a host name is named',
    document: master([portTask(31100, { VIP_0: VIP })], { slaves: [agent({ pid: 'slave(1)@rack1:5051' })] }),
    vips: [],
    warns: [/task shop\.1: .*"slave\(1\)@rack1:5051"/],
  },
  {
    says: 'an IPv6 agent is named',
    document: master([portTask(31100, { VIP_0: VIP })], {
      slaves: [agent({ pid: 'slave(1)@[fd00::1]:5051' })],
    }),
    vips: [],
    warns: [/no IPv4 address/],
  },
  {
    says: 'an agent at fault costs no warning where its tasks name no VIP',
    document: master([task()], { slaves: [agent({ pid: null })] }),
    vips: [],
  },
  {
    says: 'a protocol list with tcp is tcp, none is tcp',
    document: master([
      task({
        discovery: {
          ports: {
            ports: [
              port(31100, { VIP_0: VIP }, { protocol: 'udp,tcp' }),
              port(31101, { VIP_0: VIP }, { protocol: null }),
            ],
          },
        },
      }),
    ]),
    vips: [`${VIP} -> 10.20.0.11:31100 10.20.0.11:31101`],
  },
  {
    says: 'a udp port is skipped',
    document: master([
      task({ discovery: { ports: { ports: [port(31100, { VIP_0: VIP }, { protocol: 'udp' })] } } }),
    ]),
    vips: [],
    warns: [/task shop\.1: .*"udp"; only tcp/],
  },
  ...(
    [
      ['udp://10.40.0.1:53', /for udp; only tcp/],
      ['/shop:80', /named VIP/],
      ['shop:80', /named VIP/],
      ['10.40.0.1', /no IPv4 ADDRESS:PORT/],
      ['10.40.0.1:0', /no IPv4 ADDRESS:PORT/],
      ['10.40.0.1:65536', /no IPv4 ADDRESS:PORT/],
      ['10.40.0.256:80', /no IPv4 ADDRESS:PORT/],
      ['[fd00::1]:80', /not IPv4/],
      ['', /no IPv4 ADDRESS:PORT/],
      [null, /no text/],
      [{}, /no text/],
      ['0.0.0.0:80', /0\.0\.0\.0\/8/],
      ['127.0.0.1:80', /127\.0\.0\.0\/8/],
      ['224.0.0.1:80', /multicast/],
      ['255.255.255.255:80', /broadcast/],
    ] as const
  ).map(([value, warns]) => ({
    says: `the label value ${JSON.stringify(value)} is refused, the task's others are kept`,
    document: master([portTask(31100, { VIP_0: value, VIP_1: VIP })]),
    vips: [HOST],
    warns: [/task shop\.1: label "VIP_0"/, warns],
  })),
  ...[0, 65536, 80.5, '31100', null].map((number) => ({
    says: `a discovery port ${JSON.stringify(number)} is refused`,
    document: master([portTask(number, { VIP_0: VIP })]),
    vips: [],
    warns: [/task shop\.1: .*not a number of 1 to 65535/],
  })),
  {
    says: 'one bad task does not hurt the others',
    document: master([
      null,
      'x',
      {},
      task({ id: null, discovery: 7, labels: 'x', statuses: [null, 3], resources: null }),
      labelTask({ vip_PORT0: 'bad' }, { id: 'bad\n.1' }),
      portTask(31100, { VIP_0: VIP }),
    ]),
    vips: [HOST],
    warns: [/a task: is null/, /a task: is "x"/, /task bad\?\.1: /],
  },
  {
    says: 'completed and unreachable tasks and completed frameworks are ignored',
    document: master([], {
      frameworks: [
        {
          tasks: null,
          completed_tasks: [portTask(31100, { VIP_0: VIP })],
          unreachable_tasks: [portTask(31100, { VIP_0: VIP })],
        },
      ],
      completed_frameworks: [{ tasks: [portTask(31100, { VIP_0: VIP })] }],
    }),
    vips: [],
  },
  {
    says: 'an orphan task runs on an active agent, so it serves',
    document: master([], { orphan_tasks: [portTask(31100, { VIP_0: VIP })] }),
    vips: [HOST],
  },
  { says: 'an empty cluster yields nothing', document: { slaves: [], frameworks: [] }, vips: [] },
  {
    says: "an agent's document yields its executors' tasks",
    document: agentDocument([portTask(31100, { VIP_0: VIP }), labelTask({ vip_PORT1: `tcp://${VIP}` })]),
    vips: [`${VIP} -> 10.20.0.11:31100 10.20.0.11:31101`],
  },
  {
    says: "an agent's completed and queued tasks are ignored",
    document: agentDocument([], {
      frameworks: [
        {
          executors: [
            {
              queued_tasks: [portTask(31100, { VIP_0: VIP })],
              completed_tasks: [portTask(31100, { VIP_0: VIP })],
            },
          ],
          completed_executors: [{ tasks: [portTask(31100, { VIP_0: VIP })] }],
        },
      ],
    }),
    vips: [],
  },
];

for (const { says, document, vips, warns } of rows) {
  test(says, (t) => {
    const got = yieldOf(document);
    t.deepEqual(got.vips, [...vips].sort());
    for (const warning of warns ?? []) t.regex(got.warnings.join('\n'), new RegExp(warning));
    if (warns === undefined) t.deepEqual(got.warnings, []);
  });
}

for (const [document, reason] of [
  [null, /no Mesos state: it is null/],
  [[], /a list/],
  ['text', /"text"/],
  [{}, /neither "slaves" nor "frameworks"/],
  [{ slaves: {}, frameworks: [] }, /"slaves" is not a list/],
  [{ slaves: [], frameworks: 'x' }, /"frameworks" is not a list/],
] as const) {
  test(`${JSON.stringify(document)} is no Mesos state`, (t) => {
    const read = readMesosState(document);
    t.false(read.ok);
    if (!read.ok) t.regex(read.reason, reason);
  });
}

test('warnings are said once and are bounded', (t) => {
  const tasks = Array.from({ length: 500 }, (_, n) => portTask(31100, { VIP_0: 'x' }, { id: `t${n % 250}` }));
  const { warnings } = yieldOf(master(tasks));
  t.is(warnings.length, 101);
  t.regex(warnings.at(-1) ?? '', /further warnings/);
  t.is(new Set(warnings).size, 101);
});

test('whatever the document, nothing is thrown and every VIP and backend is valid', (t) => {
  // Near misses: the words of a Mesos document, wired at random.
  const key = fc.constantFrom(
    ...[
      'slaves',
      'frameworks',
      'tasks',
      'executors',
      'orphan_tasks',
      'statuses',
      'discovery',
      'ports',
      'labels',
    ],
    ...[
      'key',
      'value',
      'number',
      'protocol',
      'pid',
      'id',
      'slave_id',
      'state',
      'active',
      'resources',
      'range',
    ],
    ...['ranges', 'begin', 'end', 'name', 'timestamp', 'container_status', 'network_infos', 'ip_addresses'],
  );
  const leaf = fc.oneof(
    fc.constantFrom<unknown>(
      ...[
        'VIP_0',
        'vip_PORT0',
        '10.40.0.1:80',
        'tcp://10.40.0.1:80',
        '127.0.0.1:1',
        'TASK_RUNNING',
        'tcp',
        AGENT_ID,
      ],
      ...[
        'slave(1)@10.0.0.1:5051',
        'slave(1)@0.0.0.0:5051',
        '[1-2]',
        '[0-99999999999]',
        'ports',
        'container',
      ],
      ...[31100, 0, -1, 1e300, 70000, true, null],
    ),
    fc.string(),
    fc.double(),
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'medium', withCrossShrink: true },
      leaf,
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(key, tie('tree'), { maxKeys: 5 }),
    ),
  }));
  const shaped = fc
    .record({
      ports: tree,
      labels: tree,
      statuses: tree,
      resources: tree,
      pid: leaf,
      number: leaf,
      value: leaf,
    })
    .map(({ ports, labels, statuses, resources, pid, number, value }) =>
      master(
        [
          task({ discovery: { ports }, labels, statuses, resources }),
          portTask(number, { VIP_0: value, 'network-scope': 'container' }, { statuses }),
          labelTask({ vip_PORT0: value }, { resources: { ports: resources } }),
        ],
        { slaves: [agent({ pid })] },
      ),
    );
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), tree, shaped), (document) => {
      const read = readMesosState(document);
      if (!read.ok) return read.reason.length > 0;
      for (const [vip, backends] of collectVips(read.state.served.values())) {
        if (whyNoVip(addressOf(vip)) !== undefined || portOf(vip) < 1 || backends.size === 0) return false;
        for (const backend of backends) {
          if (whyNoBackend(addressOf(backend)) !== undefined || portOf(backend) < 1) return false;
        }
      }
      return true;
    }),
    { numRuns: 2000 },
  );
  t.pass();
});
