import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { openSource } from '../../src/sources/open-source.js';
import { ReaderThread } from '../../src/sources/reader-thread.js';
import { FakeMaster } from '../../testbed/fake-master.js';
import { SOURCE_CASES, type SourceSubject } from '../conformance/source.js';
import { vips } from '../support/vips.js';

const thread = new ReaderThread();
test.after.always(() => thread.stop());

const VIP = '10.40.0.1:80';
/** Backends of the VIP, one more for each change. */
const backends = (count: number): string[] => Array.from({ length: count }, (_, n) => `10.20.0.${n}:8000`);

const real = {
  pass: async (ms: number): Promise<void> => sleep(ms),
  answer: <T>(coming: Promise<T>): Promise<T> => coming,
};

async function fileSubject(t: ExecutionContext): Promise<SourceSubject> {
  const directory = mkdtempSync(join(tmpdir(), 'minuteman-source-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'vips.json');
  let count = 1;
  const write = (text: string): void => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };
  const mend = async (): Promise<void> => write(JSON.stringify({ vips: { [VIP]: backends(count) } }));
  await mend();
  const source = openSource({ type: 'file', path }, thread);
  t.teardown(() => source.close());
  return {
    ...real,
    source,
    truth: () => vips({ [VIP]: backends(count) }),
    change: () => {
      count += 1;
      return mend();
    },
    spoil: async () => write('{"vips":{"10.'),
    mend,
  };
}

async function masterSubject(t: ExecutionContext): Promise<SourceSubject> {
  const master = new FakeMaster();
  let count = 1;
  const serve = async (): Promise<void> =>
    master.serve({
      agents: backends(count).map((_, n) => ({ id: `S${n}`, address: `10.20.0.${n}` })),
      tasks: backends(count).map((_, n) => ({ id: `web.${n}`, agent: `S${n}`, vip: VIP, port: 8000 })),
    });
  await serve();
  await master.start();
  t.teardown(() => master.stop());
  const source = openSource({ type: 'mesos-master', url: master.url }, thread);
  t.teardown(() => source.close());
  return {
    ...real,
    source,
    truth: () => vips({ [VIP]: backends(count) }),
    change: () => {
      count += 1;
      return serve();
    },
    spoil: () => master.behave({ as: 'status', status: 500 }),
    mend: () => master.behave({ as: 'plain' }),
  };
}

for (const [name, subject] of [
  ['file', fileSubject],
  ['Mesos master', masterSubject],
] as const)
  for (const { title, run } of SOURCE_CASES)
    test(`real source, ${name}: ${title}`, async (t) => {
      await t.notThrowsAsync(run(await subject(t)));
    });
