import test from 'ava';
import fc from 'fast-check';
import seedrandom from 'seedrandom';
import type { Backend } from '../../../src/core/balancer/backend.js';
import { Balancer } from '../../../src/core/balancer/balancer.js';
import type { Address, Endpoint } from '../../../src/core/endpoint.js';
import { parseAddress } from '../../../src/core/endpoint.js';
import { Telemetry } from '../../../src/core/telemetry.js';
import { chiSquare, oneInAMillion } from '../../support/chi-square.js';
import { at, set } from '../../support/endpoints.js';

const LIMITS = { failureThreshold: 5, failureWindowMs: 300_000, backoffMs: 30_000, connectTimeoutMs: 400 };
const VIP = at('10.1.2.3:5000');
const A = at('10.2.0.1:80');
const B = at('10.2.0.2:80');
const NOBODY: ReadonlySet<Address> = new Set();
/** The nodes that no path leads to, for each balancer. */
const avoided = new WeakMap<Balancer, ReadonlySet<Address>>();

function avoid(one: Balancer, ...addresses: string[]): void {
  avoided.set(one, new Set(addresses.map((address) => parseAddress(address)!)));
}

const client = (n: number): Endpoint => at(`10.9.0.1:${n}`);

function balancer(
  backends: ReadonlySet<Endpoint>,
  departed = new Map<string, Backend>(),
): { balancer: Balancer; telemetry: Telemetry; random: () => number } {
  const telemetry = new Telemetry();
  const made: Balancer = new Balancer(VIP, LIMITS, telemetry, departed, () => avoided.get(made) ?? NOBODY);
  made.setBackends(backends);
  return { balancer: made, telemetry, random: seedrandom('balancer') };
}

/** Counted without making the backends of a balancer that nobody asked, and the same as they say one by one. */
const pendingOf = (one: Balancer): number => {
  const counted = one.pending();
  const told = [...one.statuses(0)].reduce((sum, { pending }) => sum + pending, 0);
  return counted === told ? counted : Number.NaN;
};

test('without backends nothing is chosen and nothing is in flight', (t) => {
  const { balancer: one, random } = balancer(new Set());
  t.is(one.place(client(1), 0, random), undefined);
  t.deepEqual([one.handshakesInFlight, one.backendCount, one.nextExpiryMs()], [0, 0, undefined]);
});

test('backends are counted and listed before anybody asks for one, and the last that were named are served', (t) => {
  const { balancer: one, random } = balancer(new Set([A, B]));
  t.deepEqual([one.backendCount, ...one.endpoints()], [2, A, B]);
  avoid(one, '10.2.0.2');
  t.deepEqual(
    [...one.statuses(0)].map(({ backend, reachable }) => [backend, reachable]),
    [
      [A, true],
      [B, false],
    ],
  );
  const { balancer: other } = balancer(new Set([A]));
  other.setBackends(new Set([B]));
  t.deepEqual([other.backendCount, ...other.endpoints()], [1, B]);
  t.is(other.place(client(1), 0, random), B);
  other.setBackends(new Set());
  t.deepEqual([other.backendCount, other.place(client(2), 0, random)], [0, undefined]);
});

test('a backend that left while nobody asked is still known as it was when it comes back', (t) => {
  const departed = new Map<string, Backend>();
  const { balancer: one, random } = balancer(new Set([A]), departed);
  one.place(client(1), 0, random);
  one.refused(client(1), A, 1);
  one.setBackends(new Set());
  one.setBackends(new Set([A]));
  t.is([...one.statuses(2)][0]?.failures, 1);
});

test('asked again for a client in flight it answers the same and counts once', (t) => {
  const { balancer: one, random } = balancer(set('10.2.0.1:80', '10.2.0.2:80', '10.2.0.3:80'));
  const chosen = one.place(client(1), 0, random);
  for (let again = 0; again < 20; again += 1) t.is(one.place(client(1), again, random), chosen);
  t.deepEqual([one.handshakesInFlight, pendingOf(one)], [1, 1]);
});

test('asked again for a client in flight the handshake begins anew', (t) => {
  const { balancer: one, telemetry, random } = balancer(set('10.2.0.1:80'));
  one.place(client(1), 0, random);
  one.place(client(2), 100, random);
  one.place(client(1), 300, random);
  one.expire(400);
  t.deepEqual([telemetry.handshakes.timedOut, one.nextExpiryMs()], [0, 500]);
  one.expire(700);
  t.deepEqual([telemetry.handshakes.timedOut, pendingOf(one)], [2, 0]);
});

test('asked again for a client in flight to a backend that left it chooses another', (t) => {
  const { balancer: one, random } = balancer(new Set([A]));
  one.place(client(1), 0, random);
  one.setBackends(new Set([B]));
  t.is(one.place(client(1), 10, random), B);
  t.deepEqual([one.handshakesInFlight, pendingOf(one)], [1, 1]);
});

type Ending = { readonly what: string; readonly end: (one: Balancer, chosen: Endpoint) => void };
const endings: readonly (Ending & { successes: number; failures: number })[] = [
  {
    what: 'an answer',
    end: (one, chosen) => one.answered(client(1), chosen, 7, true),
    successes: 1,
    failures: 0,
  },
  {
    what: 'an answer at an unknown time',
    end: (one, chosen) => one.answered(client(1), chosen, 7, false),
    successes: 1,
    failures: 0,
  },
  { what: 'a refusal', end: (one, chosen) => one.refused(client(1), chosen, 7), successes: 0, failures: 1 },
  { what: 'a release', end: (one) => one.release(client(1)), successes: 0, failures: 0 },
  { what: 'the connect timeout', end: (one) => one.expire(400), successes: 0, failures: 1 },
];
for (const { what, end, successes, failures } of endings) {
  test(`${what} ends a handshake, once, and counts ${successes} successes and ${failures} failures`, (t) => {
    const { balancer: one, random } = balancer(new Set([A]));
    one.place(client(1), 0, random);
    for (let times = 0; times < 2; times += 1) {
      end(one, A);
      const [status] = one.statuses(7);
      t.deepEqual([status?.pending, status?.successes, status?.failures], [0, successes, failures]);
      t.is(one.handshakesInFlight, 0);
    }
  });
}

test('only an answer whose time is known is measured', (t) => {
  const { balancer: one, telemetry, random } = balancer(new Set([A]));
  one.place(client(1), 0, random);
  one.answered(client(1), A, 7, false);
  t.deepEqual([[...one.statuses(7)][0]?.ewmaMs, telemetry.handshakes.answered], [undefined, 1]);
  one.place(client(2), 10, random);
  one.answered(client(2), A, 13, true);
  const [status] = one.statuses(13);
  t.deepEqual([status?.ewmaMs, status?.recent.count, telemetry.handshakes.answered], [3, 1, 2]);
});

test('what another backend answers to the same client says nothing about this handshake', (t) => {
  const { balancer: one, random } = balancer(new Set([A]));
  one.place(client(1), 0, random);
  one.answered(client(1), B, 1, true);
  one.refused(client(1), B, 1);
  t.is(one.handshakesInFlight, 1);
});

test('a handshake expires when the connect timeout is over, the oldest first', (t) => {
  const { balancer: one, telemetry, random } = balancer(new Set([A]));
  one.place(client(1), 0, random);
  one.place(client(2), 100, random);
  t.is(one.nextExpiryMs(), 400);
  one.expire(399);
  t.is(one.handshakesInFlight, 2);
  one.expire(400);
  t.deepEqual(one.waiting(), [client(2)]);
  t.is(one.nextExpiryMs(), 500);
  one.expire(500);
  t.deepEqual([one.handshakesInFlight, one.nextExpiryMs(), telemetry.handshakes.timedOut], [0, undefined, 2]);
});

const retransmits: readonly {
  what: string;
  before: (one: Balancer) => void;
  backends?: readonly Endpoint[];
  unreachable?: string;
  goesTo: Endpoint;
}[] = [
  { what: 'nothing speaks against it', before: () => {}, goesTo: A },
  {
    what: 'it failed last',
    before: (one) => {
      one.expire(1_000);
    },
    goesTo: B,
  },
  {
    what: 'it failed, and then a handshake with it finished',
    before: (one) => {
      one.expire(1_000);
      placeOn(one, A, 1_000);
    },
    goesTo: A,
  },
  { what: 'it left', before: () => {}, backends: [B], goesTo: B },
  { what: 'its node is unreachable', before: () => {}, unreachable: '10.2.0.1', goesTo: B },
  {
    what: 'it failed, but is the only one',
    before: (one) => {
      one.expire(1_000);
    },
    backends: [A],
    goesTo: A,
  },
];

/** A handshake with `backend` that finishes at once. */
function placeOn(one: Balancer, backend: Endpoint, nowMs: number): void {
  for (let n = 100; ; n += 1) {
    const chosen = one.place(client(n), nowMs, () => 0.5);
    one.answered(client(n), chosen!, nowMs, true);
    if (chosen === backend) return;
    // Make the others dearer, so that this ends.
    avoid(one, '10.2.0.2');
  }
}

test('chosen at random, backends get connections as dice fall, and one sent again stays, whatever is known', (t) => {
  const telemetry = new Telemetry();
  const gone = new Set([parseAddress('10.2.0.1')!]);
  const one = new Balancer(VIP, { ...LIMITS, choice: 'random' }, telemetry, new Map(), () => gone);
  const random = seedrandom('dice');
  one.setBackends(new Set([A, B]));
  let toA = 0;
  for (let n = 1; n <= 1_000; n += 1) if (one.place(client(n), 0, random) === A) toA += 1;
  t.true(chiSquare([toA, 1_000 - toA]) < oneInAMillion(1), `${toA} of 1000`);
  one.expire(1_000);
  t.is(one.retransmit(client(1), A, 1_000, random), A);
  const { 'open-reachable': good, open, rest } = telemetry.picks.random;
  t.deepEqual([good + open + rest, rest], [1_000, 0]);
});

for (const { what, before, backends, unreachable, goesTo } of retransmits) {
  test(`a SYN sent again ${goesTo === A ? 'stays with' : 'leaves'} its backend when ${what}`, (t) => {
    const { balancer: one, random } = balancer(new Set([A]));
    one.place(client(1), 0, random);
    one.setBackends(new Set([A, B]));
    before(one);
    if (unreachable !== undefined) avoid(one, unreachable);
    one.setBackends(new Set(backends ?? [A, B]));
    for (let times = 0; times < 5; times += 1) {
      t.is(one.retransmit(client(1), A, 1_010, random), goesTo);
      t.is(one.backendOf(client(1)), goesTo);
    }
    t.is(one.waiting().filter((waiting) => waiting === client(1)).length, 1);
  });
}

test('a backend that leaves and comes back is no stranger, and its handshakes end where they began', (t) => {
  const { balancer: one, random } = balancer(new Set([A]));
  one.place(client(1), 0, random);
  one.answered(client(1), A, 5, true);
  one.place(client(2), 5, random);
  one.setBackends(new Set([B]));
  one.refused(client(2), A, 6);
  one.setBackends(new Set([A, B]));
  const status = [...one.statuses(6)].find(({ backend }) => backend === A);
  t.deepEqual(
    [status?.successes, status?.failures, status?.consecutiveFailures, status?.pending],
    [1, 1, 1, 0],
  );
});

test('what a retired balancer knew serves its successor, and nothing is in flight there', (t) => {
  const departed = new Map<string, Backend>();
  const { balancer: former, random } = balancer(new Set([A]), departed);
  for (let n = 1; n <= 5; n += 1) former.place(client(n), 0, random);
  former.expire(400);
  former.place(client(6), 400, random);
  former.retire();
  const { balancer: latter } = balancer(new Set([A]), departed);
  const [status] = latter.statuses(401);
  t.deepEqual([status?.pending, status?.failures, status?.available], [0, 5, false]);
  t.is(departed.size, 0);
});

test('each change of availability is announced once: unavailable, not the trial, available', (t) => {
  const { balancer: one, random } = balancer(new Set([A]));
  const told: string[] = [];
  const handshake = (n: number, nowMs: number, answered: boolean): void => {
    one.place(client(n), nowMs, random);
    if (answered) one.answered(client(n), A, nowMs, true);
    else one.refused(client(n), A, nowMs);
    for (const { backend, available } of one.takeChanges()) {
      t.is(backend, A);
      told.push(`${n} ${available}`);
    }
  };
  for (let n = 1; n <= 7; n += 1) handshake(n, n, false);
  handshake(8, 30_010, false);
  handshake(9, 60_010, true);
  handshake(10, 60_011, true);
  for (let n = 11; n <= 15; n += 1) handshake(n, 60_012, false);
  t.deepEqual(told, ['5 false', '9 true', '15 false']);
  t.deepEqual(one.takeChanges(), []);
});

test('the announcement says why', (t) => {
  const { balancer: one, random } = balancer(new Set([A]));
  for (let n = 1; n <= 5; n += 1) one.place(client(n), 0, random);
  one.expire(400);
  t.deepEqual(one.takeChanges(), [
    {
      backend: A,
      available: false,
      reason: '5 failures in a row: no answer within the connect timeout',
    },
  ]);
});

test('equal backends whose handshakes take equally long share connections equally', (t) => {
  const endpoints = Array.from({ length: 20 }, (_, n) => at(`10.2.0.${n + 1}:80`));
  const { balancer: one, random } = balancer(new Set(endpoints));
  const counts = new Map(endpoints.map((backend) => [backend, 0]));
  for (let round = 0; round < 20_000; round += 1) {
    const chosen = one.place(client(1), 0, random)!;
    one.answered(client(1), chosen, 1, true);
    counts.set(chosen, counts.get(chosen)! + 1);
  }
  const statistic = chiSquare([...counts.values()]);
  t.true(statistic < oneInAMillion(19), `${statistic}`);
});

test('a backend that recovered is picked again', (t) => {
  const { balancer: one, random } = balancer(new Set([A, B]));
  avoid(one, '10.2.0.2');
  for (let n = 1; n <= 5; n += 1) one.refused(client(n), one.place(client(n), 0, random)!, 1);
  avoid(one);
  const picks = (nowMs: number): Set<Endpoint | undefined> => {
    const seen = new Set<Endpoint | undefined>();
    for (let n = 1; n <= 50; n += 1) {
      const chosen = one.place(client(n), nowMs, random)!;
      one.answered(client(n), chosen, nowMs + 1, true);
      seen.add(chosen);
    }
    return seen;
  };
  t.deepEqual(picks(10), new Set([B]));
  t.deepEqual(picks(30_001), new Set([A, B]));
});

/** What happens to a balancer, and what a model that keeps every handshake in a plain list makes of it. */
interface Model {
  inFlight: { client: Endpoint; backend: Endpoint; startedMs: number }[];
  backends: ReadonlySet<Endpoint>;
  successes: Map<Endpoint, number>;
  failures: Map<Endpoint, number>;
}

const anyClient = fc.integer({ min: 1, max: 6 }).map(client);
const anyBackend = fc.integer({ min: 1, max: 4 }).map((n) => at(`10.2.0.${n}:80`));
const anyStep = fc.oneof(
  fc.record({ kind: fc.constant('place' as const), client: anyClient }),
  fc.record({ kind: fc.constant('answered' as const), client: anyClient, from: anyBackend }),
  fc.record({ kind: fc.constant('refused' as const), client: anyClient, from: anyBackend }),
  fc.record({ kind: fc.constant('release' as const), client: anyClient }),
  fc.record({ kind: fc.constant('retransmit' as const), client: anyClient, existing: anyBackend }),
  fc.record({ kind: fc.constant('expire' as const) }),
  fc.record({
    kind: fc.constant('set' as const),
    backends: fc.array(anyBackend, { maxLength: 4 }).map((list): ReadonlySet<Endpoint> => new Set(list)),
  }),
);

test('whatever happens, pending of each backend is its handshakes in flight', (t) => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 250 }), anyStep), { maxLength: 80 });
  fc.assert(
    fc.property(steps, fc.string(), (steps, seed) => {
      const departed = new Map<string, Backend>();
      const { balancer: one } = balancer(new Set(), departed);
      const random = seedrandom(seed);
      const model: Model = { inFlight: [], backends: new Set(), successes: new Map(), failures: new Map() };
      let nowMs = 0;
      for (const [elapsedMs, step] of steps) {
        nowMs += elapsedMs;
        const end = (of: Endpoint): void => {
          model.inFlight = model.inFlight.filter((handshake) => handshake.client !== of);
        };
        const current =
          'client' in step ? model.inFlight.find((one) => one.client === step.client) : undefined;
        const begin = (of: Endpoint, chosen: Endpoint | undefined): void => {
          t.is(chosen === undefined, model.backends.size === 0);
          if (chosen === undefined) return;
          t.true(model.backends.has(chosen));
          model.inFlight.push({ client: of, backend: chosen, startedMs: nowMs });
        };
        switch (step.kind) {
          case 'place': {
            const chosen = one.place(step.client, nowMs, random);
            if (current !== undefined && model.backends.has(current.backend)) t.is(chosen, current.backend);
            end(step.client);
            begin(step.client, chosen);
            break;
          }
          case 'answered':
            one.answered(step.client, step.from, nowMs, true);
            if (current?.backend !== step.from) break;
            end(step.client);
            model.successes.set(step.from, (model.successes.get(step.from) ?? 0) + 1);
            break;
          case 'refused':
            one.refused(step.client, step.from, nowMs);
            if (current?.backend !== step.from) break;
            end(step.client);
            model.failures.set(step.from, (model.failures.get(step.from) ?? 0) + 1);
            break;
          case 'release':
            one.release(step.client);
            end(step.client);
            break;
          case 'retransmit': {
            const chosen = one.retransmit(step.client, step.existing, nowMs, random);
            end(step.client);
            begin(step.client, chosen);
            break;
          }
          case 'expire':
            one.expire(nowMs);
            for (const { client: of, backend, startedMs } of [...model.inFlight]) {
              if (nowMs - startedMs < LIMITS.connectTimeoutMs) continue;
              end(of);
              model.failures.set(backend, (model.failures.get(backend) ?? 0) + 1);
            }
            break;
          case 'set':
            one.setBackends(step.backends);
            model.backends = step.backends;
            break;
        }
        t.deepEqual(
          one.waiting(),
          model.inFlight.map((handshake) => handshake.client),
        );
        t.is(one.nextExpiryMs(), model.inFlight[0] && model.inFlight[0].startedMs + LIMITS.connectTimeoutMs);
        const statuses = [...one.statuses(nowMs)];
        t.deepEqual(statuses.map(({ backend }) => backend).sort(), [...model.backends].sort());
        for (const { backend, pending, successes, failures } of statuses) {
          t.is(pending, model.inFlight.filter((handshake) => handshake.backend === backend).length);
          t.is(successes, model.successes.get(backend) ?? 0);
          t.is(failures, model.failures.get(backend) ?? 0);
        }
      }
    }),
  );
});
