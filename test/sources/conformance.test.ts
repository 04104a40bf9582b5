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

/** A VIP whose backends grow by one with each change; `publish` tells the world of them. */
function growing(publish: (backends: readonly string[]) => Promise<void>) {
  let count = 1;
  const tell = (): Promise<void> => publish(backends(count));
  return {
    tell,
    truth: () => vips({ [VIP]: backends(count) }),
    change: () => {
      count += 1;
      return tell();
    },
  };
}

async function fileSubject(t: ExecutionContext): Promise<SourceSubject> {
  const directory = mkdtempSync(join(tmpdir(), 'minuteman-source-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'vips.json');
  const write = async (text: string): Promise<void> => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };
  const { tell, ...vip } = growing((served) => write(JSON.stringify({ vips: { [VIP]: served } })));
  await tell();
  const source = openSource({ type: 'file', path }, thread);
  t.teardown(() => source.close());
  return { ...real, ...vip, source, spoil: () => write('{"vips":{"10.'), mend: tell };
}

async function masterSubject(t: ExecutionContext): Promise<SourceSubject> {
  const master = new FakeMaster();
  const { tell, ...vip } = growing(async (served) =>
    master.serve({
      agents: served.map((_, n) => ({ id: `S${n}`, address: `10.20.0.${n}` })),
      tasks: served.map((_, n) => ({ id: `web.${n}`, agent: `S${n}`, vip: VIP, port: 8000 })),
    }),
  );
  await tell();
  await master.start();
  t.teardown(() => master.stop());
  const source = openSource({ type: 'mesos-master', url: master.url }, thread);
  t.teardown(() => source.close());
  return {
    ...real,
    ...vip,
    source,
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
