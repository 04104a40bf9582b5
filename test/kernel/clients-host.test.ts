import { listen, probe } from '../../testbed/probing.js';
import { REFUSED_MS } from '../support/bad-day.js';
import { withBed } from '../support/bed.js';
import { startDaemon } from '../support/daemon.js';
import { eventually } from '../support/eventually.js';
import { withFlavour } from '../support/iptables-flavour.js';
import { kernelTest, workingFlavours } from '../support/prerequisites.js';
import { trackedTowards } from '../support/tracked.js';

/** Clients are programs of the host that the daemon runs on. */
const cases: readonly {
  readonly backend: string;
  readonly vip: string;
  readonly at: string;
  /** The client's address as the backend sees it. */
  readonly sees: string;
}[] = [
  { backend: 'on another host', vip: '10.1.0.1', at: '10.99.0.2:80', sees: '10.99.0.1' },
  { backend: 'on the same host', vip: '10.1.0.2', at: '10.99.0.1:80', sees: '10.99.0.1' },
  { backend: 'on the loopback of the same host', vip: '10.1.0.3', at: '127.0.0.1:81', sees: '127.0.0.1' },
  { backend: 'in a container of the same host', vip: '10.1.0.4', at: '10.88.1.2:80', sees: '10.88.1.1' },
];
const EMPTY = '10.1.0.5';

for (const flavour of workingFlavours()) {
  kernelTest(`a client on the host itself, ${flavour}`, (t) =>
    withBed(t, async (bed) => {
      const host = await bed.host('host', { address: '10.99.0.1' });
      const far = await bed.host('far', { address: '10.99.0.2' });
      const container = await host.container('container', { address: '10.88.1.2' });
      await Promise.all([
        ...[far, host, container].map((where) => listen(where, 80, `${where.address}:80`)),
        listen(host, 81, '127.0.0.1:81', undefined, '127.0.0.1'),
      ]);
      const vips = Object.fromEntries(cases.map(({ vip, at }) => [`${vip}:5000`, [at]]));
      const daemon = await startDaemon(host, {
        vips: { ...vips, [`${EMPTY}:5000`]: [] },
        env: withFlavour(flavour),
      });

      for (const { backend, vip, at, sees } of cases) {
        const [seen] = await probe(host, `${vip}:5000`);
        const port = seen?.from?.replace(/.*:/, '');
        t.is(seen?.first, `${at} ${sees}:${port}\n`, `the backend is ${backend}`);
        t.like(
          (await trackedTowards(host, vip))[0],
          { original: `${seen?.from} -> ${vip}:5000`, reply: `${at} -> ${sees}:${port}`, ours: true },
          `the backend is ${backend}`,
        );
        await eventually(
          `the handshake with the backend ${backend} is known`,
          async () => (await daemon.backends(`${vip}:5000`))[at]!,
          (known) => known.total_successes === 1,
        );
      }

      const refusals = await probe(host, `${EMPTY}:5000`, { count: 10 });
      t.deepEqual([...new Set(refusals.map(({ errno }) => errno))], ['ECONNREFUSED']);
      const quickest = Math.min(...refusals.map(({ ms }) => ms));
      t.true(quickest < REFUSED_MS, `a VIP without backends refuses at once: ${quickest} ms`);

      await host.must('ip', ['route', 'delete', 'default']);
      const [lost] = await probe(host, '10.1.0.1:5000');
      t.is(lost?.errno, 'ENETUNREACH', 'a packet without a route is never made, so nobody can place it');
      await host.must('ip', ['route', 'add', '10.1.0.0/16', 'dev', 'eth0']);
      const [found] = await probe(host, '10.1.0.1:5000');
      t.regex(found?.first ?? '', /^10\.99\.0\.2:80 10\.99\.0\.1:/, 'any route does, it need lead nowhere');

      t.deepEqual(await daemon.stop(), { code: 0, signal: null });
      t.deepEqual(
        daemon.log().filter(({ level }) => level >= 40),
        [],
        'nothing to warn of',
      );
    }),
  );
}
