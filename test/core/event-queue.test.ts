import test from 'ava';
import fc from 'fast-check';
import { EventQueue } from '../../src/core/event-queue.js';

test('events come in the order of time, then of the tie-break, then as they were pushed', (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(20), fc.nat(3), fc.boolean()), { maxLength: 200 }), (pushed) => {
      const queue = new EventQueue();
      const taken: number[] = [];
      const expected = pushed
        .map(([timeMs, tie, cancelled], index) => ({ timeMs, tie, cancelled, index }))
        .filter(({ cancelled }) => !cancelled)
        .sort((a, b) => a.timeMs - b.timeMs || a.tie - b.tie || a.index - b.index)
        .map(({ index }) => index);
      for (const [index, [timeMs, tie, cancelled]] of pushed.entries()) {
        const event = queue.push(timeMs, tie, () => taken.push(index));
        if (cancelled) event.cancel();
      }
      t.is(queue.length, expected.length);
      for (let due = queue.take(20); due !== undefined; due = queue.take(20)) due.run();
      t.deepEqual(taken, expected);
      t.is(queue.length, 0);
    }),
  );
});

test('what is later than asked for stays', (t) => {
  const queue = new EventQueue();
  queue.push(5, 0, () => {});
  t.is(queue.take(4.9), undefined);
  t.is(queue.take(5)?.timeMs, 5);
});

test('cancelling late, twice, or by the thousand leaves the others in order', (t) => {
  const queue = new EventQueue();
  const events = Array.from({ length: 10_000 }, (_, index) => queue.push(index, 0, () => {}));
  const taken = queue.take(0);
  events[0]!.cancel();
  t.is(taken?.timeMs, 0);
  for (const [index, event] of events.entries()) if (index % 10 !== 3) event.cancel();
  events[1]!.cancel();
  t.is(queue.length, 1_000);
  for (let index = 3; index < 10_000; index += 10) t.is(queue.take(10_000)?.timeMs, index);
  t.is(queue.take(10_000), undefined);
});

test('when the first is due does not count those that were cancelled', (t) => {
  const queue = new EventQueue();
  t.is(queue.nextMs(), undefined);
  const [first, second, third] = [1, 2, 3].map((timeMs) => queue.push(timeMs, 0, () => {}));
  t.is(queue.nextMs(), 1);
  second!.cancel();
  first!.cancel();
  t.deepEqual([queue.nextMs(), queue.length], [3, 1]);
  third!.cancel();
  t.deepEqual([queue.nextMs(), queue.length, queue.take(9)], [undefined, 0, undefined]);
});
