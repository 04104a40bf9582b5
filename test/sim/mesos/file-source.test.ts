import test from 'ava';
import { FileSource } from '../../../src/sim/mesos/file-source.js';
import { VIP_FILE, VipFiles } from '../../../src/sim/mesos/vip-files.js';
import { Follower, lines, MesosVillage } from './cluster.js';

function follow(seed = 1) {
  const village = new MesosVillage({ file: true, seed });
  const files = new VipFiles(village.engine, village.orchestrator, village.hosts);
  village.begin();
  const source = new FileSource(village.processes[0]!, files.file('n1'), 'reader');
  const follower = new Follower(source);
  return { village, files, source, follower };
}

test('the file is there from the start, on every host, and reads as the truth', async (t) => {
  const { village, follower } = follow();
  follower.read();
  await village.run(1_000);
  t.deepEqual(lines(follower.vips), lines(village.orchestrator.vips));
  follower.read();
  await village.run(2_000);
  t.is(follower.last, 'unchanged');
  t.true(village.hosts.every(({ disk }) => disk.has(VIP_FILE)));
});

test('a change is told within the roll-out, also one that is written clumsily, and never half of it', async (t) => {
  for (const seed of [1, 2, 3]) {
    const { village, source, follower } = follow(seed);
    source.watch(() => follower.read());
    follower.read();
    for (let n = 0; n < 30; n += 1) {
      await village.run(village.engine.nowMs + 1_000);
      const before = lines(follower.vips);
      t.deepEqual(before, lines(village.orchestrator.vips));
      village.orchestrator.setHealthy(n % 9, n % 2 === 0);
    }
    t.deepEqual(
      follower.readings.filter(({ kind }) => kind === 'failed'),
      [],
    );
  }
});

type Row = readonly [content: string | undefined, says: RegExp];
const ROWS: readonly Row[] = [
  [undefined, /does not exist/],
  ['', /JSON/],
  ['{"vips":{"10.1.2.3:5000":["10.99', /JSON/],
  ['{"vips":[]}', /vips: must map VIPs/],
  ['{"vips":{"10.1.2.3":[]},"a":1}', /vips\.10\.1\.2\.3: .*is no ADDRESS:PORT.*; a: unknown key/],
];
for (const [content, says] of ROWS) {
  test(`a file that is ${JSON.stringify(content)} fails: ${says}; what it said before is kept`, async (t) => {
    const { village, files, follower } = follow();
    follower.read();
    await village.run(1_000);
    const before = lines(follower.vips);
    if (content === undefined) village.hosts[0]!.disk.delete(VIP_FILE);
    else files.file('n1').write(new TextEncoder().encode(content));
    follower.read();
    await village.run(2_000);
    t.regex(follower.last, says);
    t.deepEqual(lines(follower.vips), before);
    files.restore('n1');
    follower.read();
    await village.run(3_000);
    t.is(follower.last, 'unchanged');
  });
}

test('a host that is away misses a change and gets it when it is restored', async (t) => {
  const { village, files, follower } = follow();
  follower.read();
  await village.run(1_000);
  village.orchestrator.hostDown('n1');
  village.orchestrator.add();
  await village.run(3_000);
  follower.read();
  await village.run(4_000);
  t.is(follower.last, 'unchanged');
  village.orchestrator.hostUp('n1');
  files.restore('n1');
  follower.read();
  await village.run(5_000);
  t.deepEqual(lines(follower.vips), lines(village.orchestrator.vips));
});

test('nobody is told of changes after the end of the process or of the source', async (t) => {
  for (const end of ['process', 'source'] as const) {
    const { village, source, follower } = follow();
    source.watch(() => follower.read());
    if (end === 'process') village.processes[0]!.end();
    else source.close();
    village.orchestrator.add();
    await village.run(5_000);
    t.is(follower.readings.length, 0, end);
  }
});
