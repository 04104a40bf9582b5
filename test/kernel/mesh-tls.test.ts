import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TlsPaths } from '../../src/mesh/tls-files.js';
import { Authority, missingForCertificates } from '../mesh/certificates.js';
import { withBed } from '../support/bed.js';
import { eventually } from '../support/eventually.js';
import { Fleet, type FleetNode, type FleetNodeOptions, reachable } from '../support/fleet.js';
import { serialKernelTest } from '../support/prerequisites.js';

/** As tools for certificates exchange a file: it is whole at any time. */
function replace(path: string, content: Buffer | string): void {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

/** Exchanges some of a daemon's files and waits until it says that it read them. */
async function exchange(node: FleetNode, files: readonly (readonly [path: string, content: Buffer])[]) {
  const seen = node.log('mesh-tls-changed').length;
  for (const [path, content] of files) replace(path, content);
  await eventually(
    `${node.host.name} read its certificates anew`,
    () => node.log('mesh-tls-changed').length,
    (count) => count > seen,
  );
}

serialKernelTest('certificates are enough for a mesh, change while all run, and keep others out', (t) =>
  withBed(t, async (bed) => {
    t.timeout(150_000);
    const missing = missingForCertificates();
    if (missing !== undefined) return t.fail(`cannot run: ${missing}`);
    const directory = mkdtempSync(join(tmpdir(), 'minuteman-certificates-'));
    t.teardown(() => rmSync(directory, { recursive: true, force: true }));
    const ours = new Authority(directory, 'ours');
    const next = new Authority(directory, 'next');
    const theirs = new Authority(directory, 'theirs');
    const fleet = new Fleet(bed);
    const place = (at: number): TlsPaths => ({
      cert: join(directory, `n${at}.pem`),
      key: join(directory, `n${at}.key`),
      ca: join(directory, `n${at}-ca.pem`),
    });
    const address = (at: number): string => `10.99.0.${at}`;
    const certified =
      (by: Authority) =>
      (at: number): FleetNodeOptions => {
        const [issued, tls] = [by.issue(address(at)), place(at)];
        for (const which of ['cert', 'key', 'ca'] as const) copyFileSync(issued[which], tls[which]);
        // No key file: the certificates alone are to do.
        return { config: { dataPlane: { enabled: false } }, mesh: { keyFile: undefined, tls } };
      };

    await fleet.grow(3, certified(ours));
    await fleet.formed();
    const inside = [...fleet.nodes];

    /** A daemon that is to be kept out says why, and so do those whom it trusts; nobody takes it for a member. */
    const keptOut = async (by: Authority, trusts: Authority): Promise<void> => {
      await fleet.grow(1, (at) => {
        const options = certified(by)(at);
        copyFileSync(trusts.issue('10.99.1.1').ca, place(at).ca);
        return options;
      });
      const stranger = fleet.nodes.at(-1)!;
      t.log((await stranger.waitFor('mesh-peer-refused', ({ msg }) => /certificate/.test(msg))).msg);
      const refused = inside.map((node) =>
        node.waitFor(
          'mesh-peer-refused',
          ({ msg, from }) => from === stranger.host.address && /no certificate that we trust/.test(msg),
          30_000,
        ),
      );
      t.log((await Promise.any(refused)).msg);
      t.deepEqual(await reachable(stranger), [stranger.host.name]);
      for (const node of inside) t.false((await reachable(node)).includes(stranger.host.name));
      t.deepEqual(await stranger.stop(), { code: 0, signal: null });
    };
    await keptOut(theirs, theirs);

    // The way an authority is exchanged without a moment in which neighbours do not trust each other.
    const issued = inside.map((_, i) => next.issue(address(i + 1)));
    const [old, fresh] = [ours.issue('10.99.1.1').ca, issued[0]!.ca].map((path) => readFileSync(path));
    const both = Buffer.concat([old!, fresh!]);
    for (const [i, node] of inside.entries()) await exchange(node, [[place(i + 1).ca, both]]);
    for (const [i, node] of inside.entries()) {
      const { cert, key } = place(i + 1);
      await exchange(node, [
        [cert, readFileSync(issued[i]!.cert)],
        [key, readFileSync(issued[i]!.key)],
      ]);
    }
    for (const [i, node] of inside.entries()) await exchange(node, [[place(i + 1).ca, fresh!]]);
    await fleet.formed(inside);

    // New links are made with the new certificates only.
    await keptOut(ours, next);
    await fleet.grow(1, certified(next));
    await fleet.formed([...inside, fleet.nodes.at(-1)!]);
    t.deepEqual(
      inside.flatMap((node) => node.log('node-unreachable')),
      [],
      'no link was lost over it',
    );
    t.deepEqual(
      inside.flatMap((node) => node.log('mesh-tls-unreadable')).filter(({ msg }) => !/belong to/.test(msg)),
      [],
    );
  }),
);
