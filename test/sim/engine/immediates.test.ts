import { setImmediate as turnOfLoop } from 'node:timers/promises';
import test from 'ava';
import seedrandom from 'seedrandom';
import { immediates } from '../../../src/sim/engine/immediates.js';

/** Immediates that set further ones, take others back and promise things, as chance has it; notes what happens when. */
function program(seed: string): readonly string[] {
  const random = seedrandom(seed);
  const log: string[] = [];
  const set: NodeJS.Immediate[] = [];
  let made = 0;
  const later = (): void => {
    if (made === 200) return;
    made += 1;
    const name = made;
    const immediate = setImmediate(
      async (word: string) => {
        log.push(`${name} ${word}`);
        for (let more = Math.floor(3 * random()); more > 0; more -= 1) later();
        if (random() < 0.2) clearImmediate(set[Math.floor(random() * set.length)]);
        await Promise.resolve();
        log.push(`${name} goes on`);
        if (random() < 0.3) later();
      },
      random() < 0.5 ? 'runs' : 'is run',
    );
    set.push(immediate);
  };
  for (let i = 0; i < 4; i += 1) later();
  return log;
}

test.serial('callbacks and what they promise come in the order of the real loop', async (t) => {
  let longest = 0;
  for (let seed = 1; seed <= 40; seed += 1) {
    const real = program(`immediates ${seed}`);
    for (let turn = 0; turn < 300; turn += 1) await turnOfLoop();
    immediates.hold();
    const ours = program(`immediates ${seed}`);
    while (immediates.runNext()) await undefined;
    immediates.release();
    t.deepEqual(ours, real);
    longest = Math.max(longest, real.length);
  }
  t.true(longest > 100);
});

test.serial('what waits at the end the real loop runs, and what was taken back nobody', async (t) => {
  const log: string[] = [];
  immediates.hold();
  immediates.hold();
  setImmediate(() => log.push('first'));
  const back = setImmediate(() => log.push('taken back'));
  setImmediate(() => log.push('second'));
  t.true(immediates.runNext());
  immediates.release();
  await immediates.outside();
  t.deepEqual(log, ['first'], 'somebody still holds them');
  immediates.release();
  clearImmediate(back);
  await turnOfLoop();
  t.deepEqual(log, ['first', 'second']);
  t.false(immediates.runNext());
  const native = setImmediate(() => log.push('never'));
  clearImmediate(native);
  clearImmediate(undefined);
  await turnOfLoop();
  t.deepEqual(log, ['first', 'second']);
});
