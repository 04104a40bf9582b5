import type { ExecutionContext } from 'ava';
import type { Teardown } from '../../src/native/teardown.js';
import type { Host } from '../../testbed/host.js';
import { Testbed } from '../../testbed/testbed.js';
import type * as scenes from '../support/firewall-scenes.js';
import { callInside } from '../support/inside.js';
import { serialKernelTest, workingFlavours } from '../support/prerequisites.js';

const SCENES = new URL('../support/firewall-scenes.js', import.meta.url);
const FOREIGN = ['-A', 'INPUT', '-p', 'udp', '-m', 'comment', '--comment', 'not ours', '-j', 'ACCEPT'];

async function withHost(t: ExecutionContext, run: (host: Host) => Promise<void>): Promise<void> {
  const bed = await Testbed.create();
  try {
    await run(await bed.host('host', { address: '10.99.0.1' }));
    t.pass();
  } finally {
    await bed.destroy();
  }
}

function call<Answer>(host: Host, name: keyof typeof scenes, argument: object): Promise<Answer> {
  return callInside(host, SCENES, name, argument);
}

function tearDown(host: Host, ipset = 'minuteman'): Promise<Teardown> {
  return call(host, 'tearDown', { ipset });
}

serialKernelTest('where no daemon ever ran there is nothing to tear down', (t) =>
  withHost(t, async (host) => {
    t.deepEqual(await tearDown(host), { rules: 0, sets: [], entries: 0, faults: [] });
  }),
);

for (const iptables of workingFlavours()) {
  serialKernelTest(`${iptables}: rules, sets and entries of a dead daemon go, those of others stay`, (t) =>
    withHost(t, async (host) => {
      await call(host, 'intercept', { iptables, vips: ['10.1.2.3:5000'] });
      await call(host, 'place', {
        iptables,
        client: '10.99.0.1:40000',
        vip: '10.1.2.3:5000',
        backend: '10.99.0.2:80',
      });
      await call(host, 'leaveHalfReplaced', {});
      await host.must(iptables, ['-w', ...FOREIGN]);
      await host.must('ipset', ['create', 'somebody-elses', 'hash:ip']);
      const other = '-I -p tcp -s 10.99.0.1 -d 10.9.9.9 --sport 1 --dport 2 --state ESTABLISHED -t 60'.split(
        ' ',
      );
      await host.must('conntrack', other);

      // A name that is configured otherwise now: the rules still tell the set.
      const report = await tearDown(host, 'renamed');
      t.deepEqual(
        { ...report, sets: [...report.sets].sort() },
        {
          rules: 8,
          sets: ['minuteman', 'minuteman-alive', 'minuteman-tmp'],
          entries: 1,
          faults: [],
        },
      );
      const left = (await host.must(`${iptables}-save`)).split('\n').filter((line) => line.startsWith('-A'));
      t.is(left.length, 1);
      t.is((await host.must('ipset', ['list', '-n'])).trim(), 'somebody-elses');
      t.regex(await host.must('conntrack', ['-L']), /dst=10\.9\.9\.9/);
      t.deepEqual(await tearDown(host), { rules: 0, sets: [], entries: 0, faults: [] });
    }),
  );
}

serialKernelTest('rules of both flavours go', (t) =>
  withHost(t, async (host) => {
    const flavours = workingFlavours();
    for (const iptables of flavours) await call(host, 'intercept', { iptables, vips: [] });
    t.like(await tearDown(host), {
      rules: 8 * flavours.length,
      sets: ['minuteman', 'minuteman-alive'],
      faults: [],
    });
  }),
);

serialKernelTest('a set that others use stays, and is told of', (t) =>
  withHost(t, async (host) => {
    await call(host, 'intercept', { iptables: 'iptables', vips: [] });
    const use = '-w -A INPUT -m set --match-set minuteman dst,dst -j ACCEPT'.split(' ');
    await host.must('iptables', use);
    const { rules, sets, faults } = await tearDown(host);
    t.is(rules, 8);
    t.deepEqual(sets, ['minuteman-alive']);
    t.is(faults.length, 1);
    t.regex(faults[0]!, /ipset: .*in use/);
  }),
);

serialKernelTest('without the privilege each fault is told in a line', (t) =>
  withHost(t, async (host) => {
    const { faults, ...nothing } = await callInside<Teardown>(
      host,
      SCENES,
      'tearDown',
      { ipset: 'minuteman' },
      { as: ['setpriv', '--bounding-set=-all', '--inh-caps=-all'] },
    );
    t.deepEqual(nothing, { rules: 0, sets: [], entries: 0 });
    t.true(faults.length >= 2, faults.join('\n'));
    t.true(faults.every((fault) => !fault.includes('\n')));
  }),
);
