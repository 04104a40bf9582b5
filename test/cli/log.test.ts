import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { createLog, type LogStream } from '../../src/cli/log.js';

/** A reader that takes what it is told to take. */
class Reader implements LogStream {
  writableLength = 0;
  readonly lines: string[] = [];
  on(): void {}
  write(text: string): boolean {
    this.lines.push(text);
    return true;
  }
}

function logged(...args: Parameters<ReturnType<typeof createLog>['event']>): Record<string, unknown> {
  const reader = new Reader();
  createLog(reader).event(...args);
  if (reader.lines.length !== 1) throw new Error(`${reader.lines.length} lines`);
  if (!/^\{.*\}\n$/.test(reader.lines[0]!)) throw new Error(`no line: ${reader.lines[0]}`);
  return JSON.parse(reader.lines[0]!) as Record<string, unknown>;
}

const circular: Record<string, unknown> = { a: 1 };
circular.self = circular;

const rows: readonly {
  title: string;
  fields: Readonly<Record<string, unknown>> | undefined;
  expected: Readonly<Record<string, unknown>>;
}[] = [
  { title: 'an event without fields', fields: undefined, expected: {} },
  {
    title: 'fields stand beside the event',
    fields: { vip: '10.1.2.3:5000', n: 2 },
    expected: { vip: '10.1.2.3:5000', n: 2 },
  },
  { title: 'a line break stays inside its line', fields: { error: 'a\nb' }, expected: { error: 'a\nb' } },
  {
    title: 'fields named like ours are set apart',
    fields: { level: 'x', msg: 'y' },
    expected: { fields: { level: 'x', msg: 'y' } },
  },
  { title: 'a circle is cut', fields: { circular }, expected: { circular: { a: 1, self: '[Circular]' } } },
];

for (const row of rows) {
  test(`log: ${row.title}`, (t) => {
    const before = Date.now();
    const { time, ...rest } = logged('warn', 'source-error', 'cannot read', row.fields);
    t.deepEqual(rest, { level: 40, event: 'source-error', msg: 'cannot read', ...row.expected });
    t.true(typeof time === 'number' && time >= before && time <= Date.now());
  });
}

test('log: a field that cannot be read is no reason to throw', (t) => {
  const fields = {
    get broken(): string {
      throw new Error('no');
    },
  };
  t.is(logged('info', 'ready', 'x', fields).event, 'log-failed');
});

test('log: debug is not logged', (t) => {
  const reader = new Reader();
  createLog(reader).event('debug', 'x', 'y');
  t.deepEqual(reader.lines, []);
});

test('log: lines that a slow reader does not take are counted, not held for ever', (t) => {
  const reader = new Reader();
  const log = createLog(reader);
  reader.writableLength = 2_000_000;
  log.event('info', 'a', '');
  log.event('info', 'b', '');
  t.is(reader.lines.length, 0);
  reader.writableLength = 0;
  log.event('info', 'c', '');
  const [first, second] = reader.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  t.is(first!.event, 'c');
  t.like(second!, { event: 'log-lost', lines: 2 });
});

test('log: the last lines before the exit of a process are there, in order', async (t) => {
  const module = fileURLToPath(new URL('../../src/cli/log.js', import.meta.url));
  const script = `
    import { createLog } from ${JSON.stringify(module)};
    const log = createLog();
    setTimeout(() => { for (let i = 0; i < 50; i += 1) log.event('info', 'e' + i, 'x'.repeat(100)); process.exit(1); }, 5);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  for await (const chunk of child.stdout) text += chunk;
  const events = text
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { event: string }).event);
  t.deepEqual(
    events,
    Array.from({ length: 50 }, (_, i) => `e${i}`),
  );
});

/** Logs more than any pipe holds and exits as the daemon does; prints to standard error how long that took. */
const EXIT_WITH_MUCH = `
  import { createLog } from ${JSON.stringify(fileURLToPath(new URL('../../src/cli/log.js', import.meta.url)))};
  const log = createLog();
  for (let i = 0; i < 4000; i += 1) log.event('info', 'restarted', 'x'.repeat(200));
  log.event('error', 'stopped', 'the reason');
  process.stderr.write('logged', () => log.flush(() => process.exit(1)));
`;

function exitWithMuch() {
  return spawn(process.execPath, ['--input-type=module', '-e', EXIT_WITH_MUCH], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

test('log: a slow reader has the last line when the process is gone', async (t) => {
  const child = exitWithMuch();
  // It begins when everything was said.
  await once(child.stderr, 'data');
  let text = '';
  for await (const chunk of child.stdout) text += chunk;
  const lines = text.trim().split('\n');
  t.is(lines.length, 4001);
  t.is((JSON.parse(lines.at(-1)!) as { event: string }).event, 'stopped');
});

test('log: a reader that stands still does not keep the process from ending', async (t) => {
  const child = exitWithMuch();
  const [code] = await once(child, 'exit');
  t.is(code, 1);
  child.stdout.destroy();
});

test('log: a reader that stands still does not stop the process', async (t) => {
  const module = fileURLToPath(new URL('../../src/cli/log.js', import.meta.url));
  const script = `
    import { createLog } from ${JSON.stringify(module)};
    const log = createLog();
    for (let i = 0; i < 20000; i += 1) log.event('info', 'flood', 'x'.repeat(200));
    process.stderr.write('done', () => process.exit(0));
  `;
  // Nobody reads this standard output.
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for await (const chunk of child.stderr) said += chunk;
  t.is(said, 'done');
  child.stdout.destroy();
});
