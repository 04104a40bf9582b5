import type { Host } from '../../testbed/host.js';
import { listen, probe, startProbe } from '../../testbed/probing.js';
import { badDay, entriesTo, kernelState, ONE, TWO, VIP } from '../support/bad-day.js';
import { MINUTEMAN } from '../support/command.js';
import { startDaemon } from '../support/daemon.js';
import { withFlavour } from '../support/iptables-flavour.js';
import { workingFlavours } from '../support/prerequisites.js';

const VIPS = { [VIP]: [ONE], '10.1.2.4:80': [TWO] };

/** Rules and a set of somebody else, which no ending of ours may touch. */
async function furnish(host: Host, iptables: string): Promise<readonly string[]> {
  await host.must('ipset', ['create', 'somebody-elses', 'hash:ip']);
  for (const rule of [
    '-A INPUT -p udp -m comment --comment minuteman-not -j ACCEPT',
    '-t raw -A OUTPUT -p udp -j ACCEPT',
    '-t nat -A POSTROUTING -p udp -j MASQUERADE',
  ]) {
    await host.must(iptables, ['-w', ...rule.split(' ')]);
  }
  return kernelState(host);
}

for (const flavour of workingFlavours()) {
  badDay(`${flavour}: teardown after kill -9 leaves nothing of ours and all of others`, async (t, day) => {
    await listen(day.one, 80, 'one', 20);
    const furniture = await furnish(day.client, flavour);
    const daemon = await startDaemon(day.client, { vips: VIPS, env: withFlavour(flavour) });
    await probe(day.client, VIP, { count: 5 });
    const held = await startProbe(day.client, VIP, { holdMs: 100_000 });
    t.true((await entriesTo(day.client, VIP)).size >= 1);
    daemon.program.kill('SIGKILL');
    await daemon.program.exited;
    t.notDeepEqual(await kernelState(day.client), furniture);

    const said = await day.client.must(process.execPath, [MINUTEMAN, 'teardown']);
    t.regex(said, /^removed [1-9]\d* rules, [1-9] sets and [1-9]\d* connection entries\n$/);
    t.deepEqual(await kernelState(day.client), furniture);
    t.is((await entriesTo(day.client, VIP)).size, 0);
    held.program.kill();
    await held.result;
    const again = await day.client.must(process.execPath, [MINUTEMAN, 'teardown']);
    t.is(again, 'removed 0 rules, 0 sets and 0 connection entries\n');
  });

  badDay(`${flavour}: an orderly stop leaves nothing; connections that stand go on`, async (t, day) => {
    await listen(day.one, 80, 'one', 20);
    const furniture = await furnish(day.client, flavour);
    const env = withFlavour(flavour);
    const idle = await startDaemon(day.client, { vips: VIPS, env });
    t.is((await idle.stop()).code, 0);
    t.like(idle.log('stopped').at(-1), { reason: 'SIGTERM' });
    t.deepEqual(await kernelState(day.client), furniture, 'where no connection was made');

    const daemon = await startDaemon(day.client, { vips: VIPS, env });
    const held = await startProbe(day.client, VIP, { holdMs: 100_000 });
    t.is((await daemon.stop()).code, 0);
    const left = (await kernelState(day.client)).filter((line) => !furniture.includes(line));
    t.is(left.length, 1, left.join('\n'));
    t.regex(left[0] ?? '', /minuteman-hooks/);
    t.is((await probe(day.client, VIP, { timeoutMs: 300 }))[0]?.outcome, 'timeout', 'nobody intercepts now');
    held.program.kill();
    const [seen] = await held.result;
    t.like(seen, { outcome: 'connected', stood: true });
    t.true(seen!.longestGapMs < 2_000, `a silence of ${seen!.longestGapMs} ms`);
    const said = await day.client.must(process.execPath, [MINUTEMAN, 'teardown']);
    t.regex(said, /^removed 1 rules, 0 sets and/);
    t.deepEqual(await kernelState(day.client), furniture);
  });
}

badDay('with keepRulesOnExit a stop leaves all in place, and clients are refused at once', async (t, day) => {
  await listen(day.one, 80, 'one', 20);
  const config = { dataPlane: { keepRulesOnExit: true } };
  const daemon = await startDaemon(day.client, { vips: VIPS, config });
  const whole = await kernelState(day.client);
  const held = await startProbe(day.client, VIP, { holdMs: 100_000 });
  t.is((await daemon.stop()).code, 0);
  t.deepEqual(await kernelState(day.client), whole);
  for (const { errno, ms } of await probe(day.client, VIP, { count: 5 })) {
    t.is(errno, 'ECONNREFUSED');
    t.true(ms < 1_000);
  }
  const next = await startDaemon(day.client, { vips: VIPS, config });
  t.deepEqual(await kernelState(day.client), whole);
  t.is((await probe(day.client, VIP))[0]?.outcome, 'connected');
  t.deepEqual(next.log('rules-restored'), []);
  held.program.kill();
  t.like((await held.result)[0], { outcome: 'connected', stood: true });
});
