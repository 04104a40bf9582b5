import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import vm from 'node:vm';
import test, { type ExecutionContext } from 'ava';
import type { Plan } from '../../../src/sim/plan/plan.js';
import { planOf } from '../../../src/sim/plan/scenarios.js';
import { reportPage } from '../../../src/sim/report/page.js';
import { Timeline, type TimelineData } from '../../../src/sim/report/timeline.js';
import { chromiumIsPackaged, domAfterScripts, findChromium } from '../../support/chromium.js';
import { madeUpRun } from '../../support/made-up-run.js';

const TRICKY = '</script><script>throw 1</script>';

async function page(plan: Plan): Promise<{ html: string; data: TimelineData }> {
  const timeline = new Timeline(plan);
  const { events, hash } = await madeUpRun(plan, timeline.follow);
  const violation = { kind: 'violation', invariant: 'one-verdict', host: 'n2', what: TRICKY } as const;
  timeline.follow(violation, 12_345);
  const data = timeline.data(plan.durationMs);
  const html = reportPage(
    {
      plan,
      simulatedMs: plan.durationMs,
      events,
      hash,
      violations: [{ invariant: 'one-verdict', host: 'n2', what: TRICKY, atMs: 12_345 }],
      sometimes: new Map([
        ['a retransmit moved', 3],
        ['the table was full', 0],
      ]),
      command: 'minuteman sim --seed 3 --scenario everything',
      interrupted: false,
    },
    data,
  );
  return { html, data };
}

const plan = planOf({ scenario: 'everything', seed: 3, nodes: 40, connectionsPerSecond: 100 });
const small = planOf({ scenario: 'everything', seed: 5, nodes: 4, durationMs: 20_000 });

test('the page holds the whole run and nothing that must be loaded', async (t) => {
  const { html, data } = await page(small);
  t.notRegex(html, /\b(src|href)=/);
  t.notRegex(html.replace(/<script type="application\/json"[\s\S]*?<\/script>/, ''), /https?:\/\//);
  t.regex(html, /Content-Security-Policy" content="default-src 'none'/);
  const embedded = /<script type="application\/json" id="run">([\s\S]*?)<\/script>/.exec(html)?.[1] ?? '';
  t.deepEqual(JSON.parse(embedded), JSON.parse(JSON.stringify({ endMs: 20_000, timeline: data })));
});

test('text of the run stays text', async (t) => {
  const { html } = await page(small);
  t.false(html.includes('<script>throw'));
  t.true(html.includes('&lt;/script&gt;&lt;script&gt;throw 1'));
});

test('the tables name faults, violations, failures and rare branches, and the command repeats the run', async (t) => {
  const { html, data } = await page(small);
  t.regex(html, new RegExp(`<h2>Faults \\(${small.faults.length}\\)`));
  t.is(html.match(/<tr data-from=/g)?.length, small.faults.length + 1 + data.failures.length);
  t.regex(html, /12\.345 s<\/td><td>n2<\/td><td>one-verdict/);
  t.regex(html, /<tr class="never"><td>the table was full<\/td><td class="number">0/);
  t.regex(html, /<code id="command">minuteman sim --seed 3 --scenario everything</);
});

test('its scripts are one valid module', async (t) => {
  const { html } = await page(small);
  const script = /<script type="module">([\s\S]*?)<\/script>/.exec(html)?.[1] ?? '';
  t.notThrows(() => new vm.Script(script));
  t.notRegex(script, /^(import|export) /m);
});

test('40 nodes, a minute and 6000 connections make less than 5 MB', async (t) => {
  const { html, data } = await page(plan);
  t.true(data.counts.began >= 5_900);
  t.true(html.length < 5e6, `${html.length}`);
});

test('1000 nodes and an hour make less than 5 MB, too', (t) => {
  const large = planOf({ scenario: 'everything', seed: 1, nodes: 1_000, durationMs: 3_600_000 });
  const timeline = new Timeline(large);
  for (let id = 0; id < 400_000; id += 1) {
    const host = `n${1 + (id % 1_000)}`;
    const atMs = id * 9;
    timeline.follow({ kind: 'connecting', host, id, client: 1, vip: 2 }, atMs);
    if (id % 7 === 0) timeline.follow({ kind: 'closed', host, id, why: 'refused' }, atMs);
    else timeline.follow({ kind: 'connected', host, id, tookMs: id % 999, backend: 3 }, atMs);
  }
  t.true(JSON.stringify(timeline.data(3_600_000)).length < 4.5e6);
});

// 400 MB for one test of a page that loads nothing would be too much to ask of every machine: continuous integration
// installs it where there is a package, elsewhere the tests above and those of the page's scripts must do.
const chromium = findChromium();
const browserTest: (title: string, run: (t: ExecutionContext, command: string) => Promise<void>) => void = (
  title,
  run,
) => {
  if (chromium !== undefined) test(title, (t) => run(t, chromium));
  else if (process.env.CI === 'true' && chromiumIsPackaged())
    test(title, (t) => t.fail('cannot run: chromium is not installed'));
  else test.skip(`${title} (skipped: no Chromium is installed)`, (t) => t.pass());
};

browserTest('a browser draws it, and the part that the address asks for', async (t, command) => {
  const directory = mkdtempSync(join(tmpdir(), 'minuteman-report-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'report.html');
  writeFileSync(file, (await page(plan)).html);
  const rootOf = (dom: string): string => /<html[^>]*>/.exec(dom)?.[0] ?? '';
  const whole = rootOf(await domAfterScripts(command, pathToFileURL(file).href));
  t.regex(whole, /data-lanes="[1-9]\d*"/);
  t.regex(whole, /data-view="0-60000"/);
  t.notRegex(whole, /data-error/);
  const part = rootOf(await domAfterScripts(command, `${pathToFileURL(file).href}#12.5-20`));
  t.regex(part, /data-view="12500-20000"/);
  t.notRegex(part, /data-error/);
});
