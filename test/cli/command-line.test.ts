import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { runTool } from '../../src/native/tool.js';
import { MINUTEMAN, minuteman } from '../support/command.js';

const directory = mkdtempSync(join(tmpdir(), 'minuteman-cli-'));
test.after.always(() => rmSync(directory, { recursive: true }));
const file = (name: string, text: string): string => {
  writeFileSync(join(directory, name), text);
  return join(directory, name);
};
const good = file('good.yaml', 'node: { name: n1 }\nsources:\n  - { type: file, path: vips.yaml }\n');
const bad = file('bad.yaml', 'node: { name: "a b" }\napi: { prot: 1 }\nsources:\n  - { type: zookeeper }\n');
const examples = fileURLToPath(new URL('../../../../examples/', import.meta.url));

interface Row {
  readonly title: string;
  readonly args: readonly string[];
  readonly code: number;
  readonly stdout?: RegExp;
  readonly stderr?: RegExp;
}

const rows: readonly Row[] = [
  { title: 'nothing: help, and it is wrong usage', args: [], code: 2, stderr: /Usage: minuteman/ },
  {
    title: '--help',
    args: ['--help'],
    code: 0,
    stdout: /Commands:[\s\S]+check-config[\s\S]+First steps:[\s\S]+Exit status/,
  },
  {
    title: 'help of a command',
    args: ['help', 'teardown'],
    code: 0,
    stdout: /rules, sets and connection entries/,
  },
  { title: '--version', args: ['--version'], code: 0, stdout: /^\d+\.\d+\.\d+\n$/ },
  {
    title: 'an unknown command',
    args: ['agnet'],
    code: 2,
    stderr: /unknown command 'agnet'[\s\S]+Did you mean agent/,
  },
  { title: 'an unknown option', args: ['vips', '--jsno'], code: 2, stderr: /unknown option '--jsno'/ },
  { title: 'an argument too many', args: ['keygen', 'x'], code: 2, stderr: /too many arguments/ },
  {
    title: 'agent without its configuration',
    args: ['agent'],
    code: 2,
    stderr: /required option '-c, --config <file>'/,
  },
  {
    title: 'agent with a configuration that is not there',
    args: ['agent', '--config', '/nonexistent.yaml'],
    code: 2,
    stderr: /^\/nonexistent\.yaml: cannot be read \(ENOENT\); check the path and its permissions\n$/,
  },
  {
    title: 'agent with a faulty configuration',
    args: ['agent', '-c', bad],
    code: 2,
    stderr: /^node\.name: .*\napi\.prot: .*\nsources\[0\]\.type: .*\n$/,
  },
  {
    title: 'check-config with faults: a line each',
    args: ['check-config', bad],
    code: 2,
    stdout: /^$/,
    stderr: /^node\.name: .*\napi\.prot: .*\nsources\[0\]\.type: .*\n$/,
  },
  {
    title: 'check-config without a file',
    args: ['check-config'],
    code: 2,
    stderr: /missing required argument 'file'/,
  },
  { title: 'keygen', args: ['keygen'], code: 0, stdout: /^[A-Za-z0-9+/]{43}=\n$/ },
  ...['vips', 'status', 'members'].map((command) => ({
    title: `${command} when no daemon answers`,
    args: [command, '--api', 'http://127.0.0.1:9'],
    code: 1,
    stdout: /^$/,
    stderr:
      /^no answer from http:\/\/127\.0\.0\.1:9\/\w+ \(ECONNREFUSED\); is the daemon running\? .*--api URL\n$/,
  })),
  {
    title: '--api that is no URL',
    args: ['vips', '--api', 'localhost'],
    code: 2,
    stderr: /^--api localhost is no URL of an API; write it as http:\/\/127\.0\.0\.1:61421\n$/,
  },
];

for (const row of rows) {
  test(`minuteman: ${row.title}`, async (t) => {
    const run = await minuteman(...row.args);
    t.is(run.code, row.code, run.stderr);
    if (row.stdout !== undefined) t.regex(run.stdout, row.stdout);
    t.regex(run.stderr, row.stderr ?? /^$/);
  });
}

test('minuteman: check-config prints a configuration that it accepts, unchanged', async (t) => {
  const first = await minuteman('check-config', good);
  t.is(first.code, 0, first.stderr);
  const config = JSON.parse(first.stdout) as { node: unknown; api: unknown; sources: unknown };
  t.deepEqual(config.node, { name: 'n1' });
  t.deepEqual(config.api, { address: '127.0.0.1', port: 61421 });
  const second = await minuteman('check-config', file('effective.json', first.stdout));
  t.is(second.stdout, first.stdout);
});

test('minuteman: the examples are valid', async (t) => {
  const run = await minuteman('check-config', join(examples, 'minuteman.yaml'));
  t.is(run.code, 0, run.stderr);
});

test('minuteman: every key of keygen is another', async (t) => {
  const [a, b] = await Promise.all([minuteman('keygen'), minuteman('keygen')]);
  t.not(a.stdout, b.stdout);
});

test('minuteman: before it is built it says how to build it', async (t) => {
  mkdirSync(join(directory, 'bin'));
  writeFileSync(join(directory, 'package.json'), '{"type": "module"}');
  copyFileSync(MINUTEMAN, join(directory, 'bin', 'minuteman'));
  const run = await runTool(process.execPath, [join(directory, 'bin', 'minuteman'), 'vips']);
  t.is(run.code, 1);
  t.is(run.stderr, 'minuteman is not built; run "npm run setup" in its directory first\n');
});
