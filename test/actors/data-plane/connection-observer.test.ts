import test from 'ava';
import type { BalancerMessage } from '../../../src/actors/data-plane/balancer.js';
import {
  type ConnectionObserverMessage,
  connectionObserver,
} from '../../../src/actors/data-plane/connection-observer.js';
import { Directory } from '../../../src/actors/data-plane/directory.js';
import { Balancer } from '../../../src/core/balancer/balancer.js';
import { type Endpoint, formatEndpoint } from '../../../src/core/endpoint.js';
import { Telemetry } from '../../../src/core/telemetry.js';
import type { HandshakeEvent } from '../../../src/ports/conntrack.js';
import { at } from '../../support/endpoints.js';
import { MemoryConntrack } from '../../support/memory-kernel/conntrack.js';
import { Inbox, Stage } from '../../support/stage.js';

const LIMITS = { failureThreshold: 5, failureWindowMs: 300_000, backoffMs: 30_000, connectTimeoutMs: 400 };
const V1 = at('10.1.0.1:80');
const V2 = at('10.1.0.2:80');
const BACKEND = at('10.2.0.1:80');

class ObserverStage extends Stage<ConnectionObserverMessage> {
  readonly conntrack = new MemoryConntrack(this.time);
  readonly directory = new Directory();
  readonly telemetry = new Telemetry();
  readonly inboxes = new Map<Endpoint, Inbox<BalancerMessage>>();

  /** A VIP; `inFlight` of its handshakes are. */
  vip(vip: Endpoint, inFlight = 0): void {
    const mailbox = new Inbox<BalancerMessage>();
    const balancer = new Balancer(vip, LIMITS, this.telemetry, new Map(), () => new Set());
    balancer.setBackends(new Set([BACKEND]));
    for (let n = 1; n <= inFlight; n += 1) balancer.place(at(`10.9.0.1:${n}`), 0, () => 0);
    this.inboxes.set(vip, mailbox);
    this.directory.entries.set(vip, { vip, backends: new Set([BACKEND]), mailbox, balancer });
  }

  async start(): Promise<this> {
    await this.play(connectionObserver(this));
    return this;
  }

  told(vip: Endpoint): string {
    return this.inboxes
      .get(vip)!
      .take()
      .map((message) => {
        if (message.kind !== 'observed') return message.kind;
        return message.events.map((event) => `${event.kind} ${formatEndpoint(event.client)}`).join(' ');
      })
      .join(', ');
  }
}

function event(kind: HandshakeEvent['kind'], vip: Endpoint, client: string): HandshakeEvent {
  return { kind, vip, client: at(client), backend: BACKEND, atMs: 0 };
}

test('each balancer gets the events of its VIP in one message, in order; those of no VIP go nowhere', async (t) => {
  const stage = new ObserverStage();
  stage.vip(V1);
  stage.vip(V2);
  await stage.start();
  const events = [
    event('answered', V1, '10.9.0.1:1'),
    event('refused', V2, '10.9.0.1:2'),
    event('refused', V1, '10.9.0.1:3'),
    event('answered', at('10.1.0.9:80'), '10.9.0.1:4'),
  ];
  await stage.send({ kind: 'events', events });
  t.is(stage.told(V1), 'answered 10.9.0.1:1 refused 10.9.0.1:3');
  t.is(stage.told(V2), 'refused 10.9.0.1:2');
});

test('the kernel tells it itself', async (t) => {
  const stage = new ObserverStage();
  stage.vip(V1);
  await stage.start();
  const flow = { client: at('10.9.0.1:1'), vip: V1 };
  stage.conntrack.stand(flow, BACKEND, 'syn-sent');
  stage.conntrack.answer(flow);
  await stage.pass(0);
  t.is(stage.told(V1), 'answered 10.9.0.1:1');
});

test('when events were lost, balancers with handshakes in flight resynchronise, and it is counted', async (t) => {
  const stage = new ObserverStage();
  stage.vip(V1, 2);
  stage.vip(V2);
  await stage.start();
  stage.told(V1);
  stage.conntrack.overrun();
  await stage.pass(0);
  t.deepEqual([stage.told(V1), stage.told(V2)], ['resynchronise', '']);
  t.is(stage.telemetry.eventOverruns, 1);
});

test('so they do after its crash: the events it held are gone with it', async (t) => {
  const stage = new ObserverStage();
  stage.vip(V1, 1);
  await stage.start();
  stage.told(V1);
  await stage.crashAt({ kind: 'events', events: [event('answered', V1, '10.9.0.1:1')] });
  t.is(stage.told(V1), 'resynchronise');
});

test('operators are warned once that the connection table is above 80 %, and again after it was below 75 %', async (t) => {
  const stage = new ObserverStage();
  stage.conntrack.max = 100;
  const warningsAt = async (used: number): Promise<number> => {
    stage.conntrack.others = used;
    await stage.pass(30_000);
    return stage.log.named('conntrack-nearly-full').length;
  };
  await stage.start();
  t.is(await warningsAt(80), 0);
  t.is(await warningsAt(81), 1);
  t.is(await warningsAt(99), 1);
  t.is(await warningsAt(76), 1);
  t.is(await warningsAt(85), 1);
  t.is(await warningsAt(74), 1);
  t.is(await warningsAt(85), 2);
  t.deepEqual(stage.log.named('conntrack-nearly-full')[0]?.fields, { count: 81, max: 100 });
});
