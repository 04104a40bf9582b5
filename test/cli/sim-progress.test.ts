import test from 'ava';
import { rate, speedOf } from '../../src/cli/sim-output.js';
import { ProgressLine } from '../../src/cli/sim-progress.js';

function terminal(isTTY: boolean): {
  written: string[];
  isTTY: boolean;
  columns: number;
  write(text: string): void;
} {
  const written: string[] = [];
  return { written, isTTY, columns: 11, write: (text) => written.push(text) };
}

test('progress is one line that fits, now and then', (t) => {
  const stream = terminal(true);
  let clock = 0;
  const line = new ProgressLine(stream, () => clock);
  for (clock = 0; clock < 400; clock += 10) line.show(() => `${clock} of many things`);
  line.clear();
  line.clear();
  t.deepEqual(stream.written, ['\r\x1b[K0 of many ', '\r\x1b[K150 of man', '\r\x1b[K300 of man', '\r\x1b[K']);
});

test('nobody is shown anything where there is no terminal', (t) => {
  const stream = terminal(false);
  const line = new ProgressLine(stream, () => 0);
  line.show(() => 'text');
  line.clear();
  t.deepEqual(stream.written, []);
});

test('numbers are short', (t) => {
  t.deepEqual([999.4, 12_345, 1_234_567].map(rate), ['999', '12k', '1.2M']);
  t.deepEqual([speedOf(60_000, 80), speedOf(1_500, 1_000)], ['750 x', '1.5 x']);
});
