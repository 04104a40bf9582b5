import test from 'ava';
import fc from 'fast-check';
import { formatDuration, parseDuration } from '../../src/core/duration.js';

const rows: readonly [text: string, ms: number | undefined][] = [
  ['400ms', 400],
  ['5s', 5000],
  ['5m', 300_000],
  ['1h', 3_600_000],
  ['1.5s', 1500],
  ['0s', 0],
  ['5', undefined],
  ['-5s', undefined],
  ['5 s', undefined],
  ['5S', undefined],
  ['1m30s', undefined],
  ['', undefined],
  ['1e3s', undefined],
];

for (const [text, ms] of rows) {
  test(`duration: "${text}" is ${ms === undefined ? 'refused' : `${ms} ms`}`, (t) => {
    t.is(parseDuration(text), ms);
  });
}

test('duration: what is written is read back', (t) => {
  fc.assert(fc.property(fc.nat(86_400_000), (ms) => parseDuration(formatDuration(ms)) === ms));
  t.is(formatDuration(90_000), '90s');
  t.is(formatDuration(0), '0ms');
});
