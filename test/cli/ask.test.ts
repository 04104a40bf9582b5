import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { Api } from '../../src/api/server.js';
import { askApi } from '../../src/cli/api-client.js';
import { askMembers, askStatus, askVips, UnhealthyNode } from '../../src/cli/ask.js';
import { CommandFailure } from '../../src/cli/failure.js';
import { backend, FakeStatus } from '../api/fake-status.js';

async function daemon(t: ExecutionContext, status: FakeStatus): Promise<string> {
  const options = {
    address: '127.0.0.1',
    port: 0,
    node: { name: 'n1', address: '10.99.0.1' },
    version: '1.2.3',
  };
  const api = new Api(status, options, { event: () => {} });
  t.teardown(() => api.close());
  return api.listen();
}

const recent = { count: 1, p50Ms: 1, p95Ms: 2, p99Ms: 3.144, maxMs: 4 };
const table = () =>
  new FakeStatus()
    .add(
      '10.1.2.3:5000',
      backend('10.99.0.2:8080', { pending: 2, successes: 1000, failures: 1, ewmaMs: 1.5, recent }),
      backend('10.99.0.33:8080', { available: false, failures: 5 }),
      backend('10.99.0.4:8080', { reachable: false }),
    )
    .add('10.1.2.4:5000');

/** Cells of a table; columns are two spaces or more apart. */
const cells = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.trim().split(/ {2,}/));

test('vips: a table with the state of every backend', async (t) => {
  t.deepEqual(cells(await askVips({ api: await daemon(t, table()), json: false })), [
    ['VIP', 'BACKEND', 'STATE', 'PENDING', 'OK', 'FAILED', 'EWMA ms', 'P99 ms'],
    ['10.1.2.3:5000', '10.99.0.2:8080', 'available', '2', '1000', '1', '1.50', '3.14'],
    ['10.1.2.3:5000', '10.99.0.33:8080', 'unavailable', '0', '0', '5', '-', '-'],
    ['10.1.2.3:5000', '10.99.0.4:8080', 'unreachable', '0', '0', '0', '-', '-'],
    ['10.1.2.4:5000', '-', 'no backend: refuses', '-', '-', '-', '-', '-'],
  ]);
});

test('vips: without any it says where to look', async (t) => {
  const text = await askVips({ api: await daemon(t, new FakeStatus()), json: false });
  t.is(text, 'no VIPs; "minuteman status" shows how the sources do\n');
});

test('vips --json: what the API says', async (t) => {
  const api = await daemon(t, table());
  const { vips } = JSON.parse(await askVips({ api: `${api}/`, json: true })) as { vips: object };
  t.deepEqual(Object.keys(vips), ['10.1.2.3:5000', '10.1.2.4:5000']);
});

test('status: sources, queues and the connection table', async (t) => {
  const status = table();
  status.conntrackUse = { count: 10, max: 400 };
  status.sourceList = [
    { name: 'file:/x', ok: true, lastGoodAgeMs: 1234, errors: 0, lastError: undefined, vips: 2 },
    { name: 'mesos', ok: false, lastGoodAgeMs: undefined, errors: 3, lastError: 'timeout', vips: 0 },
    { name: 'mesh', ok: false, lastGoodAgeMs: undefined, errors: 0, lastError: undefined, vips: 0 },
  ];
  const counts = { received: 100, depth: 1, droppedFull: 2, droppedNoBuffer: 3, overruns: 0, unreadable: 0 };
  status.queueList = [{ number: 50, outstanding: 4, ...counts }];
  const lines = cells(await askStatus({ api: await daemon(t, status), json: false }));
  t.regex(lines[0]![0]!, /^node n1, version 1\.2\.3, up \d+ s, well$/);
  t.deepEqual(lines.slice(1), [
    ['connection table: 10 of 400 entries (2.5 %)'],
    [''],
    ['SOURCE', 'STATE', 'VIPS', 'ERRORS', 'AGE', 'LAST ERROR'],
    ['file:/x', 'ok', '2', '0', '1.2 s', '-'],
    ['mesos', 'failing', '0', '3', 'never read', 'timeout'],
    ['mesh', 'waiting', '0', '0', 'never read', '-'],
    [''],
    ['QUEUE', 'RECEIVED', 'DEPTH', 'OUTSTANDING', 'DROPPED'],
    ['50', '100', '1', '4', '5'],
  ]);
});

test('status: a node that is not well is shown, and is a failure', async (t) => {
  const status = table();
  status.health = { ok: false, reasons: ['the rules are not in the kernel yet'] };
  const api = await daemon(t, status);
  const error = await t.throwsAsync(askStatus({ api, json: false }), { instanceOf: UnhealthyNode });
  t.regex(error!.text, /NOT WELL\n {2}the rules are not in the kernel yet\n/);
  t.deepEqual(error!.lines, ['the node is not well: the rules are not in the kernel yet']);
  t.is(error!.exitCode, 1);
});

test('members: this node alone, and why', async (t) => {
  t.deepEqual(cells(await askMembers({ api: await daemon(t, table()), json: false })), [
    ['NODE', 'ADDRESS', 'STATE', 'DISTANCE', 'NEIGHBOUR'],
    ['n1 (this node)', '10.99.0.1', 'reachable', '0', 'no'],
    ['mesh is not configured'],
  ]);
});

const strangers: readonly { title: string; status: number; body: string; line: RegExp }[] = [
  {
    title: 'HTML',
    status: 200,
    body: '<html>',
    line: /\/vips answered something that is no JSON; is --api URL/,
  },
  {
    title: 'an error with a reason',
    status: 404,
    body: '{"error":"x"}',
    line: /answered 404: x; is --api URL/,
  },
  { title: 'an error without', status: 500, body: 'null', line: /answered 500; is --api URL/ },
];

for (const row of strangers) {
  test(`API client: another server that answers ${row.title}`, async (t) => {
    const server = createServer((_, response) => response.writeHead(row.status).end(row.body));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    t.teardown(() => server.close());
    const { port } = server.address() as AddressInfo;
    const error = await t.throwsAsync(askApi(`http://127.0.0.1:${port}`, '/vips'), {
      instanceOf: CommandFailure,
    });
    t.is(error!.lines.length, 1);
    t.regex(error!.lines[0]!, row.line);
  });
}
