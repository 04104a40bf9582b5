import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { addressOf, formatAddress } from '../../src/core/endpoint.js';
import { readTlsFiles, type TlsIdentity, type TlsPaths } from '../../src/mesh/tls-files.js';
import type { WsMesh } from '../../src/mesh/ws-mesh.js';
import type { MeshEvent } from '../../src/ports/mesh.js';
import { eventually } from '../support/eventually.js';
import { RecordingLog } from '../support/recording-log.js';
import { Authority, missingForCertificates, tlsTest } from './certificates.js';
import { freshPeer, KEY, type NodeOptions, OTHER_KEY, openMesh } from './loopback.js';
import { poke, rawConnection } from './stranger.js';

const directory = mkdtempSync(join(tmpdir(), 'minuteman-tls-'));
const opened: WsMesh[] = [];
test.after.always(async () => {
  await Promise.all(opened.map((mesh) => mesh.stop()));
  rmSync(directory, { recursive: true });
});

const missing = missingForCertificates();
const ours = missing === undefined ? new Authority(directory, 'ours') : undefined;
const theirs = missing === undefined ? new Authority(directory, 'theirs') : undefined;

function identity(paths: TlsPaths): TlsIdentity {
  const files = readTlsFiles(paths);
  if (!files.ok) throw new Error(files.fault);
  return files.identity;
}

async function node(
  name: string,
  options: NodeOptions = {},
  certified: 'ours' | 'theirs' | 'for another' = 'ours',
) {
  const self = freshPeer(name);
  const address = certified === 'for another' ? '10.9.8.7' : formatAddress(addressOf(self.endpoint));
  const authority = certified === 'theirs' ? theirs : ours;
  const log = new RecordingLog();
  const mesh = await openMesh({
    self,
    log,
    keys: undefined,
    tls: identity(authority!.issue(address)),
    ...options,
  });
  opened.push(mesh);
  const events: MeshEvent[] = [];
  mesh.receive((batch) => events.push(...batch));
  return { mesh, self, events, log };
}
type Node = Awaited<ReturnType<typeof node>>;

async function dial(from: Node, to: Node): Promise<string> {
  const before = from.events.length;
  from.mesh.dial(to.self.endpoint, 15_000);
  await eventually(
    'an answer',
    () => from.events,
    (events) => events.length > before,
    15_000,
  );
  const event = from.events[before]!;
  return event.kind === 'dial-failed' ? event.reason : event.kind;
}

const meetings: readonly {
  title: string;
  a: () => Promise<Node>;
  b: () => Promise<Node>;
  answer: string;
}[] = [
  {
    title: 'certificates of one authority suffice',
    a: () => node('a'),
    b: () => node('b'),
    answer: 'opened',
  },
  {
    title: 'certificates and the same key suffice',
    a: () => node('a', { keys: () => [KEY] }),
    b: () => node('b', { keys: () => [KEY] }),
    answer: 'opened',
  },
  {
    title: 'with a key on both sides certificates do not suffice',
    a: () => node('a', { keys: () => [KEY] }),
    b: () => node('b', { keys: () => [OTHER_KEY] }),
    answer: 'unauthenticated',
  },
  {
    title: 'a key is wanted where the other side has none',
    a: () => node('a'),
    b: () => node('b', { keys: () => [KEY] }),
    answer: 'unauthenticated',
  },
  {
    title: 'a dialler certified by another authority is turned away',
    a: () => node('a', {}, 'theirs'),
    b: () => node('b'),
    answer: 'unauthenticated',
  },
  {
    title: 'a dialler with the certificate of another address is turned away',
    a: () => node('a', {}, 'for another'),
    b: () => node('b'),
    answer: 'unauthenticated',
  },
  {
    title: 'a listener with the certificate of another address is not taken',
    a: () => node('a'),
    b: () => node('b', {}, 'for another'),
    answer: 'unauthenticated',
  },
  {
    title: 'a dialler without TLS is turned away',
    a: () => node('a', { tls: undefined, keys: () => [KEY] }),
    b: () => node('b'),
    answer: 'refused',
  },
  {
    title: 'a listener without TLS is not taken',
    a: () => node('a'),
    b: () => node('b', { tls: undefined, keys: () => [KEY] }),
    answer: 'unauthenticated',
  },
];

for (const { title, a, b, answer } of meetings) {
  tlsTest(`mesh over TLS: ${title}`, async (t) => {
    const [from, to] = [await a(), await b()];
    t.is(await dial(from, to), answer);
    const open = answer === 'opened' ? 1 : 0;
    await eventually(
      'the other end',
      () => to.mesh.links().length,
      (count) => count === open,
    );
    t.is(from.mesh.links().length, open);
  });
}

tlsTest(
  'mesh over TLS: frames pass both ways, a killed connection is reset, a slow peer is cut',
  async (t) => {
    const [a, b] = [await node('a'), await node('b')];
    t.is(await dial(a, b), 'opened');
    await eventually(
      'b’s end',
      () => b.mesh.links().length,
      (count) => count === 1,
    );
    a.mesh.send(a.mesh.links()[0]!.id, Buffer.alloc(60_000, 1));
    b.mesh.send(b.mesh.links()[0]!.id, Buffer.alloc(3, 2));
    const frames = (events: readonly MeshEvent[]) => events.filter((event) => event.kind === 'frame');
    for (const [{ events }, length] of [
      [a, 3],
      [b, 60_000],
    ] as const) {
      await eventually(
        'the frame',
        () => frames(events),
        (all) => all[0]?.frame.length === length,
      );
    }
    b.mesh.close(b.mesh.links()[0]!.id, 'slow');
    await eventually(
      'the end',
      () => a.events.map(({ kind }) => kind),
      (kinds) => kinds.includes('closed'),
      15_000,
    );
    t.like(a.events.at(-1), { kind: 'closed', reason: 'reset' });
  },
);

tlsTest(
  'mesh over TLS: strangers who say nothing or no TLS are gone in time, and nobody is locked out',
  async (t) => {
    const victim = await node('victim', { limits: { handshakeTimeoutMs: 500 } });
    const silent = await poke(victim.self.endpoint, '');
    t.true(silent.closed);
    t.true((await poke(victim.self.endpoint, 'GET /mesh HTTP/1.1\r\nHost: x\r\n\r\n')).closed);
    const crowd = Array.from({ length: 100 }, () => rawConnection(victim.self.endpoint));
    t.is(await dial(await node('friend'), victim), 'opened');
    await eventually(
      'all are turned away',
      () => victim.mesh.traffic().unauthenticated,
      (count) => count === 102,
      15_000,
    );
    for (const socket of crowd) socket.destroy();
  },
);

tlsTest('mesh over TLS: a certificate is exchanged under way', async (t) => {
  const [a, b] = [await node('a'), await node('b')];
  t.is(await dial(a, b), 'opened');
  const address = formatAddress(addressOf(b.self.endpoint));
  b.mesh.useIdentity(identity(theirs!.issue(address)));
  t.is(await dial(a, b), 'unauthenticated');
  b.mesh.useIdentity(identity(ours!.issue(address)));
  t.is(await dial(a, b), 'opened');
  t.is(await dial(b, a), 'opened');
  t.is(a.mesh.links().length, 3);
});

const faulty: readonly { title: string; paths: () => TlsPaths; which: keyof TlsPaths; fault: RegExp }[] = [
  {
    title: 'a missing key',
    paths: () => ({ ...ours!.issue('10.0.0.1'), key: '/nonexistent' }),
    which: 'key',
    fault: /^\/nonexistent cannot be read \(ENOENT\)/,
  },
  {
    title: 'a certificate that is none',
    paths: () => ({ ...ours!.issue('10.0.0.2'), cert: text('rubbish') }),
    which: 'cert',
    fault: /is no PEM file of a certificate/,
  },
  {
    title: 'an authority that is none',
    paths: () => ({ ...ours!.issue('10.0.0.3'), ca: text('rubbish') }),
    which: 'ca',
    fault: /is no PEM file of certificates/,
  },
  {
    title: 'the key of another certificate',
    paths: () => ({ ...ours!.issue('10.0.0.4'), key: ours!.issue('10.0.0.5').key }),
    which: 'key',
    fault: /does not belong to the certificate/,
  },
  {
    title: 'a certificate in the place of the key',
    paths: () => ({ ...ours!.issue('10.0.0.6'), key: ours!.issue('10.0.0.6').cert }),
    which: 'key',
    fault: /is no PEM file of a private key/,
  },
];

for (const { title, paths, which, fault } of faulty) {
  tlsTest(`TLS files: ${title} is blamed`, (t) => {
    const files = readTlsFiles(paths());
    t.false(files.ok);
    if (files.ok) return;
    t.is(files.which, which);
    t.regex(files.fault, fault);
  });
}

let texts = 0;
function text(content: string): string {
  texts += 1;
  const path = join(directory, `text-${texts}`);
  writeFileSync(path, content);
  return path;
}
