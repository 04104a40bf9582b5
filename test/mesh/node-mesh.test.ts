import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { addressOf, formatAddress } from '../../src/core/endpoint.js';
import { generateKey } from '../../src/mesh/key-file.js';
import { NodeMesh, type NodeMeshSettings } from '../../src/mesh/node-mesh.js';
import { TlsWatch } from '../../src/mesh/tls-watch.js';
import { systemClock } from '../../src/native/clock.js';
import type { MeshEvent } from '../../src/ports/mesh.js';
import { eventually } from '../support/eventually.js';
import { RecordingLog } from '../support/recording-log.js';
import { Authority, tlsTest } from './certificates.js';
import { freshEndpoint } from './loopback.js';

const directory = mkdtempSync(join(tmpdir(), 'minuteman-node-mesh-'));
test.after.always(() => rmSync(directory, { recursive: true }));

function settings(name: string, keyFile: string | undefined): NodeMeshSettings {
  const stateFile = join(directory, `${name}.json`);
  return { name, endpoint: freshEndpoint(), keyFile, maxFrameBytes: 8192, stateFile };
}

function keyFile(name: string, ...keys: readonly string[]): string {
  const path = join(directory, name);
  writeFileSync(path, keys.join('\n'), { mode: 0o600 });
  return path;
}

async function answer(from: NodeMesh, to: NodeMeshSettings): Promise<string> {
  const events: MeshEvent[] = [];
  from.mesh.receive((batch) => events.push(...batch));
  from.mesh.dial(to.endpoint, 15_000);
  await eventually(
    'an answer',
    () => events,
    (all) => all.length > 0,
    15_000,
  );
  return events[0]!.kind;
}

test('node mesh: a key that is exchanged in the files is in use soon, links stay, members are kept', async (t) => {
  const [old, fresh] = [generateKey(), generateKey()];
  const [a, b] = [settings('a', keyFile('a.key', old)), settings('b', keyFile('b.key', old))];
  const [log, clock] = [new RecordingLog(), systemClock];
  const [from, to] = [await NodeMesh.open(a, clock, log), await NodeMesh.open(b, clock, log)];
  t.is(await answer(from, b), 'opened');
  await sleep(1200);
  for (const name of ['a.key', 'b.key']) keyFile(name, fresh);
  const changed = () => log.named('mesh-keys-changed').length;
  await eventually('both nodes noticed', changed, (count) => count === 2, 5000);
  t.is(await answer(from, b), 'opened');
  t.is(from.mesh.links().length, 2);
  from.members.save({ epoch: 3, members: [{ endpoint: b.endpoint, name: 'b' }] });
  await Promise.all([from.stop(), to.stop()]);
  const again = await NodeMesh.open(a, clock, log);
  t.is(again.members.load()?.epoch, 3);
  await again.stop();
});

test('node mesh: what is wrong with its files or its place is told in words, and nothing is left open', async (t) => {
  const log = new RecordingLog();
  await t.throwsAsync(NodeMesh.open(settings('c', join(directory, 'none')), systemClock, log), {
    message: /minuteman keygen/,
  });
  const good = settings('d', keyFile('d.key', generateKey()));
  const first = await NodeMesh.open(good, systemClock, log);
  await t.throwsAsync(NodeMesh.open(good, systemClock, log), { message: /another program listens/ });
  await first.stop();
  await (await NodeMesh.open(good, systemClock, log)).stop();
});

tlsTest('node mesh: certificates that are exchanged in the files are in use soon', async (t) => {
  const ours = new Authority(directory, 'ours');
  const theirs = new Authority(directory, 'theirs');
  const log = new RecordingLog();
  const at = settings('e', undefined);
  const address = formatAddress(addressOf(at.endpoint));
  const [mine, other] = [ours.issue(address), theirs.issue(address)];
  const watch = new TlsWatch(mine, log, 20);
  const before = watch.identity;
  let told = 0;
  watch.onChange(() => {
    told += 1;
  });
  await sleep(100);
  writeFileSync(mine.cert, 'half of it');
  await eventually(
    'the fault',
    () => log.named('mesh-tls-unreadable').length,
    (count) => count === 1,
    15_000,
  );
  t.is(watch.identity, before);
  for (const which of ['cert', 'key', 'ca'] as const) copyFileSync(other[which], mine[which]);
  await eventually(
    'the new identity',
    () => told,
    (count) => count >= 1,
    15_000,
  );
  t.notDeepEqual(watch.identity.cert, before.cert);
  watch.close();
  const node = await NodeMesh.open({ ...at, tls: mine }, systemClock, log);
  await node.stop();
});
