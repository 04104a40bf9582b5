import { plannedRules } from '../../src/native/iptables-rules.js';
import { listen, probe, startProbe } from '../../testbed/probing.js';
import { badDay, eventually, kernelState, median, ONE, TWO, VIP } from '../support/bad-day.js';
import { startDaemon } from '../support/daemon.js';
import { withFlavour } from '../support/iptables-flavour.js';
import { workingFlavours } from '../support/prerequisites.js';

/** What somebody else does, in a shell where `iptables` is of the daemon's flavour, and what is told of it. */
const MEDDLING: readonly { readonly deed: string; readonly told: RegExp }[] = [
  {
    deed: 'iptables -w -F',
    told: /^answers\/INPUT, answers\/FORWARD, answers\/OUTPUT, filter\/OUTPUT, filter\/FORWARD$/,
  },
  { deed: 'iptables -w -t raw -F', told: /^raw\/OUTPUT, raw\/PREROUTING$/ },
  { deed: 'iptables -w -t nat -F', told: /^nat hooks$/ },
  {
    // Once more where the daemon put a rule back in between, which holds the set.
    deed: 'for time in 1 2 3; do iptables -w -F; iptables -w -t raw -F; ipset destroy && break; done',
    told: /ipset minuteman/,
  },
  { deed: 'ipset flush minuteman', told: /^ipset minuteman$/ },
  { deed: 'ipset flush', told: /^ipset minuteman$/ },
  { deed: 'ipset del minuteman 10.1.2.3,tcp:5000', told: /^ipset minuteman$/ },
  { deed: 'ipset add minuteman 10.1.2.99,tcp:1', told: /^ipset minuteman$/ },
  { deed: 'iptables -w -D OUTPUT 1', told: /^filter\/OUTPUT$/ },
];
/** What is promised; most deeds are to be mended in it even where others want the processor, too. */
const RESTORED_MS = 2_000;
/** No single one may take longer, on whatever machine. */
const RESTORED_MOST_MS = 10 * RESTORED_MS;

for (const flavour of workingFlavours()) {
  badDay(`${flavour}: whatever somebody else takes away is put back, and told`, async (t, day) => {
    const env = withFlavour(flavour);
    await listen(day.one, 80, 'one', 20);
    const daemon = await startDaemon(day.client, { vips: { [VIP]: [ONE], '10.1.2.4:80': [TWO] }, env });
    const whole = await kernelState(day.client);
    const { length } = plannedRules({ ipset: 'minuteman', firstQueue: 50, queues: 2 });
    t.is(whole.filter((line) => line.startsWith(`${flavour}-save: -A`)).length, length, whole.join('\n'));
    const held = await startProbe(day.client, VIP, { holdMs: 100_000 });
    const took: number[] = [];
    for (const { deed, told } of MEDDLING) {
      const before = daemon.log('rules-restored').length;
      const sinceMs = performance.now();
      await day.client.must('env', [`PATH=${env.PATH}`, 'sh', '-c', deed]);
      const { ms } = await eventually(
        deed,
        () => kernelState(day.client),
        (state) => state.join('\n') === whole.join('\n'),
        RESTORED_MOST_MS,
      );
      took.push(ms);
      // The rules stand before the daemon hears that they do.
      const { answer: lines } = await eventually(
        `${deed} is told`,
        () => daemon.log('rules-restored').slice(before),
        (news) => news.some(({ what }) => told.test(String(what))),
      );
      t.log(
        `${deed}: ${(ms / 1000).toFixed(1)} s, told after ${((performance.now() - sinceMs) / 1000).toFixed(1)} s; ${lines.map(({ what }) => what)}`,
      );
      t.regex((await probe(day.client, VIP))[0]?.first ?? '', /^one /, deed);
    }
    t.log(`put back in ${(median(took) / 1000).toFixed(1)} s, median of ${took.length}`);
    t.true(median(took) <= RESTORED_MS, `${took.map((ms) => ms.toFixed(0))} ms`);
    t.true((await daemon.metric('minuteman_set_restored_total')) >= 4);
    held.program.kill();
    const [seen] = await held.result;
    t.log('a connection through it all', JSON.stringify(seen));
    t.like(seen, { outcome: 'connected', stood: true });
    t.true(seen!.longestGapMs < RESTORED_MOST_MS);
    t.is((await daemon.stop()).code, 0);
  });
}
