import test from 'ava';
import type { BalancerMessage } from '../../../src/actors/data-plane/balancer.js';
import { Directory } from '../../../src/actors/data-plane/directory.js';
import { type NfqueueWorkerMessage, nfqueueWorker } from '../../../src/actors/data-plane/nfqueue-worker.js';
import { RouteCache } from '../../../src/actors/data-plane/route-cache.js';
import type { EntryState } from '../../../src/core/data-plane/existing-entry.js';
import { type Endpoint, formatEndpoint } from '../../../src/core/endpoint.js';
import { type CreateOutcome, Telemetry } from '../../../src/core/telemetry.js';
import { at } from '../../support/endpoints.js';
import { MemoryConntrack } from '../../support/memory-kernel/conntrack.js';
import { type MemoryQueue, MemoryQueues } from '../../support/memory-kernel/packet-queue.js';
import { MemoryRoutes } from '../../support/memory-kernel/routes.js';
import { Inbox, Stage } from '../../support/stage.js';

const VIP = at('10.1.0.1:80');
const OTHER_VIP = at('10.1.0.2:80');
const A = at('10.2.0.1:80');
const B = at('10.2.0.2:80');
const CLIENT = at('10.9.0.1:40000');
const FLOW = { client: CLIENT, vip: VIP };

class WorkerStage extends Stage<NfqueueWorkerMessage> {
  readonly queues = new MemoryQueues(this.time);
  readonly held: MemoryQueue = this.queues.open(50);
  readonly conntrack = new MemoryConntrack(this.time);
  readonly kernelRoutes = new MemoryRoutes();
  readonly directory = new Directory();
  readonly telemetry = new Telemetry();
  readonly balancer = new Inbox<BalancerMessage>();

  async start(options: { known?: boolean } = {}): Promise<this> {
    const { conntrack, directory, telemetry, time } = this;
    directory.known = options.known ?? true;
    for (const vip of [VIP, OTHER_VIP]) {
      directory.entries.set(vip, {
        vip,
        backends: new Set([A, B]),
        mailbox: this.balancer,
        balancer: undefined,
      });
    }
    await this.play(
      nfqueueWorker({
        queue: () => this.held,
        directory,
        conntrack,
        routes: new RouteCache(this.kernelRoutes),
        masquerade: [],
        telemetry,
        clock: time,
      }),
    );
    return this;
  }

  /** SYNs arrive in one batch. */
  async arrive(
    ...flows: readonly { client: Endpoint; vip: Endpoint; inInterface?: number }[]
  ): Promise<void> {
    this.held.arrive(...flows);
    await this.send();
  }

  /** The balancer answers what it was asked: `backend` for each SYN. Answers what else it was told, in short. */
  async balance(backend: Endpoint | undefined, again: Endpoint | undefined = backend): Promise<string> {
    const told: string[] = [];
    for (const message of this.balancer.take()) {
      told.push(message.kind);
      if (message.kind === 'place') {
        const backends = message.syns.map(() => backend);
        message.replyTo.send({ kind: 'placed', syns: message.syns, backends });
      } else if (message.kind === 'retransmitted') {
        const { syn, entry } = message;
        message.replyTo.send({ kind: 'placed-again', syn, entry, backend: again });
      }
    }
    await this.send();
    return told.join(' ');
  }

  /** The verdicts since the last call. */
  verdicts(): string {
    return this.queues.verdicts
      .splice(0)
      .map(({ verdict }) => verdict)
      .join(' ');
  }

  /** Where the kernel sends a flow. */
  leadsTo(flow = FLOW): string | undefined {
    const [entry] = this.conntrack.lookup([flow]);
    return entry && formatEndpoint(entry.backend);
  }
}

test('a SYN is mapped to the backend that the balancer chooses, and accepted', async (t) => {
  const stage = await new WorkerStage().start();
  await stage.arrive(FLOW);
  t.is(stage.verdicts(), '');
  t.is(await stage.balance(A), 'place');
  t.is(stage.verdicts(), 'accept');
  t.deepEqual([stage.leadsTo(), stage.conntrack.state(FLOW)], ['10.2.0.1:80', 'syn-sent']);
  t.deepEqual([stage.telemetry.verdicts.mapped, stage.telemetry.creates.made], [1, 1]);
});

test("a backend on this host's loopback is for clients on this host; others are refused, and it is not blamed", async (t) => {
  const loopback = at('127.0.0.1:81');
  const near = { client: at('10.9.0.1:1'), vip: VIP };
  const far = { client: at('10.88.0.1:1'), vip: VIP, inInterface: 7 };
  const stage = await new WorkerStage().start();
  await stage.arrive(near, far);
  await stage.balance(loopback);
  t.is(stage.verdicts(), 'accept accept');
  t.deepEqual([stage.telemetry.verdicts.mapped, stage.telemetry.verdicts.refused], [1, 1]);
  t.deepEqual([stage.leadsTo(near), stage.leadsTo(far)], ['127.0.0.1:81', undefined]);
  t.deepEqual(stage.balancer.take(), [{ kind: 'release', clients: [far.client] }]);
});

test('a batch is one request to the kernel, made when the balancers of all its VIPs have answered', async (t) => {
  const stage = await new WorkerStage().start();
  const requests: number[] = [];
  const { conntrack } = stage;
  const map = conntrack.map.bind(conntrack);
  conntrack.map = (mappings) => {
    requests.push(mappings.length);
    return map(mappings);
  };
  await stage.arrive(FLOW, { ...FLOW, vip: OTHER_VIP });
  await stage.balance(A);
  t.deepEqual(requests, [2]);
  t.is(stage.verdicts(), 'accept accept');
});

test('a balancer that does not answer holds up the rest of the batch for one deadline', async (t) => {
  const stage = await new WorkerStage().start();
  await stage.arrive(FLOW, { ...FLOW, vip: OTHER_VIP });
  const [first] = stage.balancer.take();
  if (first?.kind !== 'place') return t.fail();
  first.replyTo.send({ kind: 'placed', syns: first.syns, backends: [A] });
  await stage.pass(99);
  t.is(stage.verdicts(), '');
  await stage.pass(1);
  t.is(stage.verdicts(), 'accept');
  t.is(stage.leadsTo(FLOW), '10.2.0.1:80');
});

test('a deadline is waited for only while a SYN has no verdict, and one does for many that follow each other', async (t) => {
  const stage = await new WorkerStage().start();
  t.is(stage.time.pending, 0);
  await stage.arrive(FLOW);
  t.is(stage.time.pending, 1);
  await stage.balance(A);
  t.deepEqual([stage.verdicts(), stage.time.pending], ['accept', 0]);
  await stage.pass(100);
  await stage.arrive({ ...FLOW, vip: OTHER_VIP });
  stage.balancer.take();
  await stage.pass(99);
  t.is(stage.balancer.messages.length, 0);
  await stage.pass(1);
  t.is(stage.balancer.messages.length, 1);
  await stage.balance(A);
  t.deepEqual([stage.verdicts(), stage.time.pending], ['accept', 0]);

  await stage.pass(100);
  for (let port = 1; port <= 3; port += 1) {
    await stage.arrive({ client: at(`10.9.0.1:${port}`), vip: VIP });
    await stage.balance(A);
    await stage.pass(20);
  }
  t.is(stage.time.pending, 1);
  await stage.pass(100);
  t.is(stage.time.pending, 0);
});

test('a batch is one question for each VIP', async (t) => {
  const stage = await new WorkerStage().start();
  const clients = [1, 2, 3].map((n) => at(`10.9.0.1:${n}`));
  await stage.arrive(
    ...clients.map((client) => ({ client, vip: VIP })),
    ...clients.map((client) => ({ client, vip: OTHER_VIP })),
  );
  t.deepEqual(
    stage.balancer.messages.map((message) => message.kind === 'place' && message.syns.length),
    [3, 3],
  );
  await stage.balance(A);
  t.is(stage.verdicts(), 'accept accept accept accept accept accept');
});

test('a SYN to a VIP without backends goes on unmapped, to be refused by the rule', async (t) => {
  const stage = await new WorkerStage().start();
  await stage.arrive(FLOW);
  await stage.balance(undefined);
  t.is(stage.verdicts(), 'accept');
  t.deepEqual([stage.leadsTo(), stage.telemetry.verdicts.refused], [undefined, 1]);
});

test('refused, it is not carried off by the mapping of an earlier SYN that nobody answered', async (t) => {
  const stage = await new WorkerStage().start();
  stage.conntrack.stand(FLOW, A, 'syn-sent');
  await stage.arrive(FLOW);
  await stage.balance(undefined);
  t.deepEqual([stage.verdicts(), stage.leadsTo()], ['accept', undefined]);
});

test('a VIP without backends lets its established connections live', async (t) => {
  const stage = await new WorkerStage().start();
  stage.conntrack.stand(FLOW, A, 'established');
  await stage.arrive(FLOW);
  await stage.balance(undefined);
  t.deepEqual([stage.verdicts(), stage.leadsTo()], ['accept', '10.2.0.1:80']);
});

const unknown = { client: CLIENT, vip: at('10.1.0.9:80') };
test('a SYN to a VIP that nobody knows is refused, once the VIPs are known', async (t) => {
  const stage = await new WorkerStage().start();
  await stage.arrive(unknown);
  t.deepEqual([stage.verdicts(), stage.telemetry.verdicts.refused], ['accept', 1]);
});

test('before the VIPs are known it is dropped, so that the client tries again', async (t) => {
  const stage = await new WorkerStage().start({ known: false });
  await stage.arrive(unknown);
  t.deepEqual([stage.verdicts(), stage.telemetry.verdicts.deferred], ['drop', 1]);
});

/** A SYN meets an entry. `again` is what the balancer says to a SYN that was sent again. */
const existing: readonly {
  state: EntryState;
  leadsTo: Endpoint;
  again?: Endpoint | undefined;
  what: string;
  ends: string;
  counted: CreateOutcome;
}[] = [
  {
    state: 'syn-sent',
    leadsTo: A,
    again: A,
    what: 'sent again, its backend looks alive: it is kept',
    ends: '10.2.0.1:80',
    counted: 'exists-kept',
  },
  {
    state: 'syn-sent2',
    leadsTo: A,
    again: A,
    what: 'sent again, both sides opened: it is kept',
    ends: '10.2.0.1:80',
    counted: 'exists-kept',
  },
  {
    state: 'syn-sent',
    leadsTo: A,
    again: B,
    what: 'sent again, its backend looks dead: it is moved',
    ends: '10.2.0.2:80',
    counted: 'exists-moved',
  },
  {
    state: 'syn-sent',
    leadsTo: VIP,
    what: 'an entry that leads nowhere is replaced',
    ends: '10.2.0.2:80',
    counted: 'exists-replaced',
  },
  {
    state: 'close',
    leadsTo: A,
    what: 'a closed connection is replaced',
    ends: '10.2.0.2:80',
    counted: 'exists-replaced',
  },
  {
    state: 'time-wait',
    leadsTo: A,
    what: 'a port used again is a new connection',
    ends: '10.2.0.2:80',
    counted: 'exists-replaced',
  },
  {
    state: 'last-ack',
    leadsTo: A,
    what: 'a closing connection is replaced',
    ends: '10.2.0.2:80',
    counted: 'exists-replaced',
  },
  {
    state: 'established',
    leadsTo: A,
    what: 'a live connection is left alone',
    ends: '10.2.0.1:80',
    counted: 'exists-left-alone',
  },
  {
    state: 'syn-recv',
    leadsTo: A,
    what: 'one that was answered is left alone',
    ends: '10.2.0.1:80',
    counted: 'exists-left-alone',
  },
  {
    state: 'fin-wait',
    leadsTo: A,
    what: 'one that is half closed is left alone',
    ends: '10.2.0.1:80',
    counted: 'exists-left-alone',
  },
];
for (const { state, leadsTo, again, what, ends, counted } of existing) {
  test(`a SYN meets an entry in ${state}: ${what}`, async (t) => {
    const stage = await new WorkerStage().start();
    stage.conntrack.stand(FLOW, leadsTo, state);
    await stage.arrive(FLOW);
    await stage.balance(B);
    const told = await stage.balance(B, again);
    t.is(stage.verdicts(), 'accept');
    t.deepEqual([stage.leadsTo(), stage.telemetry.creates[counted]], [ends, 1]);
    // The chosen backend gets nothing, so nothing is in flight there.
    t.is(told, counted === 'exists-left-alone' ? 'release' : again === undefined ? '' : 'retransmitted');
    t.is(stage.held.strayVerdicts, 0);
  });
}

test('a SYN sent again to a VIP that lost its backends meanwhile is refused', async (t) => {
  const stage = await new WorkerStage().start();
  stage.conntrack.stand(FLOW, A, 'syn-sent');
  await stage.arrive(FLOW);
  await stage.balance(B);
  await stage.balance(undefined);
  t.deepEqual([stage.verdicts(), stage.leadsTo()], ['accept', undefined]);
  t.is(stage.telemetry.verdicts.refused, 1);
});

test('two copies of one SYN in a batch are one connection, and its handshake stays in flight', async (t) => {
  const stage = await new WorkerStage().start();
  stage.conntrack.stand(FLOW, A, 'time-wait');
  await stage.arrive(FLOW, FLOW);
  await stage.balance(B);
  t.is(stage.verdicts(), 'accept drop');
  t.is(stage.leadsTo(), '10.2.0.2:80');
  t.deepEqual(
    stage.balancer.messages.flatMap((message) => (message.kind === 'release' ? message.clients : [])),
    [],
  );
});

const failures: readonly {
  what: string;
  prepare: (stage: WorkerStage) => void;
  counted: (t: Telemetry) => number;
}[] = [
  {
    what: 'the connection table is full',
    prepare: (stage) => {
      stage.conntrack.max = 0;
    },
    counted: (telemetry) => telemetry.creates.full,
  },
  {
    what: 'the kernel refuses the entry',
    prepare: (stage) => stage.conntrack.failures.push('EPERM'),
    counted: (telemetry) => telemetry.createErrors.get('EPERM') ?? 0,
  },
  {
    what: 'another connection of the backend has the same reply tuple and the client must keep its address',
    prepare: (stage) => stage.conntrack.stand({ client: CLIENT, vip: OTHER_VIP }, A, 'established'),
    counted: (telemetry) => telemetry.verdicts.deferred,
  },
];
for (const { what, prepare, counted } of failures) {
  test(`when ${what} the SYN is dropped, so that its retry may fare better, and nothing is in flight`, async (t) => {
    const stage = await new WorkerStage().start();
    prepare(stage);
    await stage.arrive({ ...FLOW, inInterface: 7 });
    await stage.balance(A);
    t.is(stage.verdicts(), 'drop');
    t.is(counted(stage.telemetry), 1);
    t.is(await stage.balance(A), 'release');
  });
}

test('two VIPs that share a backend, same client port: the kernel picks another source port', async (t) => {
  const stage = await new WorkerStage().start();
  const local = { client: at('10.7.0.1:40000'), inInterface: 0 };
  await stage.arrive({ ...local, vip: VIP }, { ...local, vip: OTHER_VIP });
  await stage.balance(A);
  t.is(stage.verdicts(), 'accept accept');
  const [first, second] = [VIP, OTHER_VIP].map((vip) =>
    stage.conntrack.answers({ client: local.client, vip }),
  );
  t.is(formatEndpoint(first!), '10.0.0.1:40000');
  t.not(first, second);
});

test('a route is asked for once, and anew when routes changed', async (t) => {
  const stage = await new WorkerStage().start();
  await stage.arrive(FLOW);
  await stage.balance(A);
  const second = { client: at('10.9.0.1:2'), vip: VIP };
  await stage.arrive(second);
  await stage.balance(A);
  t.is(stage.kernelRoutes.lookups, 1);
  stage.kernelRoutes.change(A);
  await stage.arrive({ client: at('10.9.0.1:3'), vip: VIP });
  await stage.balance(A);
  t.is(stage.kernelRoutes.lookups, 2);
});

test('a balancer that does not answer is asked once more, and then the SYN is dropped: within 300 ms', async (t) => {
  const stage = await new WorkerStage().start();
  await stage.arrive(FLOW);
  await stage.pass(50);
  await stage.arrive({ client: at('10.9.0.1:2'), vip: VIP });
  await stage.pass(300);
  t.true(stage.queues.verdicts.every(({ tookMs }) => tookMs <= 300));
  t.is(stage.verdicts(), 'drop drop');
  t.is(stage.telemetry.redispatches, 2);
  t.deepEqual(
    stage.balancer.messages.map(({ kind }) => kind),
    ['place', 'place', 'place', 'release', 'place', 'release'],
  );
  await stage.pass(100);
  t.is(stage.time.pending, 0);
});

test('two answers to a question asked twice are one verdict, whatever the second says', async (t) => {
  const stage = await new WorkerStage().start();
  await stage.arrive(FLOW);
  await stage.pass(100);
  const [first, second] = stage.balancer.take();
  for (const [message, backend] of [
    [first, A],
    [second, B],
  ] as const) {
    if (message?.kind !== 'place') throw new Error('not asked');
    message.replyTo.send({ kind: 'placed', syns: message.syns, backends: [backend] });
    await stage.send();
  }
  t.deepEqual([stage.verdicts(), stage.leadsTo(), stage.held.strayVerdicts], ['accept', '10.2.0.1:80', 0]);
});

test('what it held when it crashed is asked anew, and answers to the old question serve', async (t) => {
  const stage = await new WorkerStage().start();
  await stage.arrive(FLOW);
  stage.crashNext();
  await stage.arrive({ client: at('10.9.0.1:2'), vip: VIP });
  t.is(stage.held.outstanding().length, 2);
  await stage.balance(A);
  t.deepEqual([stage.verdicts(), stage.held.outstanding().length], ['accept accept', 0]);
  t.is(stage.held.strayVerdicts, 0);
});

test('a VIP that goes while its SYN waits: the SYN is refused at the next deadline', async (t) => {
  const stage = await new WorkerStage().start();
  await stage.arrive(FLOW);
  stage.directory.entries.delete(VIP);
  await stage.pass(200);
  t.deepEqual([stage.verdicts(), stage.telemetry.verdicts.refused], ['accept', 1]);
});

test('what waited in its mailbox when it crashed is judged once, not a second time when its turn comes', async (t) => {
  const stage = await new WorkerStage().start();
  stage.crashNext();
  stage.held.arrive(unknown);
  stage.held.arrive({ ...unknown, client: at('10.9.0.1:2') });
  await stage.send();
  t.is(stage.verdicts(), 'accept accept');
  t.deepEqual([stage.held.strayVerdicts, stage.telemetry.verdicts.refused], [0, 2]);
});
