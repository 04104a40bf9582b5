import type { Host } from '../../testbed/host.js';
import { listen, probe } from '../../testbed/probing.js';
import { withBed } from '../support/bed.js';
import { startDaemon } from '../support/daemon.js';
import { eventually } from '../support/eventually.js';
import { withFlavour } from '../support/iptables-flavour.js';
import { kernelTest, workingFlavours } from '../support/prerequisites.js';

type Place = 'host' | 'far' | 'one' | 'two' | 'outside';

/** Every way an answer can take: it is to be seen on each of them. */
const cases: readonly { readonly client: Place; readonly backend: Place; readonly what: string }[] = [
  { client: 'host', backend: 'far', what: 'in from the network' },
  { client: 'host', backend: 'host', what: 'over the loopback interface' },
  { client: 'host', backend: 'two', what: 'in from a bridge of the host' },
  { client: 'one', backend: 'far', what: 'through the host, to a client that is masqueraded' },
  { client: 'one', backend: 'host', what: 'out of the host, to a container' },
  { client: 'one', backend: 'two', what: 'back to the bridge it came from' },
  { client: 'one', backend: 'one', what: 'back to the container it came from' },
  { client: 'outside', backend: 'far', what: 'through the host, both ends elsewhere' },
  { client: 'outside', backend: 'host', what: 'out of the host, to a client elsewhere' },
];

for (const flavour of workingFlavours()) {
  kernelTest(`answers are seen whichever way they take, ${flavour}`, (t) =>
    withBed(t, async (bed) => {
      const host = await bed.host('host', { address: '10.99.0.1' });
      const places: Readonly<Record<Place, Host>> = {
        host,
        far: await bed.host('far', { address: '10.99.0.2' }),
        outside: await bed.host('outside', { address: '10.99.0.3' }),
        one: await host.container('one', { address: '10.88.1.2' }),
        two: await host.container('two', { address: '10.88.1.3' }),
      };
      await host.must('sh', ['-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
      await host.must('ip', ['link', 'set', 'ctr0p0', 'type', 'bridge_slave', 'hairpin', 'on']);
      await places.outside.must('ip', ['route', 'add', '10.1.0.0/16', 'via', '10.99.0.1']);
      await places.far.must('ip', ['route', 'add', 'blackhole', '10.88.1.0/24']);
      for (const name of ['host', 'far', 'one', 'two'] as const) await listen(places[name], 80, name);

      const called = cases.map(({ backend, ...rest }, i) => {
        const { address } = places[backend];
        return { ...rest, vip: `10.1.0.${i + 1}`, open: `${address}:80`, closed: `${address}:9` };
      });
      const daemon = await startDaemon(host, {
        vips: Object.fromEntries(
          called.flatMap(({ vip, open, closed }) => [
            [`${vip}:5000`, [open]],
            [`${vip}:5001`, [closed]],
          ]),
        ),
        config: { dataPlane: { masquerade: ['10.88.1.0/24'] } },
        env: withFlavour(flavour),
      });

      for (const { client, vip, open, closed, what } of called) {
        const [answered] = await probe(places[client], `${vip}:5000`);
        t.is(answered?.outcome, 'connected', what);
        const [refused] = await probe(places[client], `${vip}:5001`);
        t.is(refused?.errno, 'ECONNREFUSED', what);
        // A handshake that was only looked up, because its answer was missed, has no time.
        await eventually(
          `an answer came ${what}`,
          async () => (await daemon.backends(`${vip}:5000`))[open]!,
          (known) => known.total_successes === 1 && known.ewma_ms !== null && known.total_failures === 0,
        );
        await eventually(
          `a refusal came ${what}`,
          async () => (await daemon.backends(`${vip}:5001`))[closed]!,
          (known) => known.total_failures === 1,
        );
      }
      t.is(await daemon.metric('minuteman_handshakes_total', 'outcome="refused"'), cases.length);
      t.is(await daemon.metric('minuteman_handshakes_total', 'outcome="timed_out"'), 0);

      // Column 4 of those of netfilter (12): groups that a socket listens to. Events of connections are 1 to 3.
      const sockets = await host.must('awk', ['$2 == 12 { print $4 }', '/proc/net/netlink']);
      t.deepEqual(
        [...new Set(sockets.trim().split('\n'))],
        ['00000000'],
        'nobody listens to connection events',
      );
    }),
  );
}
