// The page: reads the run that it carries, draws it, and follows the pointer.
import { clampView, GUTTER, layOut, totalCells, zoomed } from './model.js';
import { describe, paintAxis, paintLanes, paintOverview, paletteOf, prepare } from './paint.js';

const AXIS_HEIGHT = 22;
const OVERVIEW_HEIGHT = 66;

const root = document.documentElement;
addEventListener('error', ({ message }) => {
  root.dataset.error = message;
});

const find = (id) => document.getElementById(id);
const { timeline: data, endMs } = JSON.parse(find('run').textContent);
const run = { data, endMs, layout: undefined, totals: totalCells(data.lanes) };
const scroller = find('lanes');
const [overview, axis, lanes] = ['overview', 'axis', 'canvas'].map(find);
const tip = find('tip');

/** `#12.5-20` in the address shows these seconds. */
function viewOfAddress() {
  const match = /^#(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)$/.exec(location.hash);
  const [from, to] = match ? [Number(match[1]) * 1000, Number(match[2]) * 1000] : [0, endMs];
  return clampView(to > from ? { from, to } : { from: 0, to: endMs }, endMs);
}

let view = viewOfAddress();
let width = 0;
let asked = false;

function show(next) {
  view = clampView(next, endMs);
  draw();
}

function draw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    drawNow();
  });
}

function drawNow() {
  width = scroller.clientWidth;
  const palette = paletteOf(root);
  paintOverview(prepare(overview, width, OVERVIEW_HEIGHT), palette, run, view, width, OVERVIEW_HEIGHT);
  paintAxis(prepare(axis, width, AXIS_HEIGHT), palette, view, width, AXIS_HEIGHT);
  const height = scroller.clientHeight;
  const context = prepare(lanes, width, height);
  const drawn = paintLanes(context, palette, run, view, scroller.scrollTop, width, height);
  root.dataset.lanes = String(drawn);
  root.dataset.view = `${Math.round(view.from)}-${Math.round(view.to)}`;
}

function layOutAnew() {
  run.layout = layOut(data, endMs, find('wanted').value);
  find('spacer').style.height = `${run.layout.height}px`;
  scroller.style.height = `min(${run.layout.height + 2}px, 72vh)`;
  draw();
}

const timeAt = (x) => view.from + ((x - GUTTER) / (width - GUTTER)) * (view.to - view.from);

function pointed({ clientX, clientY }) {
  const box = lanes.getBoundingClientRect();
  const y = clientY - box.top + scroller.scrollTop;
  const lane = run.layout.lanes.find(({ top, height }) => y >= top && y < top + height);
  return { x: clientX - box.left, lane };
}

function hover(event) {
  const { x, lane } = pointed(event);
  tip.hidden = lane === undefined || x < GUTTER;
  if (tip.hidden) return;
  tip.replaceChildren(
    ...describe(run, view, lane, timeAt(x), width).map(({ kind, text }) => {
      const line = document.createElement('div');
      line.className = kind;
      line.textContent = text;
      return line;
    }),
  );
  const { offsetWidth, offsetHeight } = tip;
  const left =
    event.clientX + 14 + offsetWidth > innerWidth ? event.clientX - 14 - offsetWidth : event.clientX + 14;
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${Math.max(4, Math.min(innerHeight - offsetHeight - 4, event.clientY + 14))}px`;
}

let dragged;
scroller.addEventListener('pointerdown', (event) => {
  if (event.button !== 0 || event.offsetX > scroller.clientWidth) return;
  dragged = { x: event.clientX, view };
  scroller.setPointerCapture(event.pointerId);
});
scroller.addEventListener('pointermove', (event) => {
  if (dragged === undefined) {
    hover(event);
    return;
  }
  tip.hidden = true;
  const byMs = ((dragged.x - event.clientX) / (width - GUTTER)) * (dragged.view.to - dragged.view.from);
  show({ from: dragged.view.from + byMs, to: dragged.view.to + byMs });
});
for (const end of ['pointerup', 'pointercancel']) {
  scroller.addEventListener(end, () => {
    dragged = undefined;
  });
}
scroller.addEventListener('pointerleave', () => {
  tip.hidden = true;
});
scroller.addEventListener('scroll', draw);
scroller.addEventListener('dblclick', (event) => {
  show(zoomed(view, event.shiftKey ? 2 : 0.5, timeAt(pointed(event).x), endMs));
});
scroller.addEventListener(
  'wheel',
  (event) => {
    const across = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (event.ctrlKey || event.metaKey || event.altKey) {
      show(zoomed(view, 1.0015 ** event.deltaY, timeAt(pointed(event).x), endMs));
    } else if (Math.abs(across) > 0 && (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))) {
      const byMs = (across / width) * (view.to - view.from);
      show({ from: view.from + byMs, to: view.to + byMs });
    } else return;
    event.preventDefault();
  },
  { passive: false },
);

/** Dragging over the overview chooses what is shown; a click moves there. */
let chosenFrom;
const overviewTime = (event) =>
  Math.max(0, Math.min(endMs, ((event.offsetX - GUTTER) / (width - GUTTER)) * endMs));
overview.addEventListener('pointerdown', (event) => {
  chosenFrom = overviewTime(event);
  overview.setPointerCapture(event.pointerId);
});
overview.addEventListener('pointermove', (event) => {
  if (chosenFrom === undefined) return;
  const to = overviewTime(event);
  if (Math.abs(to - chosenFrom) > endMs / 400)
    show({ from: Math.min(chosenFrom, to), to: Math.max(chosenFrom, to) });
});
overview.addEventListener('pointerup', (event) => {
  const at = overviewTime(event);
  const half = (view.to - view.from) / 2;
  if (Math.abs(at - chosenFrom) <= endMs / 400) show({ from: at - half, to: at + half });
  chosenFrom = undefined;
});

const middle = () => (view.from + view.to) / 2;
const ACTIONS = {
  in: () => show(zoomed(view, 0.5, middle(), endMs)),
  out: () => show(zoomed(view, 2, middle(), endMs)),
  all: () => show({ from: 0, to: endMs }),
  left: () => pan(-0.25),
  right: () => pan(0.25),
};
function pan(share) {
  const byMs = (view.to - view.from) * share;
  show({ from: view.from + byMs, to: view.to + byMs });
}
for (const button of document.querySelectorAll('[data-action]')) {
  button.addEventListener('click', () => ACTIONS[button.dataset.action]());
}
const KEYS = { '+': 'in', '=': 'in', '-': 'out', 0: 'all', ArrowLeft: 'left', ArrowRight: 'right' };
scroller.addEventListener('keydown', (event) => {
  const action = event.ctrlKey || event.metaKey ? undefined : KEYS[event.key];
  if (action === undefined) return;
  event.preventDefault();
  ACTIONS[action]();
});

for (const row of document.querySelectorAll('[data-from]')) {
  row.addEventListener('click', () => {
    const from = Number(row.dataset.from);
    const to = Number(row.dataset.to);
    const around = Math.max(1_000, (to - from) * 0.25);
    show({ from: from - around, to: to + around });
    const lane = run.layout.lanes.find(({ name }) => name === row.dataset.lane);
    if (lane) scroller.scrollTop = lane.top - scroller.clientHeight / 3;
    find('timeline').scrollIntoView({ behavior: 'smooth' });
  });
}
find('copy').addEventListener('click', async () => {
  const text = find('command').textContent;
  await navigator.clipboard?.writeText(text).catch(() => undefined);
  find('copy').textContent = 'copied';
});

find('wanted').addEventListener('change', layOutAnew);
addEventListener('hashchange', () => show(viewOfAddress()));
addEventListener('resize', draw);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
layOutAnew();
drawNow();
