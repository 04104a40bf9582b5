import type { Host } from '../../testbed/host.js';
import { listen, probe } from '../../testbed/probing.js';
import { withBed } from '../support/bed.js';
import { startDaemon } from '../support/daemon.js';
import { eventually } from '../support/eventually.js';
import { kernelTest } from '../support/prerequisites.js';
import { trackedTowards } from '../support/tracked.js';

kernelTest('VIPs that share a backend, called at the same time from the same port', (t) =>
  withBed(t, async (bed) => {
    const client = await bed.host('client', { address: '10.99.0.1' });
    const server = await bed.host('server', { address: '10.99.0.2' });
    await listen(server, 80, 'server');
    const addresses = ['10.1.0.1', '10.1.0.2', '10.1.0.3', '10.1.0.4'];
    const daemon = await startDaemon(client, {
      vips: Object.fromEntries(addresses.map((vip) => [`${vip}:5000`, ['10.99.0.2:80']])),
    });

    // Twice: the second time the entries of the first are still there, waiting.
    for (const round of [1, 2]) {
      const request = { sourcePort: 40_000, holdMs: 2_000, reset: true };
      const seen = await Promise.all(
        addresses.map(
          async (vip) => (await probe(client, `${vip}:5000`, { ...request, send: `by ${vip}` }))[0],
        ),
      );
      const ports = seen.map((one) => Number(/^server 10\.99\.0\.1:(\d+)\n/.exec(one?.received ?? '')?.[1]));
      for (const [i, one] of seen.entries()) {
        const vip = addresses[i]!;
        t.like(one, { outcome: 'connected', stood: true, from: '10.99.0.1:40000' }, `round ${round}, ${vip}`);
        t.is(one?.received, `server 10.99.0.1:${ports[i]}\nby ${vip}`, 'each hears its own echo');
        const tracked = (await trackedTowards(client, vip)).map(({ reply }) => reply);
        t.true(tracked.includes(`10.99.0.2:80 -> 10.99.0.1:${ports[i]}`), `${tracked}`);
      }
      t.is(new Set(ports).size, addresses.length, `the backend tells them apart: ${ports}`);
    }
    for (const vip of addresses) {
      const { answer } = await eventually(
        `the handshakes with ${vip} are known`,
        async () => (await daemon.backends(`${vip}:5000`))['10.99.0.2:80']!,
        (backend) => backend.total_successes === 2,
      );
      t.is(answer.total_failures, 0);
    }
  }),
);

/** What the backend at the far end of the route sees of a client on the host. */
async function seenBy(host: Host, vip: string, request: { sourceAddress?: string } = {}): Promise<string> {
  const [seen] = await probe(host, `${vip}:5000`, request);
  return /^(\w+ [\d.]+):\d+\n$/.exec(seen?.first ?? '')?.[1] ?? JSON.stringify(seen);
}

kernelTest('a host with several addresses, of which each route prefers another', (t) =>
  withBed(t, async (bed) => {
    const host = await bed.host('host', { address: '10.99.0.1' });
    const wired = await bed.host('wired', { address: '10.99.0.2' });
    const far = await bed.host('far', { address: '10.99.0.3' });
    await host.link(wired, { addresses: ['10.50.0.1', '10.50.0.2'] });
    await host.must('ip', ['address', 'add', '10.60.0.1/32', 'dev', 'lo']);
    // Backends answer to the address of their own wire alone.
    for (const [backend, others] of [
      [wired, ['10.99.0.1', '10.60.0.1']],
      [far, ['10.50.0.0/24', '10.60.0.1']],
    ] as const) {
      for (const other of others) await backend.must('ip', ['route', 'add', 'blackhole', other]);
    }
    // Strictly, as some distributions have it.
    await host.must('sh', ['-c', 'for i in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 1 > $i; done']);
    await Promise.all([listen(wired, 80, 'wired', undefined, '10.50.0.2'), listen(far, 80, 'far')]);
    await listen(host, 80, 'host', undefined, '10.60.0.1');
    await startDaemon(host, {
      vips: {
        '10.1.0.1:5000': ['10.50.0.2:80'],
        '10.1.0.2:5000': ['10.99.0.3:80'],
        '10.1.0.3:5000': ['10.60.0.1:80'],
      },
    });

    t.is(await seenBy(host, '10.1.0.1'), 'wired 10.50.0.1', 'VIP by eth0, backend by the wire');
    t.is(await seenBy(host, '10.1.0.2'), 'far 10.99.0.1', 'both by eth0');
    t.is(await seenBy(host, '10.1.0.3'), 'host 10.60.0.1', 'VIP by eth0, backend on the host itself');
    await host.must('ip', ['route', 'add', '10.1.0.0/16', 'via', '10.50.0.2', 'src', '10.60.0.1']);
    t.is(await seenBy(host, '10.1.0.1'), 'wired 10.50.0.1', 'VIP and backend by the wire, source given');
    t.is(await seenBy(host, '10.1.0.2'), 'far 10.99.0.1', 'VIP by the wire, backend by eth0');
    for (const sourceAddress of ['10.99.0.1', '10.50.0.1', '10.60.0.1']) {
      t.is(await seenBy(host, '10.1.0.1', { sourceAddress }), 'wired 10.50.0.1', `bound to ${sourceAddress}`);
      t.is(await seenBy(host, '10.1.0.2', { sourceAddress }), 'far 10.99.0.1', `bound to ${sourceAddress}`);
    }

    // Whatever the daemon remembered of routes is stale now.
    await host.must('ip', ['address', 'add', '10.50.0.9/24', 'dev', 'link0']);
    await host.must('ip', ['route', 'replace', '10.50.0.0/24', 'dev', 'link0', 'src', '10.50.0.9']);
    t.is(await seenBy(host, '10.1.0.1'), 'wired 10.50.0.9', 'the route to the backend changed');
    await host.must('ip', ['route', 'add', '10.50.0.2', 'dev', 'link0', 'src', '10.50.0.1', 'table', '77']);
    t.is(await seenBy(host, '10.1.0.1'), 'wired 10.50.0.9', 'a route in a table that nobody asks');
    await host.must('ip', ['rule', 'add', 'to', '10.50.0.2', 'lookup', '77']);
    t.is(await seenBy(host, '10.1.0.1'), 'wired 10.50.0.1', 'a rule leads to another table of routes');
  }),
);
