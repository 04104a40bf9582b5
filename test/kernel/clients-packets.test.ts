import { fileURLToPath } from 'node:url';
import type { Host } from '../../testbed/host.js';
import { listen, startProbe } from '../../testbed/probing.js';
import type { Testbed } from '../../testbed/testbed.js';
import { withBed } from '../support/bed.js';
import type { BulkRun } from '../support/bulk.js';
import { type Daemon, startDaemon } from '../support/daemon.js';
import { callInside } from '../support/inside.js';
import { kernelTest } from '../support/prerequisites.js';

const HELLO = fileURLToPath(new URL('../../testbed/hello.js', import.meta.url));
const BULK = new URL('../support/bulk.js', import.meta.url);
const VIP = '10.1.2.3:5000';
const BACKEND = '10.99.0.2:80';

interface Scene {
  readonly client: Host;
  readonly server: Host;
  readonly daemon: Daemon;
}

async function setScene(bed: Testbed): Promise<Scene> {
  const client = await bed.host('client', { address: '10.99.0.1' });
  const server = await bed.host('server', { address: '10.99.0.2' });
  const daemon = await startDaemon(client, { vips: { [VIP]: [BACKEND] } });
  return { client, server, daemon };
}

async function set(host: Host, setting: string, value: number): Promise<void> {
  await host.must('sh', ['-c', `echo ${value} > /proc/sys/net/ipv4/${setting}`]);
}

/** What the host's end of the only connection agreed on. */
async function agreed(host: Host): Promise<string> {
  const words = (await host.must('ss', ['-tnioOH', 'state', 'established'])).split(/\s+/);
  return words
    .filter((word) => /^(ts|sack|ecn|wscale:\S+|mss:\d+|advmss:\d+|pmtu:\d+)$/.test(word))
    .sort()
    .join(' ');
}

kernelTest('options that both ends agree on are the same by the VIP as directly', (t) =>
  withBed(t, async (bed) => {
    const { client, server, daemon } = await setScene(bed);
    for (const host of [client, server]) await set(host, 'tcp_ecn', 1);
    // Its segments are smaller than the client's own wire would have it.
    await server.must('ip', ['link', 'set', 'eth0', 'mtu', '1400']);
    await listen(server, 80, 'server');
    const ends: string[][] = [];
    for (const to of [BACKEND, VIP]) {
      // A SYN that asks for ECN has ECE and CWR set besides; the rules must not overlook it.
      const { result } = await startProbe(client, to, { holdMs: 2_500, reset: true });
      ends.push([await agreed(client), await agreed(server)]);
      t.like((await result)[0], { outcome: 'connected', stood: true });
    }
    const [direct, byVip] = ends;
    for (const end of direct!) t.regex(end, /^advmss:\d+ ecn mss:1348 pmtu:\d+ sack ts wscale:\d+,\d+$/);
    t.deepEqual(byVip, direct);
    t.is(await daemon.metric('minuteman_verdicts_total', 'outcome="mapped"'), 1);
  }),
);

kernelTest('a SYN that brings data (TCP Fast Open) is placed with its data', (t) =>
  withBed(t, async (bed) => {
    const { client, server, daemon } = await setScene(bed);
    // Client and server, without a cookie, and for every listener.
    await set(client, 'tcp_fastopen', 0x5);
    await set(server, 'tcp_fastopen', 0x602);
    const hello = await server.spawn(process.execPath, [HELLO, '--listen', BACKEND]);
    await hello.waitForLine(/^listening/);
    for (const time of [1, 2, 3]) {
      const answer = await client.must('curl', [
        '-sS',
        '--tcp-fastopen',
        '--max-time',
        '5',
        `http://${VIP}/`,
      ]);
      t.regex(answer, /^server \(pid \d+\): hello\n$/, `time ${time}`);
    }
    const counters = (await server.must('cat', ['/proc/net/netstat'])).split('\n').slice(0, 2);
    const [names, values] = counters.map((line) => line.split(' '));
    t.is(values![names!.indexOf('TCPFastOpenPassive')], '3', 'the server took data from each SYN');
    t.is(await daemon.metric('minuteman_verdicts_total', 'outcome="mapped"'), 3);
  }),
);

/** Record Route, with room for three addresses, and the end of the list. */
const RECORD_ROUTE = `070f04${'00'.repeat(12)}00`;

kernelTest('a SYN with IP options is placed, and keeps them', (t) =>
  withBed(t, async (bed) => {
    const { client, server, daemon } = await setScene(bed);
    const acceptor = await server.spawn('python3', [
      '-uc',
      `import socket
listener = socket.create_server(('10.99.0.2', 80))
print('listening')
while True:
    peer, address = listener.accept()
    print('options', peer.getsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, 40).hex())
    peer.sendall(peer.recv(100))`,
    ]);
    await acceptor.waitForLine(/^listening$/);
    const answer = await client.must('python3', [
      '-c',
      `import socket
own = socket.socket()
own.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, bytes.fromhex('${RECORD_ROUTE}'))
own.settimeout(5)
own.connect(('10.1.2.3', 5000))
own.sendall(b'with options')
print(own.recv(100).decode())`,
    ]);
    t.is(answer, 'with options\n');
    // Record Route is there, and the client's kernel has put its address first.
    t.regex(await acceptor.waitForLine(/^options/), /^options 070f..0a630001/);
    t.is(await daemon.metric('minuteman_verdicts_total', 'outcome="mapped"'), 1);
  }),
);

const BULK_BYTES = 32 << 20;

kernelTest('a bulk transfer both ways runs by the VIP about as fast as directly', (t) =>
  withBed(t, async (bed) => {
    const { client, server } = await setScene(bed);
    await listen(server, 80, 'server');
    const best = new Map<string, number>();
    for (const to of [BACKEND, VIP, BACKEND, VIP, VIP, BACKEND]) {
      const { ms, same } = await callInside<BulkRun>(client, BULK, 'echoBulk', { to, bytes: BULK_BYTES });
      t.true(same, `what ${to} echoed is what was sent`);
      best.set(to, Math.max(best.get(to) ?? 0, BULK_BYTES / 1e3 / ms));
    }
    const [direct, byVip] = [best.get(BACKEND)!, best.get(VIP)!];
    t.log(`${direct.toFixed(0)} MB/s directly, ${byVip.toFixed(0)} MB/s by the VIP`);
    t.true(byVip > direct * 0.3, `${byVip} MB/s by the VIP, ${direct} MB/s directly`);
    const counters = await client.must('conntrack', ['-S']);
    t.deepEqual([...new Set(counters.match(/invalid=\d+/g))], ['invalid=0'], 'no segment was out of window');
  }),
);
