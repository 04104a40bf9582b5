import assert from 'node:assert/strict';
import { addressOf, type Endpoint, endpoint } from '../../src/core/endpoint.js';
import type { Flow, HandshakeEvent, Mapping } from '../../src/ports/conntrack.js';
import type { Syn } from '../../src/ports/packet-queue.js';
import { type Case, type Stage, until } from './stage.js';

/** What any `Conntrack` must do. */
export const CONNTRACK_CASES: readonly Case[] = [
  placing('a mapped SYN reaches its backend, and the answer is told once', async (stage, world) => {
    world.backend = () => stage.server;
    const before = stage.clock.nowMs();
    const attempt = stage.connect(stage.vip(0), 41001);
    await until(stage, 'the client connected', () => attempt.state() === 'connected');
    await until(stage, 'the answer was told', () => world.events.length > 0);
    const flow = { client: endpoint(stage.address, 41001), vip: stage.vip(0) };
    const [{ atMs, ...event }] = world.events as [HandshakeEvent];
    assert.deepEqual(event, { kind: 'answered', ...flow, backend: stage.server });
    assert.ok(atMs >= before && atMs <= stage.clock.nowMs());
    const [entry] = stage.conntrack.lookup([flow]);
    assert.deepEqual(
      { ...entry, id: 0 },
      { ...flow, backend: stage.server, state: 'established', ours: true, id: 0 },
    );
    await stage.pass(50);
    assert.equal(world.events.length, 1);
    attempt.abandon();
  }),

  placing('a refused handshake is told, and its entry is gone', async (stage, world) => {
    world.backend = () => stage.closed;
    const attempt = stage.connect(stage.vip(0), 41002);
    await until(stage, 'the client was refused', () => attempt.state() === 'refused');
    await until(stage, 'the refusal was told', () => world.events.length > 0);
    const flow = { client: endpoint(stage.address, 41002), vip: stage.vip(0) };
    const [{ atMs: _, ...event }] = world.events as [HandshakeEvent];
    assert.deepEqual(event, { kind: 'refused', ...flow, backend: stage.closed });
    assert.deepEqual(stage.conntrack.lookup([flow]), [undefined]);
  }),

  placing('silence is no event; deleting the entry is none either', async (stage, world) => {
    world.backend = () => stage.silent;
    const attempt = stage.connect(stage.vip(0), 41003);
    await until(stage, 'the SYN was mapped', () => world.syns.length === 1);
    await stage.pass(50);
    const waiting = stage.conntrack.handshakes();
    assert.deepEqual(
      waiting.map(({ client, backend, state }) => ({ client, backend, state })),
      [{ client: endpoint(stage.address, 41003), backend: stage.silent, state: 'syn-sent' }],
    );
    stage.conntrack.remove(waiting);
    await stage.pass(50);
    assert.deepEqual(world.events, []);
    attempt.abandon();
  }),

  placing('a client whose handshake was deleted is healed by its next SYN', async (stage, world) => {
    world.backend = () => stage.silent;
    const attempt = stage.connect(stage.vip(0), 41004);
    await until(stage, 'the SYN was mapped', () => world.syns.length === 1);
    stage.conntrack.remove(stage.conntrack.handshakes());
    world.backend = () => stage.server;
    await until(stage, 'the client connected', () => attempt.state() === 'connected');
    attempt.abandon();
  }),

  placing('many handshakes are all told', async (stage, world) => {
    world.backend = (syn) => ((syn.client % 65536) % 4 === 0 ? stage.closed : stage.server);
    const attempts = Array.from({ length: 200 }, (_, i) => stage.connect(stage.vip(i % 5), 42000 + i));
    await until(stage, 'all attempts ended', () => attempts.every((a) => a.state() !== 'pending'));
    await until(stage, 'all were told', () => world.events.length >= 200);
    assert.equal(attempts.filter((a) => a.state() === 'refused').length, 50);
    assert.equal(world.events.filter((event) => event.kind === 'refused').length, 50);
    assert.equal(new Set(world.events.map((event) => event.client)).size, 200);
    for (const attempt of attempts) attempt.abandon();
  }),

  placing(
    'two VIPs may share a backend and a client port: another source port is picked',
    async (stage, world) => {
      world.backend = () => stage.server;
      const attempts = [stage.connect(stage.vip(0), 41005), stage.connect(stage.vip(1), 41005)];
      await until(stage, 'both connected', () => attempts.every((a) => a.seenAs() !== undefined));
      const [first, second] = attempts.map((a) => a.seenAs()!) as [Endpoint, Endpoint];
      assert.equal(first, endpoint(stage.address, 41005));
      assert.equal(addressOf(second), stage.address);
      assert.notEqual(second, first);
      for (const attempt of attempts) attempt.abandon();
    },
  ),

  placing('the backend sees the source address it is to see', async (stage, world) => {
    world.backend = () => stage.server;
    world.source = stage.otherAddress;
    const attempt = stage.connect(stage.vip(0), 41006);
    await until(stage, 'the client was greeted', () => attempt.seenAs() !== undefined);
    assert.equal(attempt.seenAs(), endpoint(stage.otherAddress, 41006));
    attempt.abandon();
  }),

  resting('what exists is said so, at its place in the batch', async ({ conntrack, ...stage }) => {
    assert.deepEqual(conntrack.map([mapping(stage, 1)]), [{ kind: 'made' }]);
    const outcomes = conntrack.map([mapping(stage, 0), mapping(stage, 1), mapping(stage, 2)]);
    const [entry] = conntrack.lookup([mapping(stage, 1)]);
    assert.deepEqual(outcomes, [{ kind: 'made' }, { kind: 'exists', entry }, { kind: 'made' }]);
    assert.deepEqual(conntrack.map([]), []);
  }),

  resting('entries are found in order, also many of them, with holes', async ({ conntrack, ...stage }) => {
    const mappings = Array.from({ length: 300 }, (_, i) => mapping(stage, i));
    const outcomes = conntrack.map(mappings);
    assert.deepEqual(new Set(outcomes.map((outcome) => outcome.kind)), new Set(['made']));
    assert.equal(outcomes.length, 300);
    const flows: Flow[] = mappings.flatMap((m, i) => (i % 7 === 0 ? [m, mapping(stage, i, 1)] : [m]));
    const entries = conntrack.lookup(flows);
    for (const [i, flow] of flows.entries()) {
      if (flow.vip === stage.vip(1)) assert.equal(entries[i], undefined);
      else assert.equal(entries[i]?.client, flow.client);
    }
    assert.equal(conntrack.countOurs(), 300);
    assert.equal(conntrack.handshakes().length, 300);
    conntrack.remove(conntrack.handshakes().slice(0, 200));
    assert.equal(conntrack.countOurs(), 100);
    assert.equal(conntrack.removeAll(), 100);
    assert.equal(conntrack.countOurs(), 0);
    assert.equal(conntrack.removeAll(), 0);
  }),

  resting('an old entry makes room for the one that is made instead', async ({ conntrack, ...stage }) => {
    conntrack.map([mapping(stage, 1), mapping(stage, 2)]);
    const entries = conntrack.lookup([mapping(stage, 1), mapping(stage, 2)]);
    const moved = [1, 2].map((i) => ({
      ...mapping(stage, i),
      backend: stage.closed,
      instead: entries[i - 1]!,
    }));
    const stale = {
      ...moved[1]!,
      instead: { ...moved[1]!.instead, id: (moved[1]!.instead.id + 1) % 2 ** 32 },
    };
    assert.deepEqual(conntrack.map([moved[0]!, stale]), [
      { kind: 'made' },
      { kind: 'exists', entry: entries[1] },
    ]);
    assert.deepEqual(
      conntrack.lookup([mapping(stage, 1), mapping(stage, 2)]).map((entry) => entry?.backend),
      [stage.closed, stage.server],
    );
    assert.equal(conntrack.countOurs(), 2);
  }),

  // The kernel makes an id of the entry's place in memory and its tuple: the same tuple may well get the same
  // id again. What is promised is that another id is another entry.
  resting('an entry with another id is left alone; one that is gone may be removed', async (stage) => {
    const { conntrack } = stage;
    conntrack.map([mapping(stage, 1)]);
    const [entry] = conntrack.lookup([mapping(stage, 1)]);
    conntrack.remove([{ ...entry!, id: (entry!.id + 1) % 2 ** 32 }]);
    assert.deepEqual(conntrack.lookup([mapping(stage, 1)]), [entry]);
    conntrack.remove([entry!, entry!]);
    assert.deepEqual(conntrack.lookup([mapping(stage, 1)]), [undefined]);
    assert.deepEqual(conntrack.map([mapping(stage, 1)]), [{ kind: 'made' }]);
  }),

  resting("others' connections are seen, not counted and not removed", async (stage) => {
    const { conntrack } = stage;
    const attempt = stage.connect(stage.server, 41007);
    await until(stage, 'the client connected', () => attempt.state() === 'connected');
    const flow = { client: endpoint(stage.address, 41007), vip: stage.server };
    const [entry] = conntrack.lookup([flow]);
    assert.equal(entry?.ours, false);
    assert.equal(entry?.backend, stage.server);
    assert.equal(conntrack.countOurs(), 0);
    conntrack.map([mapping(stage, 1)]);
    assert.equal(conntrack.removeAll(), 1);
    assert.equal(conntrack.lookup([flow])[0]?.id, entry?.id);
    attempt.abandon();
  }),

  resting('the use of the table is told', async ({ conntrack, ...stage }) => {
    const before = conntrack.usage();
    conntrack.map([mapping(stage, 1), mapping(stage, 2)]);
    const after = conntrack.usage();
    assert.ok(after.count >= 2 && after.count >= before.count);
    assert.ok(after.max >= after.count);
  }),
];

/** What a case of connecting clients works with. */
interface World {
  backend: (syn: Syn) => Endpoint;
  source: number | undefined;
  readonly syns: Syn[];
  readonly events: HandshakeEvent[];
}

/** Plays with somebody who maps every SYN to the backend of the moment. */
function placing(name: string, play: (stage: Stage, world: World) => Promise<void>): Case {
  return {
    name,
    run: async (stage) => {
      const world: World = { backend: () => stage.server, source: undefined, syns: [], events: [] };
      const { conntrack } = stage;
      conntrack.removeAll();
      conntrack.observe(
        (events) => world.events.push(...events),
        () => assert.fail('events were lost'),
      );
      const queue = stage.queues.open(stage.queue);
      queue.receive((syns) => {
        world.syns.push(...syns);
        const { source } = world;
        conntrack.map(
          syns.map((syn) => ({ client: syn.client, vip: syn.vip, backend: world.backend(syn), source })),
        );
        queue.verdict(
          syns.map((syn) => syn.id),
          'accept',
        );
      });
      try {
        await play(stage, world);
      } finally {
        queue.close();
        conntrack.observe(
          () => {},
          () => {},
        );
        conntrack.removeAll();
      }
    },
  };
}

/** Plays with the table alone. */
function resting(name: string, play: (stage: Stage) => Promise<void>): Case {
  return {
    name,
    run: async (stage) => {
      stage.conntrack.removeAll();
      try {
        await play(stage);
      } finally {
        stage.conntrack.removeAll();
      }
    },
  };
}

/** A mapping of a client that does not exist, from the `index`-th of its ports. */
function mapping(stage: Pick<Stage, 'vip' | 'server' | 'address'>, index: number, vip = 0): Mapping {
  return {
    client: endpoint(stage.address, 50000 + index),
    vip: stage.vip(vip),
    backend: stage.server,
    source: undefined,
  };
}
