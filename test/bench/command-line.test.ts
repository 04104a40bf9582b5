import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { commandLine, positive, UsageError } from '../../bench/command-line.js';

const OPTIONS = {
  rounds: ['5', 'of all sizes'],
  small: [false, 'as the tests run it'],
} as const;

function usageError(run: () => unknown): UsageError {
  try {
    run();
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error('nothing was wrong with it');
}

test('options have their values, or what they are unless told otherwise', (t) => {
  t.like(commandLine('What it does.', OPTIONS, []), { rounds: '5', small: false });
  t.like(commandLine('What it does.', OPTIONS, ['--small', '--rounds', '9']), { rounds: '9', small: true });
});

test('help is no fault, and names every option', (t) => {
  const { exitCode, message } = usageError(() => commandLine('What it does.', OPTIONS, ['-h']));
  t.is(exitCode, 0);
  t.regex(message, /^What it does\.\n/);
  t.regex(message, /--rounds <5> {2}of all sizes\n/);
  t.regex(message, /--small {7}as the tests run it\n/);
});

test('what there is no option for is named, with help', (t) => {
  const { exitCode, message } = usageError(() => commandLine('What it does.', OPTIONS, ['--round', '9']));
  t.is(exitCode, 2);
  t.regex(message, /^Unknown option '--round'/);
  t.regex(message, /--rounds <5>/);
  t.is(usageError(() => positive('--rounds', '0')).message, '--rounds must be a whole number above 0, not 0');
});

test('a benchmark says so without a stack, and ends with status 2', (t) => {
  const program = fileURLToPath(new URL('../../bench/pick.js', import.meta.url));
  const { status, stderr, stdout } = spawnSync(process.execPath, [program, '--rounds', 'many'], {
    encoding: 'utf8',
  });
  t.is(status, 2);
  t.is(stderr, '--rounds must be a whole number above 0, not many\n');
  t.is(stdout, '');
});
