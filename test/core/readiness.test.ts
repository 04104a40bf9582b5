import test from 'ava';
import { Readiness } from '../../src/core/readiness.js';

test('a node is ready once, when the last of its parts is, whatever falls away and returns later', (t) => {
  let announced = 0;
  const readiness = new Readiness({ set: 'no set yet', rules: 'no rules yet' }, () => {
    announced += 1;
  });
  t.deepEqual(readiness.reasons(), ['no set yet', 'no rules yet']);
  readiness.ready('set');
  readiness.notReady('set', 'set is gone');
  readiness.ready('rules');
  t.deepEqual([announced, readiness.reasons()], [0, ['set is gone']]);
  readiness.ready('set');
  t.deepEqual([announced, readiness.reasons()], [1, []]);
  readiness.notReady('rules', 'no permission');
  t.deepEqual(readiness.reasons(), ['no permission']);
  readiness.ready('rules');
  t.deepEqual([announced, readiness.reasons()], [1, []]);
});
