import test, { type ExecutionContext } from 'ava';
import { Api } from '../../src/api/server.js';
import { HttpLeases } from '../../src/sources/http-leases.js';
import { readOnce } from '../sources/reading.js';
import { ManualTime } from '../support/manual-time.js';
import { textOf } from '../support/vips.js';
import { FakeStatus } from './fake-status.js';

async function serve(t: ExecutionContext, leases?: HttpLeases): Promise<string> {
  const options = {
    address: '127.0.0.1',
    port: 0,
    node: { name: 'n1', address: undefined },
    version: '1.2.3',
  };
  const api = new Api(new FakeStatus(), options, { event: () => {} }, leases);
  t.teardown(() => api.close());
  return api.listen();
}

const time = new ManualTime();
const desk = (maxLeases = 100) => new HttpLeases({ maxLeases, maxTtlMs: 60_000 }, time, time);
const LEASE = '/v1/vips/10.1.2.3:5000/backends/10.99.0.2:8080';

async function ask(url: string, method: string, init: RequestInit = {}) {
  const response = await fetch(url, { method, ...init });
  return { status: response.status, body: (await response.json()) as unknown };
}

test('leases: made, renewed, listed and ended', async (t) => {
  const leases = desk();
  const api = await serve(t, leases);
  const names = { vip: '10.1.2.3:5000', backend: '10.99.0.2:8080' };
  t.deepEqual(await ask(`${api}${LEASE}?ttl=20s`, 'PUT'), {
    status: 201,
    body: { ...names, ttl: '20s', outcome: 'made' },
  });
  t.deepEqual(await ask(api + LEASE, 'PUT'), {
    status: 200,
    body: { ...names, ttl: '30s', outcome: 'renewed' },
  });
  t.deepEqual(await ask(`${api}/v1/vips`, 'GET'), {
    status: 200,
    body: { vips: { '10.1.2.3:5000': { '10.99.0.2:8080': { expires_in_ms: 30_000 } } } },
  });
  const reading = await readOnce(leases);
  t.deepEqual(reading.kind === 'changed' && textOf(reading.delta.upserts), {
    '10.1.2.3:5000': ['10.99.0.2:8080'],
  });
  t.deepEqual(await ask(api + LEASE, 'DELETE'), { status: 200, body: { ...names, outcome: 'removed' } });
  t.deepEqual(await ask(api + LEASE, 'DELETE'), {
    status: 404,
    body: {
      error:
        '10.99.0.2:8080 holds no lease for 10.1.2.3:5000 at this node; GET /v1/vips lists those that run',
    },
  });
});

for (const type of ['application/json', 'application/x-www-form-urlencoded', 'text/plain']) {
  test(`leases: an empty body of type ${type} does no harm`, async (t) => {
    const api = await serve(t, desk());
    const init = { headers: { 'content-type': type }, body: '' };
    t.is((await ask(api + LEASE, 'PUT', init)).status, 201);
  });
}

const refused: readonly { title: string; path: string; method?: string; status: number; error: RegExp }[] = [
  {
    title: 'a VIP that is no endpoint',
    path: '/v1/vips/web:80/backends/10.99.0.2:8080',
    status: 400,
    error: /^"web:80" is no IP:PORT such as 10\.1\.2\.3:5000$/,
  },
  {
    title: 'a VIP on the loopback interface',
    path: '/v1/vips/127.0.0.1:80/backends/10.99.0.2:8080',
    status: 400,
    error: /^127\.0\.0\.1:80 cannot be a VIP: its address is in 127\.0\.0\.0\/8/,
  },
  {
    title: 'a backend that is multicast',
    path: '/v1/vips/10.1.2.3:80/backends/224.0.0.1:80',
    status: 400,
    error: /^224\.0\.0\.1:80 cannot be a backend: its address is multicast$/,
  },
  {
    title: 'a VIP behind itself',
    path: '/v1/vips/10.1.2.3:80/backends/10.1.2.3:80',
    status: 400,
    error: /^10\.1\.2\.3:80 cannot be its own backend/,
  },
  {
    title: 'a time that is no duration',
    path: `${LEASE}?ttl=30`,
    status: 400,
    error: /^ttl must be a duration of 1s to 1m such as 30s, not "30"$/,
  },
  { title: 'a time that is too short', path: `${LEASE}?ttl=10ms`, status: 400, error: /not "10ms"$/ },
  { title: 'a time that is too long', path: `${LEASE}?ttl=2m`, status: 400, error: /not "2m"$/ },
  { title: 'two times', path: `${LEASE}?ttl=2s&ttl=3s`, status: 400, error: /not several values$/ },
  {
    title: 'a parameter that is none',
    path: `${LEASE}?tll=30s`,
    status: 400,
    error: /^"tll" is no parameter; there is ttl, such as ttl=30s$/,
  },
  {
    title: 'a method that means nothing here',
    path: LEASE,
    method: 'POST',
    status: 405,
    error: /^POST is not allowed; use PUT or DELETE \/v1\/vips/,
  },
];

for (const { title, path, method = 'PUT', status, error } of refused) {
  test(`leases: refused is ${title}`, async (t) => {
    const leases = desk();
    const answer = await ask((await serve(t, leases)) + path, method);
    t.is(answer.status, status);
    t.regex((answer.body as { error: string }).error, error);
    t.is([...leases.running()].length, 0);
  });
}

test('leases: there are no more than allowed', async (t) => {
  const api = await serve(t, desk(1));
  t.is((await ask(api + LEASE, 'PUT')).status, 201);
  const answer = await ask(`${api}/v1/vips/10.1.2.3:5000/backends/10.99.0.3:8080`, 'PUT');
  t.is(answer.status, 507);
  t.regex((answer.body as { error: string }).error, /^1 leases run already; raise maxLeases/);
  t.is((await ask(api + LEASE, 'PUT')).status, 200);
});

test('leases: a node without the source says what is missing', async (t) => {
  const api = await serve(t);
  for (const method of ['PUT', 'DELETE']) {
    const answer = await ask(api + LEASE, method);
    t.is(answer.status, 404);
    t.regex((answer.body as { error: string }).error, /takes no registrations; add "- type: http"/);
  }
});
