import { asList, asNumber, asRecord, asText } from '../json.js';

export interface PortRange {
  readonly begin: number;
  readonly end: number;
}

/**
 * The ports among a task's resources, sorted, overlaps merged away; undefined if they cannot be read.
 *
 * Masters write `"ports": "[31000-31001, 31005-31005]"`; elsewhere (`…_resources_full`, the v1 API)
 * resources are a list of `{"name": "ports", "ranges": {"range": [{"begin": 31000, "end": 31001}]}}`.
 */
export function readPortRanges(resources: unknown): readonly PortRange[] | undefined {
  const ranges: PortRange[] = [];
  if (!collect(portsOf(resources), ranges)) return undefined;
  return merge(ranges);
}

/** The port with that index, counted from 0 in ascending order; undefined if there are not so many. */
export function portAt(ranges: readonly PortRange[], index: number): number | undefined {
  let left = index;
  for (const { begin, end } of ranges) {
    const size = end - begin + 1;
    if (left < size) return begin + left;
    left -= size;
  }
  return undefined;
}

function portsOf(resources: unknown): readonly unknown[] {
  if (!Array.isArray(resources)) return [asRecord(resources)?.ports];
  return resources.filter((resource) => asRecord(resource)?.name === 'ports');
}

function collect(values: readonly unknown[], into: PortRange[]): boolean {
  return values.every((value) => {
    if (value === undefined || value === null) return true;
    const text = asText(value);
    if (text !== undefined) return collectText(text, into);
    if (Array.isArray(value)) return collect(value, into);
    const fields = asRecord(value);
    if (fields === undefined) return false;
    if (fields.begin !== undefined || fields.end !== undefined) {
      return add(asNumber(fields.begin), asNumber(fields.end), into);
    }
    const nested = asRecord(fields.ranges)?.range ?? fields.range ?? fields.ranges;
    return asList(nested).every((range) => {
      const ends = asRecord(range);
      return add(asNumber(ends?.begin), asNumber(ends?.end), into);
    });
  });
}

function collectText(text: string, into: PortRange[]): boolean {
  const inner = /^\s*\[(.*)\]\s*$/.exec(text)?.[1];
  if (inner === undefined) return false;
  if (inner.trim() === '') return true;
  return inner.split(',').every((part) => {
    const ends = /^\s*(\d+)\s*-\s*(\d+)\s*$/.exec(part);
    return ends !== null && add(Number(ends[1]), Number(ends[2]), into);
  });
}

function add(begin: number | undefined, end: number | undefined, into: PortRange[]): boolean {
  if (!Number.isInteger(begin) || !Number.isInteger(end)) return false;
  // Mesos drops a range that ends before it begins.
  if (begin! <= end!) into.push({ begin: begin!, end: end! });
  return true;
}

function merge(ranges: PortRange[]): readonly PortRange[] {
  const merged: PortRange[] = [];
  let next = Number.NEGATIVE_INFINITY;
  for (const range of ranges.sort((a, b) => a.begin - b.begin)) {
    const begin = Math.max(range.begin, next);
    if (begin > range.end) continue;
    merged.push({ begin, end: range.end });
    next = range.end + 1;
  }
  return merged;
}
