import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { endpoint } from '../../../src/core/endpoint.js';
import { LineFile } from '../../../src/sim/report/line-file.js';
import { traceLine } from '../../../src/sim/report/trace-line.js';

test('a happening is a line of JSON with endpoints as text', (t) => {
  const client = endpoint(0x0a630001, 40_000);
  const vip = endpoint(0x0a010203, 5_000);
  t.is(
    traceLine({ kind: 'queued', host: 'n1', queue: 50, id: 3, client, vip }, 12.25),
    '{"atMs":12.25,"kind":"queued","host":"n1","queue":50,"id":3,"client":"10.99.0.1:40000","vip":"10.1.2.3:5000"}',
  );
});

test('times are written to the nanosecond', (t) => {
  const line = traceLine({ kind: 'desired', version: 1 }, 0.1 + 0.2);
  t.is(line, '{"atMs":0.3,"kind":"desired","version":1}');
});

test('lines are in the file as they were added, however many', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'minuteman-lines-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'trace');
  const file = new LineFile(path);
  for (let n = 0; n < 100_000; n += 1) file.add(`line ${n}, wörtlich`);
  file.close();
  const lines = readFileSync(path, 'utf8').split('\n');
  t.is(lines.length, 100_001);
  t.is(lines[99_999], 'line 99999, wörtlich');
});

test('a file that cannot be written is an error at once', (t) => {
  const error = t.throws(() => new LineFile('/nonexistent/trace'));
  t.is((error as NodeJS.ErrnoException).code, 'ENOENT');
});
