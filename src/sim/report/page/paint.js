// Draws the timeline onto canvases.
import { columnsOf, FAULT_HEIGHT, GUTTER, stateAt, ticksOf } from './model.js';

const NAMES = [
  'background',
  'text',
  'quiet',
  'line',
  'stripe',
  'ok',
  'slow',
  'failed',
  'fault',
  'fault-text',
  'ready',
  'down',
  'paused',
  'note',
  'violation',
];

/** The colours of the style sheet, as they are now. */
export function paletteOf(element) {
  const style = getComputedStyle(element);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

/** Makes a canvas as sharp as the screen; answers its context in CSS pixels. */
export function prepare(canvas, width, height) {
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext('2d');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = '11px system-ui, sans-serif';
  context.textBaseline = 'middle';
  return context;
}

const xOf = (atMs, view, width) => GUTTER + ((atMs - view.from) / (view.to - view.from)) * (width - GUTTER);

export function paintAxis(context, palette, view, width, height) {
  context.fillStyle = palette.quiet;
  for (const { atMs, text } of ticksOf(view.from, view.to, (width - GUTTER) / 110)) {
    const x = xOf(atMs, view, width);
    context.fillRect(Math.round(x), height - 4, 1, 4);
    const half = context.measureText(text).width / 2;
    context.fillText(text, Math.max(GUTTER, Math.min(width - 2 * half, x - half)), height / 2 - 2);
  }
}

/** The whole run on one strip, with the part that is shown below. */
export function paintOverview(context, palette, run, view, width, height) {
  const { data, endMs, totals } = run;
  const whole = { from: 0, to: endMs };
  const columns = columnsOf(totals, data.bucketMs, whole, width - GUTTER);
  const most = Math.max(1, ...columns.map(({ ok, slow, failed }) => ok + slow + failed));
  const base = height - 9;
  for (const column of columns) paintBar(context, palette, column, whole, width, base, base - 6, most, false);
  for (const { fromMs, toMs } of data.faults) {
    context.fillStyle = palette.fault;
    context.globalAlpha = 0.45;
    const x = xOf(fromMs, whole, width);
    context.fillRect(x, height - 7, Math.max(2, xOf(toMs, whole, width) - x), 5);
  }
  context.globalAlpha = 1;
  for (const { atMs } of data.violations) {
    context.fillStyle = palette.violation;
    context.fillRect(xOf(atMs, whole, width) - 1, 0, 2, height);
  }
  context.fillStyle = palette.quiet;
  context.fillText('all', 10, height / 2 - 8);
  context.fillText(`max ${most}`, 10, height / 2 + 7);
  const from = xOf(view.from, whole, width);
  const to = xOf(view.to, whole, width);
  context.fillStyle = palette.text;
  context.globalAlpha = 0.1;
  context.fillRect(GUTTER, 0, from - GUTTER, height);
  context.fillRect(to, 0, width - to, height);
  context.globalAlpha = 1;
  context.strokeStyle = palette.quiet;
  context.strokeRect(from + 0.5, 0.5, Math.max(3, to - from) - 1, height - 1);
}

function paintBar(context, palette, column, view, width, base, room, most, gap) {
  const x = Math.max(GUTTER, xOf(column.fromMs, view, width));
  const wide = Math.max(1, xOf(column.toMs, view, width) - x - (gap ? 0.6 : 0));
  let y = base;
  for (const what of ['ok', 'slow', 'failed']) {
    if (column[what] === 0) continue;
    // Few failures among many successes must still be seen.
    const tall = Math.max(what === 'ok' ? 1 : 3, (column[what] / most) * room);
    context.fillStyle = palette[what];
    context.fillRect(x, Math.max(base - room - 2, y - tall), wide, tall);
    y -= tall;
  }
}

const STATE_COLOUR = { ready: 'ready', resumed: 'ready', started: 'slow', paused: 'paused' };

/** The lanes that are in sight when `scroll` pixels of them are above. Answers how many. */
export function paintLanes(context, palette, run, view, scroll, width, height) {
  const { data, endMs, layout } = run;
  context.strokeStyle = palette.line;
  for (const { atMs } of ticksOf(view.from, view.to, (width - GUTTER) / 110)) {
    context.fillStyle = palette.line;
    context.fillRect(Math.round(xOf(atMs, view, width)), 0, 1, height);
  }
  const shown = layout.lanes.filter(({ top, height: own }) => top + own > scroll && top < scroll + height);
  const columns = new Map(
    shown
      .filter(({ lane }) => lane)
      .map(({ lane }) => [lane, columnsOf(lane.cells, data.bucketMs, view, width - GUTTER)]),
  );
  const most = Math.max(2, ...[...columns.values()].flat().map(({ ok, slow, failed }) => ok + slow + failed));
  for (const [index, one] of shown.entries()) {
    const top = one.top - scroll;
    if ((layout.lanes.indexOf(shown[0]) + index) % 2 === 0) {
      context.fillStyle = palette.stripe;
      context.fillRect(0, top, width, one.height);
    }
    context.save();
    context.beginPath();
    context.rect(GUTTER, top, width - GUTTER, one.height);
    context.clip();
    if (one.lane) {
      const base = top + one.height - 5;
      for (const column of columns.get(one.lane))
        paintBar(context, palette, column, view, width, base, 16, most, true);
      paintStates(context, palette, one.lane, view, endMs, width, top + one.height - 4);
    }
    for (const { fault, row } of one.faults)
      paintFault(context, palette, fault, view, width, top + 1 + row * FAULT_HEIGHT);
    if (one.lane) paintNotes(context, palette, one.lane, view, width, top + one.height - 14);
    context.restore();
    context.fillStyle = one.lane ? palette.text : palette.quiet;
    context.fillText(one.name, 10, top + one.height / 2 + 0.5);
  }
  paintViolations(context, palette, run, view, scroll, width, height);
  return shown.length;
}

function paintStates(context, palette, lane, view, endMs, width, y) {
  for (const [at, [fromMs, state]] of lane.states.entries()) {
    const toMs = lane.states[at + 1]?.[0] ?? endMs;
    if (toMs < view.from || fromMs > view.to) continue;
    const x = xOf(fromMs, view, width);
    context.fillStyle = palette[STATE_COLOUR[state] ?? 'down'];
    context.fillRect(x, y, Math.max(2, xOf(toMs, view, width) - x), 3);
  }
}

function paintFault(context, palette, fault, view, width, y) {
  if (fault.toMs < view.from || fault.fromMs > view.to) return;
  const x = Math.max(GUTTER - 4, xOf(fault.fromMs, view, width));
  const wide = Math.max(4, Math.min(width + 4, xOf(fault.toMs, view, width)) - x);
  context.fillStyle = palette.fault;
  context.beginPath();
  context.roundRect(x, y, wide, FAULT_HEIGHT - 2, 3);
  context.fill();
  const start = Math.max(x, GUTTER) + 5;
  const room = x + wide - 5 - start;
  context.fillStyle = palette['fault-text'];
  context.fillText(fitting(context, fault.text, room), start, y + FAULT_HEIGHT / 2 - 0.5);
}

/** As much of a text as there is room for, or nothing when that would say too little. */
function fitting(context, text, room) {
  if (context.measureText(text).width <= room) return text;
  for (let length = Math.min(text.length, Math.floor(room / 4)); length >= 3; length -= 1) {
    const part = `${text.slice(0, length)}…`;
    if (context.measureText(part).width <= room) return part;
  }
  return '';
}

function paintNotes(context, palette, lane, view, width, y) {
  context.strokeStyle = palette.background;
  for (const { atMs } of lane.notes) {
    if (atMs < view.from || atMs > view.to) continue;
    const x = xOf(atMs, view, width);
    context.fillStyle = palette.note;
    context.beginPath();
    context.moveTo(x, y - 4);
    context.lineTo(x + 4, y);
    context.lineTo(x, y + 4);
    context.lineTo(x - 4, y);
    context.closePath();
    context.fill();
    context.stroke();
  }
}

function paintViolations(context, palette, run, view, scroll, width, height) {
  const { data, layout } = run;
  context.fillStyle = palette.violation;
  for (const { atMs, host } of data.violations) {
    if (atMs < view.from || atMs > view.to) continue;
    const x = xOf(atMs, view, width);
    context.globalAlpha = 0.35;
    context.fillRect(x - 0.5, 0, 1, height);
    context.globalAlpha = 1;
    const lane = layout.lanes.find(({ name }) => name === host);
    if (lane) context.fillRect(x - 1.5, lane.top - scroll, 3, lane.height);
    context.beginPath();
    context.moveTo(x - 6, 0);
    context.lineTo(x + 6, 0);
    context.lineTo(x, 9);
    context.closePath();
    context.fill();
  }
}

/** What the lane at a point has to tell about the instant there, line by line. */
export function describe(run, view, lane, atMs, width) {
  const { data } = run;
  const nearMs = ((view.to - view.from) / (width - GUTTER)) * 5;
  const near = (time) => Math.abs(time - atMs) <= nearMs;
  const lines = [{ kind: 'title', text: `${lane.name} at ${(atMs / 1000).toFixed(3)} s` }];
  for (const one of data.violations) {
    if (near(one.atMs) && (one.host === undefined || one.host === lane.name))
      lines.push({ kind: 'violation', text: `${one.invariant}: ${one.what}` });
  }
  for (const { fault } of lane.faults) {
    if (atMs >= fault.fromMs - nearMs && atMs <= Math.max(fault.toMs, fault.fromMs) + nearMs) {
      const from = (fault.fromMs / 1000).toFixed(2);
      const until = fault.toMs > fault.fromMs ? ` to ${(fault.toMs / 1000).toFixed(2)} s` : ' s';
      lines.push({ kind: 'fault', text: `${fault.text} (${from}${until})` });
    }
  }
  if (lane.lane === undefined) return lines;
  lines.push({ kind: 'state', text: `daemon: ${stateAt(lane.lane, atMs)}` });
  const column = columnsOf(lane.lane.cells, data.bucketMs, view, width - GUTTER).find(
    ({ fromMs, toMs }) => fromMs <= atMs && atMs < toMs,
  );
  if (column) {
    const { ok, slow, failed } = column;
    const span = `${(column.fromMs / 1000).toFixed(1)} to ${(column.toMs / 1000).toFixed(1)} s`;
    lines.push({
      kind: 'counts',
      text: `connections begun ${span}: ${ok} fine, ${slow} slow, ${failed} failed`,
    });
    const failures = data.failures.filter(
      ({ host, beganMs, endedMs }) =>
        host === lane.name &&
        ((beganMs >= column.fromMs && beganMs < column.toMs) ||
          (endedMs >= column.fromMs && endedMs < column.toMs)),
    );
    for (const { why, client, vip, backend, syns } of failures.slice(0, 4)) {
      const where = backend ? ` on ${backend}` : '';
      lines.push({
        kind: 'failed',
        text: `${why}: ${client} to ${vip}${where}, ${syns} SYN${syns === 1 ? '' : 's'}`,
      });
    }
    if (failures.length > 4) lines.push({ kind: 'failed', text: `and ${failures.length - 4} more` });
  }
  const notes = lane.lane.notes.filter((note) => near(note.atMs));
  for (const { text } of notes.slice(0, 5)) lines.push({ kind: 'note', text });
  if (notes.length > 5) lines.push({ kind: 'note', text: `and ${notes.length - 5} more` });
  return lines;
}
