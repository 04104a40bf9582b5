import { readFileSync } from 'node:fs';
import type { Violation } from '../invariants/invariant.js';
import { RARE_BRANCHES } from '../invariants/rare-branches.js';
import type { Plan } from '../plan/plan.js';
import { counted, describePlan, hostsText, seconds } from './fault-text.js';
import type { TimelineData } from './timeline.js';

/** A run, for the page. */
export interface ReportedRun {
  readonly plan: Plan;
  readonly simulatedMs: number;
  readonly events: number;
  readonly hash: string;
  readonly violations: readonly Violation[];
  readonly sometimes: ReadonlyMap<string, number>;
  /** What repeats it, for a shell. */
  readonly command: string;
  /** Whether somebody ended it before its time. */
  readonly interrupted: boolean;
}

/** The page's own scripts in the order of their imports; they lie beside this file's source. */
const SCRIPTS = ['model.js', 'paint.js', 'main.js'];
const MOST_ROWS = 500;

/** One HTML document with everything in it: nothing is loaded from anywhere. */
export function reportPage(run: ReportedRun, timeline: TimelineData): string {
  const { plan, violations } = run;
  const title = `seed ${plan.seed}, ${plan.scenario}`;
  const verdict = violations.length === 0 ? 'no violation' : counted(violations.length, 'violation');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>Minuteman simulation: ${asText(title)}</title>
<style>${asset('page.css')}</style>
</head>
<body>
<div class="head">
<h1>Simulation: ${asText(title)}</h1>
<span class="badge${violations.length === 0 ? '' : ' bad'}">${verdict}</span>
${run.interrupted ? '<span class="quiet">ended early</span>' : ''}
</div>
<p class="quiet">${asText(describePlan(plan))}, VIPs from ${plan.source === 'file' ? 'a file' : 'a Mesos master'}</p>
${facts(run, timeline)}
<div class="command"><code id="command">${asText(run.command)}</code><button id="copy" type="button">copy</button></div>
<h2>Timeline</h2>
${TOOLS}
<div class="board" id="timeline">
<canvas id="overview"></canvas>
<canvas id="axis"></canvas>
<div id="lanes" tabindex="0"><div id="spacer"></div><canvas id="canvas"></canvas></div>
</div>
<div id="tip" hidden></div>
${violationTable(timeline)}
${faultTable(timeline)}
${failureTable(timeline)}
${sometimesTable(run.sometimes)}
<script type="application/json" id="run">${embedded({ endMs: run.simulatedMs, timeline })}</script>
<script type="module">${script()}</script>
</body>
</html>
`;
}

const TOOLS = `<div class="tools">
<span class="buttons">
<button type="button" data-action="in" title="zoom in (+, double click, Ctrl and wheel)">+</button>
<button type="button" data-action="out" title="zoom out (-)">&minus;</button>
<button type="button" data-action="left" title="earlier (arrow left, drag)">&larr;</button>
<button type="button" data-action="right" title="later (arrow right, drag)">&rarr;</button>
<button type="button" data-action="all" title="the whole run (0)">all</button>
</span>
<select id="wanted" aria-label="which lanes are shown">
<option value="all">all nodes</option>
<option value="busy">nodes with faults, failures or violations</option>
</select>
<span class="legend">
<span><i style="background:var(--ok)"></i>connected</span>
<span><i style="background:var(--slow)"></i>slow (over 500 ms)</span>
<span><i style="background:var(--failed)"></i>failed</span>
<span><i style="background:var(--fault)"></i>fault</span>
<span><i class="diamond" style="background:var(--note)"></i>event of the log</span>
<span><i style="background:var(--violation)"></i>violation</span>
<span>daemon: <i class="strip" style="background:var(--ready)"></i>ready
<i class="strip" style="background:var(--slow)"></i>starting
<i class="strip" style="background:var(--down)"></i>down
<i class="strip" style="background:var(--paused)"></i>paused</span>
</span>
</div>`;

function facts({ events, hash, simulatedMs }: ReportedRun, { counts, bucketMs }: TimelineData): string {
  const pairs: [string, string][] = [
    ['simulated', `${seconds(simulatedMs)} s`],
    ['events', events.toLocaleString('en-US')],
    ['connections', counts.began.toLocaleString('en-US')],
    ['slow', counts.slow.toLocaleString('en-US')],
    ['failed', counts.failed.toLocaleString('en-US')],
    ['counted per', `${bucketMs} ms`],
    ['hash', hash],
  ];
  const items = pairs.map(([name, value]) => `<div><dt>${name}</dt><dd>${asText(value)}</dd></div>`);
  return `<dl class="facts">${items.join('')}</dl>`;
}

type Cell = string | number | undefined;

/** A row; those with a stretch of time lead there when clicked. */
interface Row {
  readonly cells: readonly Cell[];
  readonly span?: { readonly fromMs: number; readonly toMs: number; readonly lane: string | undefined };
  readonly className?: string;
}

function table(heading: string, columns: readonly string[], rows: readonly Row[], omitted: number): string {
  const shown = rows.slice(0, MOST_ROWS);
  const left = rows.length - shown.length + omitted;
  const numeric = columns.map((_, at) => rows.length > 0 && rows.every(({ cells }) => isNumber(cells[at])));
  const attribute = (at: number): string => (numeric[at] ? ' class="number"' : '');
  const head = columns.map((name, at) => `<th${attribute(at)}>${asText(name)}</th>`).join('');
  const body = shown.map(({ cells, span, className }) => {
    const place =
      span === undefined
        ? ''
        : ` data-from="${Math.round(span.fromMs)}" data-to="${Math.round(span.toMs)}" data-lane="${asText(span.lane ?? '')}"`;
    const data = cells.map((cell, at) => `<td${attribute(at)}>${asText(String(cell ?? ''))}</td>`).join('');
    return `<tr${className === undefined ? '' : ` class="${className}"`}${place}>${data}</tr>`;
  });
  const more = left > 0 ? `<p class="quiet">and ${left} more</p>` : '';
  return `<h2>${asText(heading)}</h2>
<div class="table"><table><thead><tr>${head}</tr></thead><tbody>
${body.join('\n')}
</tbody></table></div>${more}`;
}

/** Numbers, and times such as `12.3 s`, stand to the right. */
function isNumber(cell: Cell): boolean {
  return cell === undefined || typeof cell === 'number' || /^\d+(\.\d+)? s$/.test(cell) || cell === '';
}

function violationTable({ violations, omitted }: TimelineData): string {
  if (violations.length === 0) return '<h2>Violations</h2><p class="quiet">none</p>';
  const rows = violations.map(({ atMs, invariant, host, what }) => ({
    cells: [`${seconds(atMs)} s`, host ?? 'everywhere', invariant, what],
    span: { fromMs: atMs, toMs: atMs, lane: host },
  }));
  return table(
    `Violations (${violations.length + omitted.violations})`,
    ['at', 'where', 'invariant', 'what'],
    rows,
    omitted.violations,
  );
}

function faultTable({ faults }: TimelineData): string {
  if (faults.length === 0) return '<h2>Faults</h2><p class="quiet">none</p>';
  const rows = faults.map(({ fromMs, toMs, text, hosts, elsewhere }) => ({
    cells: [
      `${seconds(fromMs)} s`,
      toMs > fromMs ? `${seconds(toMs - fromMs)} s` : '',
      [hostsText([...new Set(hosts)]), elsewhere ?? ''].join(' ').trim(),
      text,
    ],
    span: { fromMs, toMs, lane: hosts[0] ?? elsewhere },
  }));
  return table(`Faults (${faults.length})`, ['at', 'for', 'where', 'what'], rows, 0);
}

function failureTable({ failures, omitted }: TimelineData): string {
  if (failures.length === 0) return '<h2>Failed connections</h2><p class="quiet">none</p>';
  const rows = failures.map(({ beganMs, endedMs, host, client, vip, backend, syns, why }) => ({
    cells: [
      `${seconds(beganMs)} s`,
      `${seconds(endedMs - beganMs)} s`,
      host,
      client,
      vip,
      backend,
      syns,
      why,
    ],
    span: { fromMs: beganMs, toMs: endedMs, lane: host },
  }));
  return table(
    `Failed connections (${failures.length + omitted.failures})`,
    ['at', 'after', 'from', 'client', 'VIP', 'backend', 'SYNs', 'why'],
    rows,
    omitted.failures,
  );
}

function sometimesTable(sometimes: ReadonlyMap<string, number>): string {
  const never = RARE_BRANCHES.filter((name) => !sometimes.has(name)).map((name) => [name, 0] as const);
  const rows = [...sometimes, ...never]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, times]) => ({ cells: [name, times], ...(times === 0 ? { className: 'never' } : {}) }));
  return table('Rare branches that were reached', ['branch', 'times'], rows, 0);
}

function asset(name: string): string {
  return readFileSync(new URL(`../../../../../src/sim/report/page/${name}`, import.meta.url), 'utf8');
}

/** The scripts as one module: what they import of each other is all in it. */
function script(): string {
  return SCRIPTS.map((name) =>
    asset(name)
      .replace(/^import \{[^}]*\} from '[^']*';\n/gm, '')
      .replace(/^export /gm, ''),
  ).join('\n');
}

/** JSON that may stand within a script element. */
function embedded(value: unknown): string {
  return JSON.stringify(value).replace(/</g, '\\u003c');
}

function asText(text: string): string {
  return text.replace(
    /[&<>"']/g,
    (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[character] ?? '&#39;',
  );
}
