import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { parse } from 'yaml';
import { describeConfig, readConfig } from '../../src/cli/config.js';
import { formatFault } from '../../src/cli/config-fault.js';
import { loadConfig } from '../../src/cli/config-file.js';
import { generateKey } from '../../src/mesh/key-file.js';

const directory = mkdtempSync(join(tmpdir(), 'minuteman-config-'));
const file = (name: string, text: string) => {
  writeFileSync(join(directory, name), text);
  return join(directory, name);
};
file('good.key', `${generateKey()}\n\n${generateKey()}\n`);
file('short.key', `${Buffer.alloc(15).toString('base64')}\n`);
file('mangled.key', `${generateKey()}\nnot a key!\n`);
file('empty.key', '\n\n');
test.after.always(() => rmSync(directory, { recursive: true }));

const context = { hostname: 'host-7', directory };

function faults(document: unknown): readonly string[] {
  const result = readConfig(document, context);
  return result.ok ? [] : result.faults.map(formatFault);
}

const master = { type: 'mesos-master', url: 'http://10.0.0.9:5050' };

const rows: readonly { title: string; document: unknown; lines: readonly (string | RegExp)[] }[] = [
  { title: 'nothing at all is a valid configuration', document: null, lines: [] },
  {
    title: 'a document that is no mapping',
    document: ['a'],
    lines: ['configuration: must be a section of "key: value" lines, not ["a"]'],
  },
  {
    title: 'an unknown key at the top names the known ones',
    document: { apis: {} },
    lines: ['apis: is no known key; known here: node, mesh, api, sources, dataPlane, balancer'],
  },
  {
    title: 'each unknown key of a section has its line',
    document: { api: { adress: 'x', prot: 1 } },
    lines: [
      'api.adress: is no known key; known here: address, port',
      'api.prot: is no known key; known here: address, port',
    ],
  },
  {
    title: 'a section that was left empty',
    document: { api: null },
    lines: ['api: is empty; set it to a section of "key: value" lines or remove the line'],
  },
  {
    title: 'an address with a port where only an address belongs',
    document: { api: { address: '127.0.0.1:80' } },
    lines: ['api.address: must be an IP address such as 127.0.0.1, not "127.0.0.1:80"'],
  },
  {
    title: 'a port out of range',
    document: { api: { port: 65536 } },
    lines: ['api.port: must be a whole number of 1 to 65535, not 65536'],
  },
  {
    title: 'a port that is text',
    document: { api: { port: '61421' } },
    lines: ['api.port: must be a whole number of 1 to 65535, not "61421"'],
  },
  {
    title: 'a node name that no log could show',
    document: { node: { name: 'a b' } },
    lines: ['node.name: must be 1 to 64 letters, digits, ".", "-" or "_", not "a b"'],
  },
  {
    title: 'a node address that is no address',
    document: { node: { address: '10.0.0.256' } },
    lines: [
      'node.address: must be an IPv4 address that other nodes can reach, such as 10.99.0.1, not "10.0.0.256"',
    ],
  },
  {
    title: 'a source without a type',
    document: { sources: [{ path: '/x' }] },
    lines: ['sources[0].type: is missing; set it to one of file, mesos-master, mesos-agent, http'],
  },
  {
    title: 'a source of an unknown type',
    document: { sources: [{ type: 'consul' }] },
    lines: ['sources[0].type: must be one of file, mesos-master, mesos-agent, http, not "consul"'],
  },
  {
    title: 'a source that is no section',
    document: { sources: ['file'] },
    lines: ['sources[0]: must be a section of "key: value" lines, not "file"'],
  },
  {
    title: 'sources that are no list',
    document: { sources: { type: 'http' } },
    lines: ['sources: must be a list, not {"type":"http"}'],
  },
  {
    title: 'a file source without a path',
    document: { sources: [{ type: 'file' }] },
    lines: ['sources[0].path: is missing; set it to text'],
  },
  {
    title: 'a file source with a key of another source',
    document: { sources: [{ type: 'file', path: '/x', url: 'http://a' }] },
    lines: ['sources[0].url: is no known key; known here: type, path, pollInterval, maxBytes, advertise'],
  },
  {
    title: 'a master URL of another scheme',
    document: { sources: [{ type: 'mesos-master', url: 'zk://10.0.0.1:2181/mesos' }] },
    lines: [
      'sources[0].url: must be a URL such as http://10.0.0.9:5050, without user, query or fragment, not "zk://10.0.0.1:2181/mesos"',
    ],
  },
  {
    title: 'a duration without a unit',
    document: { sources: [{ ...master, pollInterval: 5 }] },
    lines: ['sources[0].pollInterval: must be a duration such as 400ms, 5s, 5m or 1h, not 5'],
  },
  {
    title: 'a duration that would flood the master',
    document: { sources: [{ ...master, pollInterval: '1ms' }] },
    lines: ['sources[0].pollInterval: must be 100ms to 24h, not "1ms"'],
  },
  {
    title: 'the same master twice, in two spellings',
    document: {
      sources: [master, { type: 'file', path: '/x' }, { ...master, url: 'HTTP://10.0.0.9:5050/' }],
    },
    lines: ['sources[2]: is the same as sources[0]; remove one of them'],
  },
  {
    title: 'limits of sources that are none, and a source for others where there are none',
    document: {
      sources: [
        { type: 'http', maxLeases: 0, maxTtl: '1ms' },
        { type: 'mesos-agent', url: 'http://10.0.0.5:5051', expiry: 'never' },
        { type: 'file', path: '/x', advertise: true },
      ],
    },
    lines: [
      'sources[0].maxLeases: must be a whole number of 1 to 65536, not 0',
      'sources[0].maxTtl: must be 1s to 24h, not "1ms"',
      'sources[1].expiry: must be a duration such as 400ms, 5s, 5m or 1h, not "never"',
      'sources[2].advertise: tells the other nodes of a mesh, and there is no mesh; add the section "mesh" or remove this line',
    ],
  },
  {
    title: 'queues beyond the last number',
    document: { dataPlane: { firstQueue: 65535, queues: 2 } },
    lines: [
      'dataPlane.queues: 2 queues from 65535 on end at 65536, the last there is is 65535; lower firstQueue or queues',
    ],
  },
  {
    title: 'no queue at all',
    document: { dataPlane: { queues: 0 } },
    lines: ['dataPlane.queues: must be a whole number of 1 to 256, not 0'],
  },
  {
    title: 'a set name that leaves no room for derived names',
    document: { dataPlane: { ipset: 'a'.repeat(26) } },
    lines: [/^dataPlane\.ipset: must be 1 to 25 letters.*"-tmp" and "-alive".*not "a{26}"$/],
  },
  {
    title: 'a switch that is neither true nor false',
    document: { dataPlane: { enabled: 'yes' } },
    lines: ['dataPlane.enabled: must be true or false, not "yes"'],
  },
  {
    title: 'networks that are none',
    document: {
      dataPlane: { masquerade: ['172.17.0.1/16', '172.17.0.0/33', '172.17.0.0', '172.17.0.0/16'] },
    },
    lines: [0, 1, 2].map(
      (index) => new RegExp(`^dataPlane\\.masquerade\\[${index}\\]: must be a network such as`),
    ),
  },
  {
    title: 'a way to choose that there is not',
    document: { balancer: { choice: 'sticky' } },
    lines: ['balancer.choice: must be one of two-choices, random, not "sticky"'],
  },
  {
    title: 'a threshold with a fraction',
    document: { balancer: { failureThreshold: 2.5 } },
    lines: ['balancer.failureThreshold: must be a whole number of 1 to 1000, not 2.5'],
  },
  {
    title: 'a mesh without a key names the command that makes one',
    document: { node: { address: '10.99.0.1' }, mesh: {} },
    lines: [/^mesh\.keyFile: is missing; .*"minuteman keygen > FILE"/],
  },
  {
    title: 'a mesh without an own address',
    document: { mesh: { keyFile: 'good.key' } },
    lines: [
      'node.address: is missing; with a mesh, set it to the IPv4 address at which other nodes reach this one',
    ],
  },
  {
    title: 'a contact without a port',
    document: { node: { address: '10.99.0.1' }, mesh: { keyFile: 'good.key', contacts: ['10.99.0.2'] } },
    lines: ['mesh.contacts[0]: must be an address and port such as 10.99.0.2:61420, not "10.99.0.2"'],
  },
  {
    title: 'mesh and API on one port',
    document: { node: { address: '10.99.0.1' }, mesh: { keyFile: 'good.key', port: 61421 } },
    lines: ['mesh.port: 61421 is also api.port; give one of them another port'],
  },
  {
    title: 'a key file that is not there',
    document: { node: { address: '10.99.0.1' }, mesh: { keyFile: '/nonexistent/mesh.key' } },
    lines: [
      'mesh.keyFile: /nonexistent/mesh.key cannot be read (ENOENT); make one with "minuteman keygen > /nonexistent/mesh.key"',
    ],
  },
  {
    title: 'a key that is too short',
    document: { node: { address: '10.99.0.1' }, mesh: { keyFile: 'short.key' } },
    lines: [/^mesh\.keyFile: .*short\.key line 1 is a key of 15 bytes, at least 16 are needed/],
  },
  {
    title: 'a key that is no base64',
    document: { node: { address: '10.99.0.1' }, mesh: { keyFile: 'mangled.key' } },
    lines: [/^mesh\.keyFile: .*mangled\.key line 2 is not base64/],
  },
  {
    title: 'a key file without keys',
    document: { node: { address: '10.99.0.1' }, mesh: { keyFile: 'empty.key' } },
    lines: [/^mesh\.keyFile: .*empty\.key holds no key; make one with/],
  },
  {
    title: 'a mesh with TLS needs no key file, and says which of the three files is wrong',
    document: {
      node: { address: '10.99.0.1' },
      mesh: { tls: { cert: 'good.key', key: '/nonexistent', ca: 'good.key' } },
    },
    lines: [/^mesh\.tls\.key: \/nonexistent cannot be read \(ENOENT\)/],
  },
  {
    title: 'TLS with a part missing',
    document: { node: { address: '10.99.0.1' }, mesh: { tls: { cert: 'a', key: 'b' } } },
    lines: ['mesh.tls.ca: is missing; set it to text'],
  },
  {
    title: 'limits and places of a mesh that are none',
    document: {
      node: { address: '10.99.0.1' },
      mesh: { keyFile: 'good.key', port: 0, maxFrameBytes: 100, stateFile: '', nodes: [] },
    },
    lines: [
      'mesh.port: must be a whole number of 1 to 65535, not 0',
      'mesh.maxFrameBytes: must be a whole number of 65536 to 1048576, not 100',
      'mesh.stateFile: must be the path of a file, not ""',
      'mesh.nodes: is no known key; known here: port, contacts, keyFile, tls, maxFrameBytes, stateFile, forgetAfter, detector',
    ],
  },
  {
    title: 'everything wrong at once is told at once',
    document: {
      node: { nmae: 'x' },
      mesh: { port: 61421, keyFile: '/nonexistent/k' },
      sources: [{ type: 'http' }, { type: 'file', path: '' }],
      dataPlane: { firstQueue: 65000, queues: 256, ipset: '', keepRulesOnExit: 1 },
      balancer: { backoff: 'soon' },
    },
    lines: [
      'node.nmae: is no known key; known here: name, address',
      'sources[1].path: must be the path of a file, not ""',
      /^dataPlane\.ipset: must be/,
      'dataPlane.keepRulesOnExit: must be true or false, not 1',
      'balancer.backoff: must be a duration such as 400ms, 5s, 5m or 1h, not "soon"',
      /^node\.address: is missing/,
      'mesh.port: 61421 is also api.port; give one of them another port',
      /^mesh\.keyFile: \/nonexistent\/k cannot be read/,
    ],
  },
];

for (const row of rows) {
  test(`config: ${row.title}`, (t) => {
    const lines = faults(row.document);
    t.is(lines.length, row.lines.length, lines.join('\n'));
    for (const [index, expected] of row.lines.entries()) {
      if (typeof expected === 'string') t.is(lines[index], expected);
      else t.regex(lines[index]!, expected);
    }
  });
}

test('config: a host name that is no name of a node must be replaced where there is a mesh', (t) => {
  const document = { node: { address: '10.99.0.1' }, mesh: { keyFile: 'good.key' } };
  const odd = { hostname: '-odd', directory };
  const lines = (named: unknown) => {
    const result = readConfig(named, odd);
    return result.ok ? [] : result.faults.map(formatFault);
  };
  t.deepEqual(lines(document), [
    'node.name: is missing, and this host\'s name "-odd" cannot stand for it; set it',
  ]);
  t.deepEqual(lines({ ...document, node: { ...document.node, name: 'n1' } }), []);
  t.deepEqual(lines({}), []);
});

test('config: what is not said has its default', (t) => {
  t.deepEqual(readConfig({}, context), {
    ok: true,
    config: {
      node: { name: 'host-7', address: undefined },
      mesh: undefined,
      api: { address: '127.0.0.1', port: 61421 },
      sources: [],
      dataPlane: {
        enabled: true,
        firstQueue: 50,
        queues: 1,
        ipset: 'minuteman',
        keepRulesOnExit: false,
        masquerade: [],
      },
      balancer: {
        failureThreshold: 5,
        failureWindowMs: 300_000,
        backoffMs: 30_000,
        connectTimeoutMs: 400,
        choice: 'two-choices',
      },
    },
  });
});

test('config: the effective configuration, read back, is the same', (t) => {
  const document = {
    node: { name: 'n1', address: '10.99.0.1' },
    sources: [
      { type: 'file', path: 'vips.yaml', pollInterval: '1.5s', advertise: true },
      { type: 'mesos-agent', url: 'http://10.0.0.5:5051', expiry: '90s' },
      { type: 'http', maxLeases: 10 },
      { ...master, url: 'http://10.0.0.9:5050/', pollInterval: '90s', timeout: '3s', maxBytes: 4096 },
    ],
    mesh: { keyFile: 'good.key', contacts: ['10.99.0.2:61420'], forgetAfter: '90m' },
    dataPlane: { masquerade: ['172.17.0.0/16', '10.1.2.3/32', '0.0.0.0/0'] },
    balancer: { failureWindow: '90m', connectTimeout: '250ms', choice: 'random' },
  };
  const first = readConfig(document, context);
  if (!first.ok) return t.fail(first.faults.map(formatFault).join('\n'));
  t.deepEqual(first.config.sources, [
    {
      type: 'file',
      path: join(directory, 'vips.yaml'),
      pollIntervalMs: 1500,
      maxBytes: 67_108_864,
      advertise: true,
    },
    {
      type: 'mesos-agent',
      url: 'http://10.0.0.5:5051',
      pollIntervalMs: 5000,
      timeoutMs: 10_000,
      maxBytes: 67_108_864,
      expiryMs: 90_000,
    },
    { type: 'http', maxLeases: 10, maxTtlMs: 86_400_000 },
    {
      type: 'mesos-master',
      url: 'http://10.0.0.9:5050',
      pollIntervalMs: 90_000,
      timeoutMs: 3000,
      maxBytes: 4096,
    },
  ]);
  const text = JSON.stringify(describeConfig(first.config));
  t.true(text.includes('"failureWindow":"90m"'), text);
  t.deepEqual(readConfig(JSON.parse(text), { hostname: 'other', directory: '/elsewhere' }), first);
});

const files: readonly { title: string; path: () => string; line: RegExp }[] = [
  {
    title: 'missing',
    path: () => '/nonexistent.yaml',
    line: /^\/nonexistent\.yaml: cannot be read \(ENOENT\); check/,
  },
  {
    title: 'a directory',
    path: () => directory,
    line: /: is a directory; name the configuration file in it$/,
  },
  {
    title: 'oversized',
    path: () => file('big.yaml', ' '.repeat(1_048_577)),
    line: /has 1048577 bytes, at most/,
  },
  {
    title: 'bad YAML',
    path: () => file('bad.yaml', 'api:\n  port: [1\n'),
    line: /bad\.yaml:3:1: is no valid YAML: \S/,
  },
  {
    title: 'a key given twice',
    path: () => file('twice.yaml', 'api: {}\napi: {}\n'),
    line: /twice\.yaml:2:1: .*unique/,
  },
  {
    title: 'an alias bomb',
    path: () =>
      file(
        'bomb.yaml',
        `a0: &a0 [x]\n${Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`).join('\n')}\n`,
      ),
    line: /bomb\.yaml: is no valid YAML: Excessive alias count/,
  },
];

for (const row of files) {
  test(`config file: ${row.title}`, (t) => {
    const result = loadConfig(row.path());
    if (result.ok) return t.fail('accepted');
    t.is(result.faults.length, 1);
    t.regex(formatFault(result.faults[0]!), row.line);
  });
}

test('config file: JSON is read as well, relative to its own directory', (t) => {
  const result = loadConfig(file('c.json', '{"sources": [{"type": "file", "path": "vips.yaml"}]}'));
  if (!result.ok) return t.fail(result.faults.map(formatFault).join('\n'));
  t.deepEqual(result.config.sources, [
    {
      type: 'file',
      path: join(directory, 'vips.yaml'),
      pollIntervalMs: 5000,
      maxBytes: 67_108_864,
      advertise: false,
    },
  ]);
});

/** examples/minuteman.yaml with what is commented out. No line of prose begins with a word and a colon but what is said of true and false. */
function wholeExample(): Record<string, unknown> {
  const path = fileURLToPath(new URL('../../../../examples/minuteman.yaml', import.meta.url));
  const text = readFileSync(path, 'utf8')
    // Within a section that is commented out there are lines that are so themselves.
    .replace(/^( *# *)# ([a-zA-Z]+:)/gm, '$1$2')
    .replace(/^( *)# ( *(- )?(?!true:|false:)[a-zA-Z]+:( |$))/gm, '$1$2');
  return parse(text) as Record<string, unknown>;
}

const isSection = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The keys that the section at `place` may have, as the configuration tells who uses another. */
function knownKeys(place: (section: object) => unknown, type?: unknown): readonly string[] {
  const lines = faults(place({ ...(type !== undefined && { type }), noSuchKey: 1 }));
  const known = lines.map((line) => /noSuchKey: is no known key; known here: (.*)/.exec(line)?.[1]);
  return known.find((keys) => keys !== undefined)?.split(', ') ?? [];
}

test('the example names every option, and the default of all that have one', (t) => {
  const example = wholeExample();
  const check = (section: Record<string, unknown>, path: string, place: (section: object) => unknown) => {
    t.deepEqual(Object.keys(section).sort(), [...knownKeys(place, section.type)].sort(), path);
    for (const [key, value] of Object.entries(section)) {
      if (isSection(value)) check(value, `${path}.${key}`, (inner) => place({ [key]: inner }));
    }
  };
  check(example, 'example', (document) => document);
  const sources = example.sources as Record<string, unknown>[];
  t.deepEqual(
    sources.map(({ type }) => type),
    ['file', 'mesos-master', 'mesos-agent', 'http'],
  );
  for (const source of sources) check(source, `${source.type}`, (entry) => ({ sources: [entry] }));

  // What must be said has no default.
  const said = { node: { name: 'n1', address: '10.99.0.1' }, mesh: { keyFile: 'good.key' } };
  const must = sources.map(({ type, path, url }) => ({
    type,
    ...(path !== undefined && { path }),
    ...(url !== undefined && { url }),
  }));
  const least = readConfig({ ...said, sources: must }, context);
  if (!least.ok) return t.fail(JSON.stringify(least.faults));
  const {
    mesh,
    sources: entries,
    ...rest
  } = describeConfig(least.config) as {
    readonly mesh: Record<string, unknown>;
    readonly sources: readonly Record<string, unknown>[];
  };
  const { keyFile, contacts, ...meshDefaults } = JSON.parse(JSON.stringify(mesh)) as Record<string, unknown>;
  t.like(example, { ...rest, mesh: meshDefaults });
  for (const [i, { path, url, ...defaults }] of entries.entries()) t.like(sources[i]!, defaults);
});
