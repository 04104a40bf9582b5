// What the timeline shows, apart from drawing it. Runs in the browser, and in tests.

export const GUTTER = 96;
const LANE_HEIGHT = 24;
export const FAULT_HEIGHT = 14;
const ELSEWHERE = { network: 'network', master: 'master', backends: 'backends' };

/** Lanes from top to bottom: those of the world at large that have faults, then a lane for each host. */
export function layOut(data, endMs, wanted) {
  const faultsOf = new Map();
  for (const fault of data.faults) {
    const places = [...new Set([...fault.hosts, ...(fault.elsewhere ? [`(${fault.elsewhere})`] : [])])];
    for (const place of places) {
      if (!faultsOf.has(place)) faultsOf.set(place, []);
      faultsOf.get(place).push(fault);
    }
  }
  const violated = new Set(data.violations.map((one) => one.host));
  const lanes = [];
  let top = 0;
  const add = (name, source) => {
    const { rows, count } = stack(faultsOf.get(source.key) ?? [], endMs / 150);
    const height = LANE_HEIGHT * (source.lane ? 1 : 0.35) + count * FAULT_HEIGHT;
    lanes.push({ name, top, height, faults: rows, faultRows: count, ...source });
    top += height;
  };
  for (const place of Object.values(ELSEWHERE)) {
    if (faultsOf.has(`(${place})`)) add(place, { key: `(${place})`, lane: undefined });
  }
  for (const lane of data.lanes) {
    const busy = faultsOf.has(lane.name) || violated.has(lane.name);
    if (wanted === 'all' || busy || lane.cells.some((value, at) => at % 4 === 3 && value > 0)) {
      add(lane.name, { key: lane.name, lane });
    }
  }
  return { lanes, height: top };
}

/** Puts faults that overlap into rows of their own. A fault without duration takes `leastMs`. */
function stack(faults, leastMs) {
  const ends = [];
  const rows = faults.map((fault) => {
    let row = ends.findIndex((end) => end <= fault.fromMs);
    if (row < 0) row = ends.length;
    ends[row] = Math.max(fault.toMs, fault.fromMs + leastMs);
    return { fault, row };
  });
  return { rows, count: ends.length };
}

/** The cells of all lanes together, as one list of cells. */
export function totalCells(lanes) {
  const sums = new Map();
  for (const { cells } of lanes) {
    for (let at = 0; at < cells.length; at += 4) {
      const sum = sums.get(cells[at]) ?? [0, 0, 0];
      for (let which = 0; which < 3; which += 1) sum[which] += cells[at + 1 + which];
      sums.set(cells[at], sum);
    }
  }
  return [...sums].sort((a, b) => a[0] - b[0]).flatMap(([bucket, sum]) => [bucket, ...sum]);
}

/**
 * Sums of cells for drawing: one column a bucket, or several buckets where a bucket is narrower than `leastPx`.
 * Columns start at whole multiples of their width, so that they stay as they are while one pans.
 */
export function columnsOf(cells, bucketMs, view, widthPx, leastPx = 3) {
  const bucketPx = (bucketMs / (view.to - view.from)) * widthPx;
  const per = Math.max(1, Math.ceil(leastPx / bucketPx));
  const columns = [];
  let current;
  for (let at = 0; at < cells.length; at += 4) {
    const fromMs = Math.floor(cells[at] / per) * per * bucketMs;
    const toMs = fromMs + per * bucketMs;
    if (toMs < view.from) continue;
    if (fromMs > view.to) break;
    if (current === undefined || current.fromMs !== fromMs) {
      current = { fromMs, toMs, ok: 0, slow: 0, failed: 0 };
      columns.push(current);
    }
    current.ok += cells[at + 1];
    current.slow += cells[at + 2];
    current.failed += cells[at + 3];
  }
  return columns;
}

/** What the daemon of a lane did at an instant. */
export function stateAt(lane, atMs) {
  let state = 'not started';
  for (const [sinceMs, name] of lane.states) {
    if (sinceMs > atMs) break;
    state = name;
  }
  return state;
}

/** Round instants between `from` and `to`, about `count` of them, and how to write them. */
export function ticksOf(from, to, count) {
  const rough = (to - from) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const digits = Math.max(0, Math.ceil(-Math.log10(step / 1000) - 1e-9));
  const ticks = [];
  for (let n = Math.ceil(from / step); n * step <= to; n += 1) {
    ticks.push({ atMs: n * step, text: `${((n * step) / 1000).toFixed(digits)} s` });
  }
  return ticks;
}

/** The part of the run that is shown: within it, and not shorter than some milliseconds. */
export function clampView(view, endMs) {
  const span = Math.min(endMs, Math.max(20, view.to - view.from));
  const from = Math.max(0, Math.min(endMs - span, view.from));
  return { from, to: from + span };
}

/** The view after zooming by `factor` around an instant that stays where it is. */
export function zoomed(view, factor, aroundMs, endMs) {
  return clampView(
    { from: aroundMs - (aroundMs - view.from) * factor, to: aroundMs + (view.to - aroundMs) * factor },
    endMs,
  );
}
