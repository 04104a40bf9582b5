import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { Api } from '../../src/api/server.js';
import type { Log } from '../../src/ports/log.js';
import { backend, FakeStatus } from './fake-status.js';

const quiet: Log = { event: () => {} };

async function serve(t: ExecutionContext, status: FakeStatus, log: Log = quiet): Promise<string> {
  const node = { name: 'n1', address: undefined };
  const api = new Api(status, { address: '127.0.0.1', port: 0, node, version: '1.2.3' }, log);
  t.teardown(() => api.close());
  return api.listen();
}

const busy = backend('10.99.0.2:8080', {
  pending: 2,
  successes: 10,
  failures: 3,
  consecutiveFailures: 1,
  ewmaMs: 1.23456,
  recent: { count: 4, p50Ms: 1, p95Ms: 2.5, p99Ms: 3, maxMs: 3.00049 },
});
const busyJson = {
  pending_connections: 2,
  total_successes: 10,
  total_failures: 3,
  consecutive_failures: 1,
  is_healthy: true,
  is_reachable: true,
  ewma_ms: 1.235,
  latency_last_60s: { count: 4, p50_ms: 1, p95_ms: 2.5, p99_ms: 3, max_ms: 3 },
};
const fresh = backend('10.99.0.3:8080', { available: false, reachable: false });
const freshJson = {
  pending_connections: 0,
  total_successes: 0,
  total_failures: 0,
  consecutive_failures: 0,
  is_healthy: false,
  is_reachable: false,
  ewma_ms: null,
  latency_last_60s: { count: 0, p50_ms: 0, p95_ms: 0, p99_ms: 0, max_ms: 0 },
};

const sample = () =>
  new FakeStatus().add('10.1.2.3:5000', busy, fresh).add('10.1.2.4:5000', fresh).add('10.1.2.5:5000');

const paths =
  'there are /vips, /vip/IP:PORT, /backend/IP:PORT, /members, /mesh, /metrics, /healthz and /v1/vips';
const alone = { name: 'n1', address: null, reachable: true, distance: 0, active: false };

const rows: readonly {
  title: string;
  path: string;
  method?: string;
  status: number;
  body: unknown;
}[] = [
  {
    title: 'all VIPs with their backends',
    path: '/vips',
    status: 200,
    body: {
      vips: {
        '10.1.2.3:5000': { '10.99.0.2:8080': busyJson, '10.99.0.3:8080': freshJson },
        '10.1.2.4:5000': { '10.99.0.3:8080': freshJson },
        '10.1.2.5:5000': {},
      },
    },
  },
  { title: 'one VIP', path: '/vip/10.1.2.4:5000', status: 200, body: { '10.99.0.3:8080': freshJson } },
  { title: 'a VIP without backends', path: '/vip/10.1.2.5:5000', status: 200, body: {} },
  {
    title: 'a VIP that is not there',
    path: '/vip/10.1.2.9:5000',
    status: 404,
    body: { error: 'no VIP 10.1.2.9:5000 here; GET /vips lists all' },
  },
  {
    title: 'a VIP that is no endpoint',
    path: '/vip/10.1.2.3',
    status: 400,
    body: { error: '"10.1.2.3" is no IP:PORT such as 10.1.2.3:5000' },
  },
  {
    title: 'a backend that two VIPs share',
    path: '/backend/10.99.0.3:8080',
    status: 200,
    body: { ...freshJson, vips: { '10.1.2.3:5000': freshJson, '10.1.2.4:5000': freshJson } },
  },
  {
    title: 'a backend of no VIP',
    path: '/backend/10.99.0.9:8080',
    status: 404,
    body: { error: 'no VIP has a backend 10.99.0.9:8080; GET /vips lists all' },
  },
  {
    title: 'a backend that is no endpoint',
    path: '/backend/10.99.0.9:0',
    status: 400,
    body: { error: '"10.99.0.9:0" is no IP:PORT such as 10.1.2.3:5000' },
  },
  {
    title: 'members without a mesh: this node alone',
    path: '/members',
    status: 200,
    body: { self: 'n1', members: [alone], note: 'mesh is not configured' },
  },
  {
    title: 'mesh without a mesh: no link',
    path: '/mesh',
    status: 200,
    body: { self: 'n1', adjacency: { n1: [] }, note: 'mesh is not configured' },
  },
  {
    title: 'an unknown path',
    path: '/vipz?x=1',
    status: 404,
    body: { error: `no such path: /vipz?x=1; ${paths}` },
  },
  {
    title: 'a path that is no URL encoding',
    path: '/vip/%zz',
    status: 400,
    body: { error: `'/vip/%zz' is not a valid url component` },
  },
  {
    title: 'a method that would change something',
    path: '/vips',
    method: 'DELETE',
    status: 405,
    body: { error: 'DELETE is not allowed; use GET' },
  },
];

for (const row of rows) {
  test(`api: ${row.title}`, async (t) => {
    const url = await serve(t, sample());
    const response = await fetch(url + row.path, { method: row.method ?? 'GET' });
    t.is(response.status, row.status);
    t.true(response.headers.get('content-type')?.startsWith('application/json'));
    t.deepEqual(await response.json(), row.body);
  });
}

test('api: no VIPs at all', async (t) => {
  const url = await serve(t, new FakeStatus());
  t.is((await (await fetch(`${url}/vips`)).text()).trim(), '{"vips":{}}');
});

test('api: healthz answers 503 with the reasons while the node is not well', async (t) => {
  const status = sample();
  status.health = { ok: false, reasons: ['rules are missing'] };
  status.sourceList = [
    { name: 'file:/x', ok: false, lastGoodAgeMs: 12.7, errors: 2, lastError: 'gone', vips: 3 },
  ];
  const url = await serve(t, status);
  const response = await fetch(`${url}/healthz`);
  t.is(response.status, 503);
  const body = (await response.json()) as Record<string, unknown>;
  t.false(body.ok);
  t.deepEqual(body.reasons, ['rules are missing']);
  t.is(body.node, 'n1');
  t.is(body.version, '1.2.3');
  t.deepEqual(body.sources, [
    { name: 'file:/x', ok: false, vips: 3, errors: 2, age_ms: 13, last_error: 'gone' },
  ]);
  status.health = { ok: true, reasons: [] };
  t.is((await fetch(`${url}/healthz`)).status, 200);
});

test('api: a fault of ours is logged and answered with 500', async (t) => {
  const status = sample();
  status.queues = () => {
    throw new Error('broken');
  };
  const events: string[] = [];
  const url = await serve(t, status, {
    event: (level, event, message) => events.push(`${level} ${event} ${message}`),
  });
  const response = await fetch(`${url}/healthz`);
  t.is(response.status, 500);
  t.deepEqual(await response.json(), { error: 'broken' });
  t.deepEqual(events, ['error api-error broken']);
});

test('api: a body beyond the bound is refused', async (t) => {
  const url = await serve(t, sample());
  const response = await fetch(`${url}/vips`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: 'x'.repeat(200_000),
  }).catch((error: unknown) => error);
  // Node may cut the connection before the client has sent it all; both are a refusal.
  if (response instanceof Response) t.true([405, 413].includes(response.status), String(response.status));
  else t.true(response instanceof TypeError);
  t.is((await fetch(`${url}/healthz`)).status, 200);
});

const places: readonly { title: string; address: string; message: RegExp }[] = [
  {
    title: 'a port in use',
    address: '127.0.0.1',
    message: /^api: 127\.0\.0\.1:\d+ is in use .* set api\.port/,
  },
  {
    title: 'a foreign address',
    address: '192.0.2.1',
    message: /^api: 192\.0\.2\.1 is no address of this host; set/,
  },
];

for (const row of places) {
  test(`api: ${row.title} is told with what to do`, async (t) => {
    const other: Server = createServer();
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
    t.teardown(() => other.close());
    const { port } = other.address() as AddressInfo;
    const node = { name: 'n1', address: undefined };
    const api = new Api(sample(), { address: row.address, port, node, version: '1' }, quiet);
    t.teardown(() => api.close());
    const error = await t.throwsAsync(api.listen());
    t.regex(error!.message, row.message);
  });
}
