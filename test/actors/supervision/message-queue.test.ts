import test from 'ava';
import fc from 'fast-check';
import { MessageQueue } from '../../../src/actors/supervision/message-queue.js';

test('what goes in comes out in order, through any mix of pushes, takes and clears', (t) => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('push' as const), count: fc.nat(3000) }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('shift' as const), count: fc.nat(3000) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const), count: fc.constant(0) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const queue = new MessageQueue<number | undefined>();
      let next = 0;
      let oldest = 0;
      for (const { kind, count } of steps) {
        if (kind === 'push') {
          for (let index = 0; index < count; index += 1, next += 1) queue.push(next);
        } else if (kind === 'shift') {
          for (let index = 0; index < count && oldest < next; index += 1, oldest += 1) {
            if (queue.shift() !== oldest) return false;
          }
        } else {
          if (queue.clear() !== next - oldest) return false;
          oldest = next;
        }
        if (queue.length !== next - oldest) return false;
      }
      return true;
    }),
  );
  t.pass();
});

test('undefined is a message like any other', (t) => {
  const queue = new MessageQueue<undefined>();
  queue.push(undefined);
  t.is(queue.length, 1);
  t.is(queue.shift(), undefined);
  t.is(queue.length, 0);
});
