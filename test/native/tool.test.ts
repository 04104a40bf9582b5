import test from 'ava';
import { runTool, type ToolOptions, type ToolRun } from '../../src/native/tool.js';

const rows: readonly [title: string, file: string, args: string[], options: ToolOptions, run: ToolRun][] = [
  [
    'a program that ends well answers what it printed',
    'sh',
    ['-c', 'echo out; echo err >&2'],
    {},
    { code: 0, stdout: 'out\n', stderr: 'err\n', failure: undefined },
  ],
  [
    'an exit status is answered, not thrown',
    'sh',
    ['-c', 'exit 7'],
    {},
    { code: 7, stdout: '', stderr: '', failure: undefined },
  ],
  ['input reaches the program', 'cat', [], { input: 'x'.repeat(300_000) }, ended('x'.repeat(300_000))],
  ['arguments are never read by a shell', 'printf', ['%s', '$(id); `id`'], {}, ended('$(id); `id`')],
  ['a program that ignores its input is fine', 'true', [], { input: 'x'.repeat(300_000) }, ended('')],
  [
    'a program that is not there is a failure',
    '/nowhere/no-such-program',
    [],
    {},
    { code: -1, stdout: '', stderr: '', failure: 'ENOENT' },
  ],
  [
    'a program that takes too long is killed, with what it said so far',
    'sh',
    ['-c', 'echo begun; sleep 60'],
    { timeoutMs: 300 },
    { code: -1, stdout: 'begun\n', stderr: '', failure: 'ETIMEDOUT' },
  ],
  [
    'a program that was killed by somebody is a failure',
    'sh',
    ['-c', 'kill -9 $$'],
    {},
    { code: -1, stdout: '', stderr: '', failure: 'SIGKILL' },
  ],
];

for (const [title, file, args, options, run] of rows) {
  test(title, async (t) => {
    const started = performance.now();
    t.deepEqual(await runTool(file, args, options), run);
    t.true(performance.now() - started < 20_000);
  });
}

function ended(stdout: string): ToolRun {
  return { code: 0, stdout, stderr: '', failure: undefined };
}
