import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { parseEndpoint } from '../../src/core/endpoint.js';
import { MemberFile } from '../../src/mesh/member-file.js';
import type { SavedMembers } from '../../src/ports/mesh.js';
import { RecordingLog } from '../support/recording-log.js';

const directory = mkdtempSync(join(tmpdir(), 'minuteman-members-'));
test.after.always(() => rmSync(directory, { recursive: true }));

const member = (at: string, name: string) => ({ endpoint: parseEndpoint(at)!, name });
const members: SavedMembers = {
  epoch: 7,
  members: [member('10.0.0.2:61420', 'n2'), member('10.0.0.1:61420', 'n1'), member('10.0.0.3:1', 'n1')],
};

let files = 0;
function store(text?: string): {
  readonly file: MemberFile;
  readonly path: string;
  readonly log: RecordingLog;
} {
  files += 1;
  const path = join(directory, `${files}.json`);
  if (text !== undefined) writeFileSync(path, text);
  const log = new RecordingLog();
  return { file: new MemberFile(path, log), path, log };
}

test('members: what was saved is loaded, in its order', async (t) => {
  const { file, path, log } = store();
  file.save(members);
  await file.settled();
  t.deepEqual(new MemberFile(path, log).load(), members);
  t.deepEqual(log.events, []);
});

test('members: a directory that is not there is made, and nothing is left beside the file', async (t) => {
  const log = new RecordingLog();
  const path = join(directory, 'a', 'b', 'members.json');
  const file = new MemberFile(path, log);
  file.save(members);
  await file.settled();
  t.deepEqual(file.load(), members);
  t.deepEqual(readdirSync(join(directory, 'a', 'b')), ['members.json']);
});

test('members: of what is saved while a write is under way, the last is written', async (t) => {
  const { file } = store();
  for (let epoch = 1; epoch <= 100; epoch++) file.save({ ...members, epoch });
  await file.settled();
  t.is(file.load()?.epoch, 100);
});

test('members: what an interrupted write left beside the file does not matter', async (t) => {
  const { file, path } = store();
  file.save(members);
  await file.settled();
  writeFileSync(`${path}.new`, '{"version":1,"epo');
  t.deepEqual(file.load(), members);
  file.save({ ...members, epoch: 8 });
  await file.settled();
  t.is(file.load()?.epoch, 8);
  t.false(existsSync(`${path}.new`));
});

const spoilt: readonly { title: string; text: string }[] = [
  { title: 'empty', text: '' },
  { title: 'cut short', text: '{"version":1,"epoch":3,"memb' },
  { title: 'zeros, as a crash of the host leaves them', text: '\0'.repeat(300) },
  { title: 'of another version', text: '{"version":2,"epoch":3,"members":[]}' },
  { title: 'of another shape', text: '[1,2,3]' },
  {
    title: 'with an endpoint that is none',
    text: '{"version":1,"epoch":3,"members":[{"endpoint":"10.0.0.300:1","name":"a"}]}',
  },
  {
    title: 'with a name that is none',
    text: '{"version":1,"epoch":3,"members":[{"endpoint":"10.0.0.3:1","name":"a b"}]}',
  },
  { title: 'with a negative epoch', text: '{"version":1,"epoch":-3,"members":[]}' },
  { title: 'nested without end', text: '['.repeat(100_000) },
];

for (const { title, text } of spoilt) {
  test(`members: a file that is ${title} is told of, and replaced by the next save`, async (t) => {
    const { file, path, log } = store(text);
    t.is(file.load(), undefined);
    t.is(log.named('members-unreadable').length, 1);
    t.true(log.events[0]?.message.startsWith(path));
    file.save(members);
    await file.settled();
    t.deepEqual(file.load(), members);
  });
}

test('members: a file that is missing is told of, as nothing to worry about', (t) => {
  const { file, log } = store();
  t.is(file.load(), undefined);
  t.deepEqual(
    log.events.map(({ level, event }) => [level, event]),
    [['info', 'members-none']],
  );
});

test('members: a directory in the place of the file is told of', (t) => {
  const { file, path, log } = store();
  mkdirSync(path);
  t.is(file.load(), undefined);
  t.is(log.named('members-unreadable').length, 1);
});

test('members: a place that cannot be written is told of once, until it can again', async (t) => {
  const log = new RecordingLog();
  const blocked = join(directory, 'blocked');
  writeFileSync(blocked, 'a file where a directory should be');
  const file = new MemberFile(join(blocked, 'members.json'), log);
  for (let epoch = 1; epoch <= 3; epoch++) {
    file.save({ ...members, epoch });
    await file.settled();
  }
  t.is(log.named('members-not-saved').length, 1);
  rmSync(blocked);
  file.save({ ...members, epoch: 4 });
  await file.settled();
  t.is(file.load()?.epoch, 4);
  rmSync(blocked, { recursive: true });
  writeFileSync(blocked, 'again');
  file.save({ ...members, epoch: 5 });
  await file.settled();
  t.is(log.named('members-not-saved').length, 2);
});

test('members: the file is read by its owner alone', async (t) => {
  const { file, path } = store();
  file.save(members);
  await file.settled();
  t.is(spawnSync('stat', ['-c', '%a', path], { encoding: 'utf8' }).stdout.trim(), '600');
  t.true(readFileSync(path, 'utf8').endsWith('\n'));
});
