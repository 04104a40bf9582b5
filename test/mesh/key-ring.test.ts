import { chmodSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { generateKey, readKeyFile } from '../../src/mesh/key-file.js';
import { KeyRing } from '../../src/mesh/key-ring.js';
import { eventually } from '../support/eventually.js';
import { RecordingLog } from '../support/recording-log.js';

const directory = mkdtempSync(join(tmpdir(), 'minuteman-keys-'));
test.after.always(() => rmSync(directory, { recursive: true }));

let files = 0;
function keyFile(text: string, mode = 0o600): string {
  files += 1;
  const path = join(directory, `${files}.key`);
  writeFileSync(path, text, { mode });
  chmodSync(path, mode);
  return path;
}

const rows: readonly { title: string; path: () => string; fault: RegExp }[] = [
  {
    title: 'missing',
    path: () => join(directory, 'none'),
    fault: /none cannot be read \(ENOENT\); make one with "minuteman keygen > \S+none"$/,
  },
  { title: 'a directory', path: () => directory, fault: /is no file; name the file of keys$/ },
  { title: 'empty', path: () => keyFile('\n \n'), fault: /holds no key; make one with/ },
  {
    title: 'a key of 15 octets',
    path: () => keyFile(Buffer.alloc(15).toString('base64')),
    fault: /line 1 is a key of 15 bytes, at least 16/,
  },
  {
    title: 'no base64',
    path: () => keyFile(`${generateKey()}\nnot base64\n`),
    fault: /line 2 is not base64/,
  },
  {
    title: 'base64 of another alphabet',
    path: () => keyFile('-_-_-_-_-_-_-_-_-_-_-_-_'),
    fault: /line 1 is not base64/,
  },
  {
    title: 'another file altogether',
    path: () => keyFile('x'.repeat(100_000)),
    fault: /has 100000 bytes, which is no file of keys/,
  },
];

for (const { title, path, fault } of rows) {
  test(`key file: ${title} is a fault`, (t) => {
    const file = readKeyFile(path());
    t.regex(file.ok ? 'accepted' : file.fault, fault);
  });
}

test('key file: no fault shows what is in it', (t) => {
  const secret = 'c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0';
  const file = readKeyFile(keyFile(`${secret}!\n`));
  t.false(file.ok);
  t.false(JSON.stringify(file).includes(secret));
});

test('key file: keys come in their order, blank lines and ends of lines of another system do not matter', (t) => {
  const [first, second] = [generateKey(), generateKey()];
  const file = readKeyFile(keyFile(`\n${first}\r\n\r\n  ${second}  `));
  t.deepEqual(file.ok && file.keys.map((key) => key.toString('base64')), [first, second]);
  t.is(file.ok && file.warning, undefined);
});

test('key file: one that everybody can read is used, with a warning', (t) => {
  const file = readKeyFile(keyFile(generateKey(), 0o644));
  t.regex((file.ok && file.warning) || '', /can be read by every user .* "chmod o-r /);
  const ours = readKeyFile(keyFile(generateKey(), 0o640));
  t.is(ours.ok && ours.warning, undefined);
});

async function ring(path: string) {
  const log = new RecordingLog();
  const keys = new KeyRing(path, log, 20);
  const first = () => keys.keys.map((key) => key.toString('base64')).join();
  // fs.watchFile compares with what it saw first, which it reads a moment later.
  await sleep(100);
  return { log, keys, first };
}

const changes: readonly { title: string; change: (path: string, text: string) => void }[] = [
  { title: 'written over', change: writeFileSync },
  {
    title: 'replaced by another',
    change: (path, text) => {
      writeFileSync(`${path}.new`, text);
      renameSync(`${path}.new`, path);
    },
  },
  {
    title: 'a link that leads elsewhere now',
    change: (path, text) => {
      writeFileSync(`${path}.other`, text);
      rmSync(path);
      symlinkSync(`${path}.other`, path);
    },
  },
];

for (const { title, change } of changes) {
  test(`key ring: a file that was ${title} is read again`, async (t) => {
    const [old, fresh] = [generateKey(), generateKey()];
    const path = keyFile(old);
    const { keys, first, log } = await ring(path);
    t.is(first(), old);
    change(path, `${old}\n${fresh}\n`);
    await eventually('the new keys', first, (text) => text === `${old},${fresh}`, 15_000);
    const told = log.named('mesh-keys-changed').map(({ fields }) => fields.fingerprints as string[]);
    t.deepEqual(
      told.map((fingerprints) => fingerprints.length),
      [2],
    );
    t.false(JSON.stringify(log.events).includes(fresh));
    keys.close();
  });
}

test('key ring: while the file is gone or faulty the last keys stay, and each fault is told once', async (t) => {
  const [old, fresh] = [generateKey(), generateKey()];
  const path = keyFile(old);
  const { keys, first, log } = await ring(path);
  rmSync(path);
  const told = () => log.named('mesh-keys-unreadable').length;
  await eventually('the first fault', told, (count) => count === 1, 15_000);
  writeFileSync(path, 'rubbish!');
  await eventually('the second fault', told, (count) => count === 2, 15_000);
  writeFileSync(path, 'rubbish!!');
  await sleep(150);
  t.is(told(), 2);
  t.is(first(), old);
  writeFileSync(path, fresh);
  await eventually('the new key', first, (text) => text === fresh, 15_000);
  keys.close();
});

test('key ring: a file that is faulty at the start is an error', (t) => {
  t.throws(() => new KeyRing(join(directory, 'none'), new RecordingLog()), { message: /minuteman keygen/ });
});

test('key ring: a file that everybody can read is warned of, once', async (t) => {
  const path = keyFile(generateKey(), 0o644);
  const { keys, log, first } = await ring(path);
  const fresh = generateKey();
  writeFileSync(path, fresh);
  await eventually('the new key', first, (text) => text === fresh, 15_000);
  t.is(log.named('mesh-keys-exposed').length, 1);
  keys.close();
});
