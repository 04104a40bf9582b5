import { chmodSync, mkdirSync, renameSync, rmdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { listen, probe } from '../../testbed/probing.js';
import { badDay, eventually, kernelState, ONE, TWO, VIP } from '../support/bad-day.js';
import { startDaemon } from '../support/daemon.js';

const GOOD = `vips:\n  "${VIP}": ["${ONE}"]\n  "10.1.2.4:80": ["${TWO}"]\n`;

/** What becomes of the file, and what the operator reads of it. */
const MISHAPS: readonly {
  readonly what: string;
  readonly befall: (path: string) => void;
  readonly told: RegExp;
}[] = [
  {
    what: 'it is half-written',
    befall: (path) => writeFileSync(path, GOOD.slice(0, GOOD.indexOf(ONE) + 5)),
    told: /line \d/,
  },
  { what: 'it is empty', befall: (path) => truncateSync(path), told: /the file is empty/ },
  { what: 'it is no YAML', befall: (path) => writeFileSync(path, 'vips: [}\n'), told: /line 1/ },
  {
    what: 'it has an unknown key',
    befall: (path) => writeFileSync(path, `${GOOD}vipz: {}\n`),
    told: /vipz \(line 4\): unknown key/,
  },
  {
    what: 'its VIPs are none',
    befall: (path) =>
      writeFileSync(
        path,
        'vips:\n  "127.0.0.1:80": []\n  "224.0.0.1:80": []\n  "0.0.0.0:1": []\n  "x": []\n',
      ),
    told: /127\.0\.0\.0\/8.*multicast.*0\.0\.0\.0\/8.*no ADDRESS:PORT/,
  },
  {
    what: 'a backend is none',
    befall: (path) => writeFileSync(path, `vips:\n  "${VIP}": ["web:80"]\n`),
    told: /"web:80" is no ADDRESS:PORT/,
  },
  {
    what: 'a key is there twice',
    befall: (path) => writeFileSync(path, `${GOOD}  "${VIP}": []\n`),
    told: /is there twice/,
  },
  {
    what: 'it is a directory',
    befall: (path) => {
      rmSync(path);
      mkdirSync(path);
    },
    told: /no regular file/,
  },
  { what: 'it is deleted', befall: (path) => rmdirSync(path), told: /does not exist/ },
];

badDay('whatever becomes of the VIP file, the last good one serves', async (t, day) => {
  await listen(day.one, 80, 'one');
  const daemon = await startDaemon(day.client, { vips: {} });
  writeFileSync(daemon.vipsPath, GOOD);
  await daemon.waitFor('vip-added', ({ vip }) => vip === VIP);
  const has = async (vips: readonly string[]): Promise<void> => {
    await eventually(
      vips.join(' '),
      async () => Object.keys((JSON.parse(await daemon.get('/vips')) as { vips: object }).vips),
      (found) => found.sort().join() === [...vips].sort().join(),
    );
  };
  await has([VIP, '10.1.2.4:80']);
  const whole = await kernelState(day.client);
  for (const { what, befall, told } of MISHAPS) {
    const logged = daemon.log('source-error').length;
    befall(daemon.vipsPath);
    const { answer } = await eventually(
      what,
      () => daemon.log('source-error').slice(logged),
      (lines) => lines.some(({ reason }) => told.test(String(reason))),
    );
    t.log(`${what}: ${answer.find(({ reason }) => told.test(String(reason)))?.msg}`);
    t.is(await daemon.metric('minuteman_source_up'), 0, what);
    t.regex((await probe(day.client, VIP))[0]?.first ?? '', /^one /, what);
    t.deepEqual(await kernelState(day.client), whole, what);
  }
  t.deepEqual(daemon.log('vip-removed'), []);

  // What an editor writes aside and moves into place; and a file without VIPs is no mishap.
  writeFileSync(`${daemon.vipsPath}.aside`, `vips:\n  "${VIP}": ["${ONE}"]\n`);
  renameSync(`${daemon.vipsPath}.aside`, daemon.vipsPath);
  await has([VIP]);
  t.true(daemon.log('source-recovered').length > 0);
  t.is(await daemon.metric('minuteman_source_up'), 1);
  chmodSync(daemon.vipsPath, 0o600);
  await sleep(500);
  t.is(await daemon.metric('minuteman_source_up'), 1);
  writeFileSync(daemon.vipsPath, 'vips: {}\n');
  await has([]);
  t.is((await daemon.stop()).code, 0);
});
