import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import type { FirewallResult } from '../../src/ports/firewall.js';
import type { Host } from '../../testbed/host.js';
import { listen, probe, startProbe } from '../../testbed/probing.js';
import type { Program } from '../../testbed/program.js';
import { Testbed } from '../../testbed/testbed.js';
import type * as scenes from '../support/firewall-scenes.js';
import { callInside, startInside } from '../support/inside.js';
import { serialKernelTest, workingFlavours } from '../support/prerequisites.js';

const SCENES = new URL('../support/firewall-scenes.js', import.meta.url);
const VIP = '10.1.2.3:5000';
const BACKEND = '10.99.0.2:80';
const NO_PRIVILEGE = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];

interface Scene {
  readonly bed: Testbed;
  readonly client: Host;
  readonly server: Host;
  readonly iptables: string;
}

for (const iptables of workingFlavours()) {
  const scene = (title: string, run: (t: ExecutionContext, scene: Scene) => Promise<void>): void =>
    serialKernelTest(`${iptables}: ${title}`, async (t) => {
      const bed = await Testbed.create();
      try {
        const client = await bed.host('client', { address: '10.99.0.1' });
        const server = await bed.host('server', { address: '10.99.0.2' });
        await run(t, { bed, client, server, iptables });
      } finally {
        await bed.destroy();
      }
    });

  scene(
    'a connection to a VIP that nobody places is refused at once, on the host and behind it',
    async (t, s) => {
      await intercept(t, s);
      const container = await s.client.container('c1', { address: '10.88.1.2' });
      for (const from of [s.client, container]) {
        for (const seen of await probe(from, VIP, { count: 5 })) {
          t.is(seen.errno, 'ECONNREFUSED');
          t.true(seen.ms < 100, `${from.name}: ${seen.ms} ms`);
        }
        const [other] = await probe(from, '10.1.2.3:5001', { timeoutMs: 200 });
        t.is(other?.outcome, 'timeout', 'another port of that address is none of ours');
      }
    },
  );

  scene('a connection that was placed reaches its backend, on the host and behind it', async (t, s) => {
    await intercept(t, s);
    await listen(s.server, 80, 'one');
    const container = await s.client.container('c1', { address: '10.88.1.2' });
    for (const from of [s.client, container]) {
      const client = `${from.address}:40000`;
      t.is(await call(s, 'place', { client, vip: VIP, backend: BACKEND }), 'made');
      const [seen] = await probe(from, VIP, { sourcePort: 40_000 });
      t.is(seen?.first, `one ${client}\n`);
    }
  });

  scene('a backend whose own address is a VIP can be reached through another', async (t, s) => {
    await intercept(t, s, [VIP, BACKEND]);
    await listen(s.server, 80, 'one');
    await call(s, 'place', { client: '10.99.0.1:40000', vip: VIP, backend: BACKEND });
    t.is((await probe(s.client, VIP, { sourcePort: 40_000 }))[0]?.first, 'one 10.99.0.1:40000\n');
    t.is((await probe(s.client, BACKEND))[0]?.errno, 'ECONNREFUSED');
  });

  scene('an established connection survives the rules if its hooks are kept, and no longer', async (t, s) => {
    await intercept(t, s);
    await listen(s.server, 80, 'one', 20);
    await call(s, 'place', { client: '10.99.0.1:40000', vip: VIP, backend: BACKEND });
    const held = await startProbe(s.client, VIP, { sourcePort: 40_000, holdMs: 2_500 });
    t.like(await call(s, 'remove', { keepHooks: true }), { ok: true });
    const [kept] = await held.result;
    t.like(kept, { outcome: 'connected', stood: true });
    t.true(kept!.longestGapMs < 1_000, JSON.stringify(kept));

    await intercept(t, s);
    await call(s, 'place', { client: '10.99.0.1:40001', vip: VIP, backend: BACKEND });
    // Long enough for a busy machine to take the rules away early in it.
    const doomed = await startProbe(s.client, VIP, { sourcePort: 40_001, holdMs: 6_000 });
    t.like(await call(s, 'remove', { keepHooks: false }), { ok: true });
    const [lost] = await doomed.result;
    t.log('without the hooks', JSON.stringify(lost));
    t.true(!lost!.stood || lost!.longestGapMs > 1_200, JSON.stringify(lost));
  });

  scene(
    'while the daemon is stopped SYNs are refused after three seconds, and queued again after',
    async (t, s) => {
      await intercept(t, s);
      const daemon = await startInside(s.client, SCENES, 'holdQueues', { iptables });
      await daemon.waitForLine(/^holding$/);
      const soon = () => probe(s.client, VIP, { timeoutMs: 400 });
      t.is((await soon())[0]?.outcome, 'timeout', 'queued, without a verdict');
      daemon.kill('SIGSTOP');
      await sleep(3_300);
      const [stopped] = await soon();
      t.is(stopped?.errno, 'ECONNREFUSED');
      t.true(stopped!.ms < 100);
      daemon.kill('SIGCONT');
      await sleep(1_300);
      t.is((await soon())[0]?.outcome, 'timeout', 'queued again');
      daemon.kill('SIGKILL');
      await daemon.exited;
      const [killed] = await soon();
      t.is(killed?.errno, 'ECONNREFUSED', 'a queue that nobody holds is bypassed');
    },
  );

  scene('rules that others change all the time are put right all the same', async (t, s) => {
    await intercept(t, s);
    const meddling = `while :; do ${iptables} -w -I OUTPUT -p udp -j ACCEPT; ${iptables} -w -t raw -F; ${iptables} -w -D OUTPUT -p udp -j ACCEPT; done`;
    const meddler = await s.client.spawn('sh', ['-c', meddling]);
    const errors = await call<readonly string[]>(s, 'ensureOften', { count: 30 });
    await meddler.stop();
    t.deepEqual(errors, []);
    t.like(await call(s, 'intercept', { vips: [VIP] }), { ok: true });
    t.like(await call(s, 'intercept', { vips: [VIP] }), { ok: true, value: [] });
  });

  scene(
    'the set by which the daemon shows that it lives holds every address, with a timeout',
    async (t, s) => {
      await intercept(t, s);
      const saved = await s.client.must('ipset', ['save', 'minuteman-alive']);
      const entries = [...saved.matchAll(/^add minuteman-alive (\S+) timeout [0-3]$/gm)].map(
        ([, entry]) => entry,
      );
      t.deepEqual(entries.sort(), ['0.0.0.0/1', '128.0.0.0/1'], saved);
      t.like(await call(s, 'remove', { keepHooks: true }), { ok: true });
      t.is(
        (await s.client.must('ipset', ['list', '-n'])).trim(),
        'minuteman',
        'the VIPs are for others to remove',
      );
    },
  );

  for (const type of ['hash:ip timeout 3', 'hash:net', 'hash:ip,port']) {
    scene(`somebody else's set of that name, a ${type}, is told of and left alone`, async (t, s) => {
      await s.client.must('ipset', ['create', 'minuteman-alive', ...type.split(' ')]);
      const result = await call<FirewallResult<unknown>>(s, 'intercept', { vips: [VIP] });
      t.is(!result.ok && result.code, 'EINVAL');
      t.regex(
        (!result.ok && result.message) || '',
        /the set minuteman-alive is none of ours .*; run "ipset destroy/,
      );
    });
  }

  scene('without the privilege the error says so', async (t, s) => {
    const result = await call<FirewallResult<unknown>>(s, 'intercept', { vips: [VIP] }, NO_PRIVILEGE);
    t.false(result.ok);
    t.is(!result.ok && result.code, 'EPERM');
    t.regex((!result.ok && result.message) || '', /CAP_NET_ADMIN|you must be root/);
    t.notRegex((!result.ok && result.message) || '', /\n/);
    await intercept(t, s);
    const later = await call<FirewallResult<unknown>>(s, 'intercept', { vips: [VIP] }, NO_PRIVILEGE);
    t.is(!later.ok && later.code, 'EPERM', 'also where all sets stand already');
  });
}

if (workingFlavours().includes('iptables-legacy'))
  serialKernelTest('the xtables lock is waited for, and not for ever', async (t) => {
    const bed = await Testbed.create();
    try {
      const client = await bed.host('client', { address: '10.99.0.1' });
      // A lock of its own: the usual one is shared with everything on this machine.
      const lock = `/run/${bed.prefix}xtables.lock`;
      const s = { bed, client, server: client, iptables: 'iptables-legacy' };
      const as = ['env', `XTABLES_LOCKFILE=${lock}`];
      const hold = async (seconds: number): Promise<Program> => {
        const holder = await client.spawn('sh', [
          '-c',
          `exec 9>${lock}; flock 9; echo locked; exec sleep ${seconds}`,
        ]);
        await holder.waitForLine(/^locked$/);
        return holder;
      };
      const long = await hold(60);
      const [error] = await call<readonly string[]>(s, 'ensureOften', { count: 1 }, as);
      t.regex(error ?? '', /^EBUSY: .*another program holds the xtables lock$/);
      await long.stop();
      const brief = await hold(1);
      t.deepEqual(await call(s, 'ensureOften', { count: 1 }, as), []);
      await brief.exited;
      await client.must('rm', ['-f', lock]);
    } finally {
      await bed.destroy();
    }
  });

async function intercept(t: ExecutionContext, scene: Scene, vips: readonly string[] = [VIP]): Promise<void> {
  t.like(await call(scene, 'intercept', { vips }), { ok: true });
}

function call<Answer>(
  scene: Scene,
  name: keyof typeof scenes,
  argument: Readonly<Record<string, unknown>>,
  as: readonly string[] = [],
): Promise<Answer> {
  return callInside(scene.client, SCENES, name, { iptables: scene.iptables, ...argument }, { as });
}
