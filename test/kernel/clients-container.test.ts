import type { Host } from '../../testbed/host.js';
import { listen, probe } from '../../testbed/probing.js';
import { REFUSED_MS } from '../support/bad-day.js';
import { withBed } from '../support/bed.js';
import { startDaemon } from '../support/daemon.js';
import { withFlavour } from '../support/iptables-flavour.js';
import {
  BRIDGE_NETFILTER,
  kernelTest,
  lackOfBridgeNetfilter,
  reportLack,
  workingFlavours,
} from '../support/prerequisites.js';
import { trackedTowards } from '../support/tracked.js';

const ONE = '10.88.1.2';
const TWO = '10.88.1.3';
const BRIDGE = '10.88.1.1';

/** The client is the container ONE; its packets are routed by the host that the daemon runs on. */
const cases: readonly {
  readonly backend: string;
  readonly vip: string;
  readonly at: string;
  /** The client's address as the backend sees it. */
  readonly sees: string;
}[] = [
  { backend: 'on another host', vip: '10.1.0.1', at: '10.99.0.2:80', sees: ONE },
  { backend: 'on the same host', vip: '10.1.0.2', at: '10.99.0.1:80', sees: ONE },
  { backend: 'in a container at the same bridge', vip: '10.1.0.3', at: `${TWO}:80`, sees: BRIDGE },
  { backend: 'in the very same container', vip: '10.1.0.4', at: `${ONE}:80`, sees: BRIDGE },
];
const EMPTY = '10.1.0.5';
const LOOPBACK = '10.1.0.6';

async function bridgeNetfilter(host: Host, on: boolean): Promise<void> {
  await host.must('sh', ['-c', `echo ${on ? 1 : 0} > ${BRIDGE_NETFILTER}`]);
}

const lack = lackOfBridgeNetfilter();
if (lack !== undefined) reportLack('a client in a container of the host, bridge netfilter on', lack);

for (const flavour of workingFlavours()) {
  kernelTest(`a client in a container of the host, ${flavour}`, (t) =>
    withBed(t, async (bed) => {
      const host = await bed.host('host', { address: '10.99.0.1' });
      const far = await bed.host('far', { address: '10.99.0.2' });
      const one = await host.container('one', { address: ONE });
      const two = await host.container('two', { address: TWO });
      await Promise.all([
        ...[far, host, one, two].map((where) => listen(where, 80, `${where.address}:80`)),
        listen(host, 81, 'loopback', undefined, '127.0.0.1'),
      ]);
      const vips = Object.fromEntries(cases.map(({ vip, at }) => [`${vip}:5000`, [at]]));
      const daemon = await startDaemon(host, {
        vips: { ...vips, [`${EMPTY}:5000`]: [], [`${LOOPBACK}:5000`]: ['127.0.0.1:81'] },
        env: withFlavour(flavour),
      });
      // A packet that goes back where it came from makes a router say so, and must not mislead the client.
      await host.must('sh', [
        '-c',
        'for i in all ctr0; do echo 1 > /proc/sys/net/ipv4/conf/$i/send_redirects; done',
      ]);
      await one.must('sh', ['-c', 'echo 1 > /proc/sys/net/ipv4/conf/eth0/accept_redirects']);
      // A bridge gives nothing back to the port it came from unless told so.
      await host.must('ip', ['link', 'set', 'ctr0p0', 'type', 'bridge_slave', 'hairpin', 'on']);

      for (const filtered of lack === undefined ? [false, true] : [false]) {
        if (lack === undefined) await bridgeNetfilter(host, filtered);
        for (const { backend, vip, at, sees } of cases) {
          const what = `the backend is ${backend}, bridge netfilter ${filtered ? 'on' : 'off'}`;
          const [seen] = await probe(one, `${vip}:5000`, { send: 'echo' });
          const port = seen?.from?.replace(/.*:/, '');
          t.is(seen?.first?.split('\n')[0], `${at} ${sees}:${port}`, what);
          const original = `${ONE}:${port} -> ${vip}:5000`;
          const tracked = (await trackedTowards(host, vip)).find((entry) => entry.original === original);
          t.like(tracked, { reply: `${at} -> ${sees}:${port}`, ours: true }, what);
        }
        for (const [vip, why] of [
          [EMPTY, 'a VIP without backends refuses at once'],
          [LOOPBACK, "the host's loopback is no backend for containers"],
        ] as const) {
          const refusals = await probe(one, `${vip}:5000`, { count: 10 });
          t.deepEqual([...new Set(refusals.map(({ errno }) => errno))], ['ECONNREFUSED'], why);
          const quickest = Math.min(...refusals.map(({ ms }) => ms));
          t.true(quickest < REFUSED_MS, `${why}: ${quickest} ms`);
        }
      }
      t.like((await daemon.backends(`${LOOPBACK}:5000`))['127.0.0.1:81'], {
        pending_connections: 0,
        total_failures: 0,
      });
      t.regex((await probe(host, `${LOOPBACK}:5000`))[0]?.first ?? '', /^loopback 127\.0\.0\.1:/);

      t.deepEqual(await daemon.stop(), { code: 0, signal: null });
      t.deepEqual(
        daemon.log().filter(({ level }) => level >= 40),
        [],
        'nothing to warn of',
      );
    }),
  );
}

/** What Docker does for a bridged network, in the default set-up. */
const DOCKER_RULES = [
  '-t nat -A POSTROUTING -s 10.88.1.0/24 ! -o ctr0 -j MASQUERADE',
  '-P FORWARD DROP',
  '-A FORWARD -o ctr0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
  '-A FORWARD -i ctr0 ! -o ctr0 -j ACCEPT',
  '-A FORWARD -i ctr0 -o ctr0 -j ACCEPT',
];

kernelTest('clients in a network that the configuration masquerades, among rules like those of Docker', (t) =>
  withBed(t, async (bed) => {
    const host = await bed.host('host', { address: '10.99.0.1' });
    const far = await bed.host('far', { address: '10.99.0.2' });
    const one = await host.container('one', { address: ONE });
    const two = await host.container('two', { address: TWO });
    // Only the host knows the way to its containers.
    await far.must('ip', ['route', 'add', 'blackhole', '10.88.1.0/24']);
    for (const rule of DOCKER_RULES) await host.must('iptables', ['-w', ...rule.split(' ')]);
    await Promise.all([host, far, two].map((where) => listen(where, 80, where.name)));
    t.regex(
      (await probe(one, '10.99.0.2:80'))[0]?.first ?? '',
      /^far 10\.99\.0\.1:/,
      'so it is without VIPs',
    );
    await startDaemon(host, {
      vips: {
        '10.1.0.1:5000': ['10.99.0.2:80'],
        '10.1.0.2:5000': ['10.99.0.1:80'],
        '10.1.0.3:5000': ['10.88.1.3:80'],
        '10.1.0.4:5000': [],
      },
      config: { dataPlane: { masquerade: ['10.88.1.0/24'] } },
    });
    const [seen] = await probe(one, '10.1.0.1:5000');
    t.is(seen?.first, `far 10.99.0.1:${seen?.from?.replace(/.*:/, '')}\n`, "the host's address");
    t.regex(
      (await probe(one, '10.1.0.2:5000'))[0]?.first ?? '',
      /^host 10\.88\.1\.2:/,
      'the host knows them',
    );

    // Both are to be 10.99.0.1:40000 to the backend; the kernel finds another port for the second.
    const request = { sourcePort: 40_000, holdMs: 1_500, send: 'echo' };
    const clashing = await Promise.all([one, two].map((from) => probe(from, '10.1.0.1:5000', request)));
    const ports = clashing.map(([client]) => /^far 10\.99\.0\.1:(\d+)\n/.exec(client?.first ?? '')?.[1]);
    t.true(
      clashing.every(([client]) => client?.stood),
      JSON.stringify(clashing),
    );
    t.true(ports.includes('40000') && new Set(ports).size === 2 && !ports.includes(undefined), `${ports}`);
  }),
);

kernelTest('a client on a machine without a daemon that has the host for its gateway', (t) =>
  withBed(t, async (bed) => {
    const host = await bed.host('host', { address: '10.99.0.1' });
    const far = await bed.host('far', { address: '10.99.0.2' });
    const outside = await bed.host('outside', { address: '10.99.0.3' });
    await host.must('sh', ['-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
    await outside.must('ip', ['route', 'add', '10.1.0.0/16', 'via', '10.99.0.1']);
    await Promise.all([host, far].map((where) => listen(where, 80, where.name)));
    await startDaemon(host, {
      vips: { '10.1.0.1:5000': ['10.99.0.2:80'], '10.1.0.2:5000': ['10.99.0.1:80'], '10.1.0.3:5000': [] },
    });
    // The backend's answer would go straight to its neighbour, who never called it.
    t.regex((await probe(outside, '10.1.0.1:5000'))[0]?.first ?? '', /^far 10\.99\.0\.1:/);
    t.regex((await probe(outside, '10.1.0.2:5000'))[0]?.first ?? '', /^host 10\.99\.0\.3:/);
    t.is((await probe(outside, '10.1.0.3:5000'))[0]?.errno, 'ECONNREFUSED');
  }),
);
