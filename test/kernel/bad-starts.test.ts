import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ToolRun } from '../../src/native/tool.js';
import type { Host } from '../../testbed/host.js';
import { listen, probe } from '../../testbed/probing.js';
import { badDay, eventually, kernelState, ONE, REFUSED_MS, VIP } from '../support/bad-day.js';
import { MINUTEMAN } from '../support/command.js';
import { Daemon, startDaemon } from '../support/daemon.js';
import { callInside, startInside } from '../support/inside.js';
import { withFlavour } from '../support/iptables-flavour.js';
import { type Flavour, workingFlavours } from '../support/prerequisites.js';
import { PUBLIC_MINUTEMAN, shown } from '../support/public-checkout.js';

const SCENES = new URL('../support/firewall-scenes.js', import.meta.url);
const VIPS = { [VIP]: [ONE] };

/** A daemon that is not expected to get far. */
function attempt(host: Host, daemon: Daemon, as: readonly string[] = []): Promise<ToolRun> {
  const agent = [...PUBLIC_MINUTEMAN, 'agent', '--config', daemon.configPath];
  const command = [...shown, ...as, ...agent];
  return host.exec(command[0]!, command.slice(1), { timeoutMs: 20_000 });
}

/** Lines for the operator, without the log's. */
function said({ stderr }: ToolRun): string[] {
  return stderr.split('\n').filter((line) => line !== '' && !line.startsWith('npm '));
}

badDay('a second daemon in a network namespace says who is the first, and ends', async (t, day) => {
  await listen(day.one, 80, 'one');
  const first = await startDaemon(day.client, { vips: VIPS });
  const whole = await kernelState(day.client);
  const other = { vips: VIPS, config: { api: { port: 61_422 }, dataPlane: { firstQueue: 90 } } };
  const second = await attempt(day.client, new Daemon(day.client, other));
  t.is(second.code, 1);
  t.deepEqual(said(second).length, 1, second.stderr);
  t.regex(
    second.stderr,
    new RegExp(`node client, pid ${first.program.pid}\\) runs in this network namespace`),
  );
  t.deepEqual(await kernelState(day.client), whole);

  const teardown = await day.client.exec(process.execPath, [MINUTEMAN, 'teardown']);
  t.is(teardown.code, 1);
  t.regex(teardown.stderr, /another minuteman .* runs in this network namespace; stop it first/);
  t.deepEqual(await kernelState(day.client), whole);
  t.is((await probe(day.client, VIP))[0]?.outcome, 'connected');

  const elsewhere = await startDaemon(day.two, { vips: VIPS });
  for (const host of [day.client, day.two]) t.is((await probe(host, VIP))[0]?.outcome, 'connected');
  t.is((await elsewhere.stop()).code, 0);
  t.is((await probe(day.client, VIP))[0]?.outcome, 'connected');
});

/** Of root's rights these two, as the systemd unit leaves them. */
const TWO_RIGHTS = '-all,+net_admin,+net_raw';
const MINIMAL = [`--bounding-set=${TWO_RIGHTS}`, `--inh-caps=${TWO_RIGHTS}`, `--ambient-caps=${TWO_RIGHTS}`];
const NOBODY = ['--reuid=65534', '--regid=65534', '--clear-groups'];

/** Runs a program where the tool is no program any more. */
function without(tool: string): readonly string[] {
  const hide = `mount --bind /dev/null "$(readlink -f "$(command -v ${tool})")" && exec "$@"`;
  return ['unshare', '--mount', 'sh', '-c', hide, 'sh'];
}

/** Words for `env`: that flavour of iptables, with a lock of its own. */
function locking(flavour: Flavour, lock: string): readonly string[] {
  return [`PATH=${withFlavour(flavour).PATH}`, `XTABLES_LOCKFILE=${lock}`];
}

const WITHOUT_PART = `
net=/proc/$$/net
parts=$(ls $net/netfilter)
mount -t tmpfs tmpfs $net && mkdir $net/netfilter
(cd $net/netfilter && touch $parts && rm "$0")
exec "$@"`;

/** Runs a program where a part of the kernel does not show, as if its module were neither loaded nor to be had. */
function withoutKernelPart(sign: string): readonly string[] {
  return ['unshare', '--mount', 'sh', '-e', '-c', WITHOUT_PART, sign];
}

const POOR: readonly {
  readonly who: string;
  readonly as: readonly string[];
  readonly told: readonly RegExp[];
}[] = [
  {
    who: 'root without capabilities',
    as: ['setpriv', '--bounding-set=-all', '--inh-caps=-all'],
    told: [/lacks CAP_NET_ADMIN and CAP_NET_RAW; run it as root, or give it/],
  },
  {
    who: 'another user',
    as: ['setpriv', ...NOBODY],
    told: [/lacks CAP_NET_ADMIN and CAP_NET_RAW; run it as root, or give it/],
  },
  {
    who: 'another user with one capability of two',
    as: ['setpriv', ...NOBODY, ...['--inh-caps=', '--ambient-caps='].map((set) => `${set}+net_admin`)],
    told: [/lacks CAP_NET_RAW; run it as root, or give it/],
  },
  {
    who: 'another user with the capabilities, of whom iptables keeps its lock',
    as: ['env', ...locking('iptables-legacy', '/root/xtables.lock'), 'setpriv', ...NOBODY, ...MINIMAL],
    told: [/this user may not open \/root\/xtables.lock, the lock of the legacy iptables \(EACCES\)/],
  },
  {
    who: 'root without ipset',
    as: without('ipset'),
    told: [/ipset is not installed: apt-get install ipset/],
  },
  {
    who: 'root without iptables',
    as: without('iptables'),
    told: [/iptables is not installed: apt-get install iptables/],
  },
  {
    who: 'root on a kernel without packet queues',
    as: withoutKernelPart('nfnetlink_queue'),
    told: [
      /^this kernel has no packet queues \(nfnetlink_queue\); run "modprobe nfnetlink_queue" as root, or boot a kernel that has it$/,
    ],
  },
  {
    who: 'root on a kernel without packet logs',
    as: withoutKernelPart('nfnetlink_log'),
    told: [/^this kernel has no packet logs \(nfnetlink_log\); run "modprobe nfnetlink_log" as root, or/],
  },
  {
    who: 'another user without ipset',
    as: [...without('ipset'), 'setpriv', ...NOBODY],
    told: [/lacks CAP_NET_ADMIN and CAP_NET_RAW/, /ipset is not installed/],
  },
];

badDay(
  'without the right, a tool or a part of the kernel a daemon says in a line what to do',
  async (t, day) => {
    const daemon = new Daemon(day.client, { vips: VIPS });
    const untouched = await kernelState(day.client);
    chmodSync(dirname(daemon.configPath), 0o755);
    for (const { who, as, told } of POOR) {
      const run = await attempt(day.client, daemon, as);
      t.log(`${who}: ${said(run).join(' | ')}`);
      t.is(run.code, 1, who);
      t.is(said(run).length, told.length, `${who}: ${run.stderr}`);
      for (const [index, line] of said(run).entries()) t.regex(line, told[index]!, who);
    }
    t.deepEqual(await kernelState(day.client), untouched);
  },
);

for (const flavour of workingFlavours()) {
  for (const [who, user] of [
    ['root', []],
    ['another user', NOBODY],
  ] as const) {
    badDay(`${flavour}: ${who} with two capabilities of all is enough`, async (t, day) => {
      await listen(day.one, 80, 'one', 20);
      const untouched = await kernelState(day.client);
      const daemon = new Daemon(day.client, { vips: VIPS });
      const directory = dirname(daemon.configPath);
      const lock = join(directory, 'xtables.lock');
      writeFileSync(lock, '', { mode: 0o644 });
      chmodSync(directory, 0o755);
      const command = [
        ...[...shown, 'env', ...locking(flavour, lock), 'setpriv', ...user, ...MINIMAL, '--'],
        ...[...PUBLIC_MINUTEMAN, 'agent', '--config', daemon.configPath],
      ];
      const program = await day.client.spawn(command[0]!, command.slice(1));
      await program.waitForLine(/"event":"ready"/, 20_000);
      const container = await day.client.container('c1', { address: '10.88.1.2' });
      // Longer than the kernel goes without a heartbeat.
      for (const pauseMs of [0, 4_000]) {
        await sleep(pauseMs);
        for (const from of [day.client, container])
          t.is((await probe(from, VIP))[0]?.outcome, 'connected', from.name);
      }

      program.kill('SIGSTOP');
      await sleep(4_300);
      const stopped = await probe(day.client, VIP, { count: 10 });
      t.true(stopped.every(({ errno }) => errno === 'ECONNREFUSED'));
      t.true(Math.min(...stopped.map(({ ms }) => ms)) < REFUSED_MS);
      program.kill('SIGCONT');
      await eventually(
        'a connection',
        () => probe(day.client, VIP),
        ([seen]) => seen?.outcome === 'connected',
      );

      // While it cannot look: in the middle of putting rules back it would hold the set, or miss it loudly.
      program.kill('SIGSTOP');
      await day.client.must('sh', ['-c', `${flavour} -w -F; ${flavour} -w -t raw -F; ipset destroy`]);
      program.kill('SIGCONT');
      const { ms } = await eventually(
        'a connection after everything was taken away',
        () => probe(day.client, VIP, { timeoutMs: 500 }),
        ([seen]) => seen?.outcome === 'connected',
      );
      t.log(`restored in ${(ms / 1000).toFixed(1)} s`);
      await program.waitForLine(/"event":"rules-restored"/, 20_000);
      const health = await day.client.must('curl', ['-sS', 'http://127.0.0.1:61421/healthz']);
      const [queue] = (JSON.parse(health) as { queues: { depth: number | null }[] }).queues;
      t.is(queue?.depth, who === 'root' ? 0 : null, 'what the kernel shows to user 0 only is not made up');
      const errors = program.lines.filter((line) => /"event":"[a-z-]*(error|restarted)"/.test(line));
      t.deepEqual(errors, []);
      t.is((await program.stop()).code, 0);
      const left = (await kernelState(day.client)).filter((line) => !line.includes('minuteman-hooks'));
      t.deepEqual(left, untouched);
    });
  }
}

badDay('what is taken already ends the start, and the message says which', async (t, day) => {
  const untouched = await kernelState(day.client);
  const busy = await listen(day.client, 61_421, 'somebody else');
  const refused: readonly { readonly api: object; readonly told: RegExp }[] = [
    {
      api: { address: '10.99.0.1' },
      told: /api: 10\.99\.0\.1:61421 is in use by another program; stop it or/,
    },
    {
      api: { address: '10.99.0.77' },
      told: /api: 10\.99\.0\.77 is no address of this host; set api\.address/,
    },
  ];
  for (const { api, told } of refused) {
    const run = await attempt(day.client, new Daemon(day.client, { vips: VIPS, config: { api } }));
    t.is(run.code, 1);
    t.is(said(run).length, 1, run.stderr);
    t.regex(run.stderr, told);
    t.deepEqual(await kernelState(day.client), untouched, 'nothing is left of the attempt');
  }
  await busy.stop();

  const scene = { iptables: 'iptables' };
  t.like(await callInside(day.client, SCENES, 'intercept', { ...scene, vips: [] }), { ok: true });
  const holder = await startInside(day.client, SCENES, 'holdQueues', scene);
  await holder.waitForLine(/^holding$/);
  const run = await attempt(day.client, new Daemon(day.client, { vips: VIPS }));
  t.is(run.code, 1);
  const last = run.stdout.trim().split('\n').at(-1) ?? '';
  t.log(last);
  t.like(JSON.parse(last), { event: 'stopped', reason: 'escalated' });
  t.regex(
    (JSON.parse(last) as { msg: string }).msg,
    /packet queue 5\d is held by another process; end it, or set dataPlane/,
  );
});

badDay('a configuration is told all of its faults at once', async (t, day) => {
  const config = {
    api: { port: 0 },
    balancer: { backoff: 'soon' },
    dataPlane: { firstQueue: 65_535, queues: 2, ipset: 'no name' },
    surprise: 1,
  };
  const sources = [{ type: 'file' }, { type: 'zookeeper' }];
  const daemon = new Daemon(day.client, { sources, config });
  const run = await attempt(day.client, daemon);
  t.is(run.code, 2);
  t.log(said(run).join('\n'));
  const paths = ['api.port', 'balancer.backoff', 'dataPlane.ipset', 'dataPlane.queues', 'sources[0].path'];
  for (const path of [...paths, 'sources[1].type', 'surprise']) {
    t.true(
      said(run).some((line) => line.includes(`${path}: `)),
      path,
    );
  }
  writeFileSync(daemon.configPath, 'node: [\n');
  const broken = await attempt(day.client, daemon);
  t.is(broken.code, 2);
  t.regex(broken.stderr, /minuteman\.json:\d+:\d+/);
  rmSync(daemon.configPath);
  const gone = await attempt(day.client, daemon);
  t.is(gone.code, 2);
  t.is(said(gone).length, 1, gone.stderr);
});
