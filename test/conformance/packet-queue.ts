import assert from 'node:assert/strict';
import { addressOf, portOf } from '../../src/core/endpoint.js';
import { KernelError } from '../../src/ports/kernel-error.js';
import type { PacketQueue, Syn } from '../../src/ports/packet-queue.js';
import { type Case, type Stage, until } from './stage.js';

/** What any `PacketQueues` must do. */
export const PACKET_QUEUE_CASES: readonly Case[] = [
  onQueue('a SYN comes with its tuple and time, and goes on once accepted', async (stage, queue, syns) => {
    const before = stage.clock.nowMs();
    const attempt = stage.connect(stage.vip(0), 40001);
    await until(stage, 'the SYN came', () => syns.length === 1);
    const [syn] = syns as [Syn];
    assert.equal(addressOf(syn.client), stage.address);
    assert.equal(portOf(syn.client), 40001);
    assert.equal(syn.vip, stage.vip(0));
    assert.equal(syn.inInterface, 0);
    assert.ok(syn.arrivedMs >= before && syn.arrivedMs <= stage.clock.nowMs());
    assert.deepEqual(queue.outstanding(), [syn]);
    assert.equal(queue.counters().depth, 1);
    assert.equal(attempt.state(), 'pending');
    queue.verdict([syn.id], 'accept');
    assert.deepEqual(queue.outstanding(), []);
    // Accepted but not mapped: the rule behind the queue resets it.
    await until(stage, 'the client was refused', () => attempt.state() === 'refused');
  }),

  onQueue('a dropped SYN comes again, with another id', async (stage, queue, syns) => {
    const attempt = stage.connect(stage.vip(0), 40002);
    await until(stage, 'the SYN came', () => syns.length === 1);
    queue.verdict([syns[0]!.id], 'drop');
    await until(stage, 'the client tried again', () => syns.length === 2);
    assert.equal(syns[1]!.client, syns[0]!.client);
    assert.notEqual(syns[1]!.id, syns[0]!.id);
    assert.equal(attempt.state(), 'pending');
    attempt.abandon();
    queue.verdict([syns[1]!.id], 'accept');
  }),

  onQueue(
    'who takes over finds what is outstanding, oldest first, and only that',
    async (stage, queue, syns) => {
      for (const port of [40011, 40012, 40013]) {
        stage.connect(stage.vip(0), port);
        await until(stage, 'its SYN came', () => syns.some((syn) => portOf(syn.client) === port));
      }
      queue.verdict([syns[1]!.id], 'accept');
      const later: Syn[] = [];
      queue.receive((batch) => {
        later.push(...batch);
      });
      await stage.pass(20);
      assert.equal(later.length, 0);
      assert.deepEqual(queue.outstanding(), [syns[0], syns[2]]);
      stage.connect(stage.vip(1), 40014);
      await until(stage, 'the new receiver got the next SYN', () => later.length === 1);
      assert.deepEqual(queue.outstanding(), [syns[0], syns[2], later[0]]);
      queue.verdict([syns[0]!.id, syns[2]!.id, later[0]!.id], 'accept');
    },
  ),

  onQueue('a verdict for what is not outstanding does nothing', async (stage, queue, syns) => {
    const attempt = stage.connect(stage.vip(0), 40021);
    await until(stage, 'the SYN came', () => syns.length === 1);
    const { id } = syns[0]!;
    queue.verdict([id + 1, id + 1000], 'accept');
    await stage.pass(20);
    assert.equal(queue.counters().depth, 1);
    assert.equal(attempt.state(), 'pending');
    queue.verdict([id], 'accept');
    queue.verdict([id, id], 'drop');
    await until(stage, 'the client was refused', () => attempt.state() === 'refused');
  }),

  onQueue('many verdicts at once settle exactly those packets', async (stage, queue, syns) => {
    const attempts = Array.from({ length: 40 }, (_, i) => stage.connect(stage.vip(i % 3), 40100 + i));
    await until(stage, 'all SYNs came', () => new Set(syns.map((syn) => syn.client)).size === 40);
    const even = syns.filter((_, i) => i % 2 === 0);
    queue.verdict(even.map((syn) => syn.id).reverse(), 'accept');
    await until(
      stage,
      'half were refused',
      () => attempts.filter((a) => a.state() === 'refused').length >= 20,
    );
    assert.equal(queue.counters().depth, queue.outstanding().length);
    for (const syn of queue.outstanding()) assert.ok(!even.includes(syn));
    queue.verdict(
      queue.outstanding().map((syn) => syn.id),
      'accept',
    );
    await until(stage, 'all were refused', () => attempts.every((a) => a.state() === 'refused'));
    assert.deepEqual(queue.outstanding(), []);
    assert.equal(queue.counters().depth, 0);
  }),

  onQueue('a queue that is held cannot be opened again', async (stage) => {
    assert.throws(
      () => stage.queues.open(stage.queue),
      (error) => error instanceof KernelError && (error.code === 'EBUSY' || error.code === 'EPERM'),
    );
  }),

  {
    name: 'a full queue lets SYNs pass, and takes them again when there is room',
    run: async (stage) => {
      const queue = stage.narrowQueues(2).open(stage.queue);
      const syns: Syn[] = [];
      queue.receive((batch) => syns.push(...batch));
      const attempts = [40301, 40302].map((port) => stage.connect(stage.vip(0), port));
      await until(stage, 'two SYNs came', () => syns.length === 2);
      const passing = stage.connect(stage.vip(0), 40303);
      await until(stage, 'the third passed and was refused', () => passing.state() === 'refused');
      assert.deepEqual(
        attempts.map((attempt) => attempt.state()),
        ['pending', 'pending'],
      );
      queue.verdict([syns[0]!.id], 'accept');
      const taken = stage.connect(stage.vip(0), 40304);
      await until(stage, 'the fourth came', () => syns.length === 3);
      assert.equal(taken.state(), 'pending');
      // A packet that passed is none that was dropped.
      assert.equal(queue.counters().droppedFull, 0);
      for (const attempt of [...attempts, taken]) attempt.abandon();
      queue.close();
    },
  },

  onQueue('closing drops what is outstanding, and later SYNs pass', async (stage, queue, syns) => {
    const held = stage.connect(stage.vip(0), 40201);
    await until(stage, 'the SYN came', () => syns.length === 1);
    queue.close();
    await stage.pass(20);
    assert.equal(held.state(), 'pending');
    const passing = stage.connect(stage.vip(0), 40202);
    await until(stage, 'the next SYN passed and was refused', () => passing.state() === 'refused');
    held.abandon();
    stage.queues.open(stage.queue).close();
  }),
];

function onQueue(name: string, play: (stage: Stage, queue: PacketQueue, syns: Syn[]) => Promise<void>): Case {
  return {
    name,
    run: async (stage) => {
      const queue = stage.queues.open(stage.queue);
      const syns: Syn[] = [];
      queue.receive((batch) => syns.push(...batch));
      try {
        await play(stage, queue, syns);
      } finally {
        queue.close();
      }
    },
  };
}
