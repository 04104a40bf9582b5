import type { Histogram } from '../core/histogram.js';
import type { NodeStatus } from '../core/status.js';

type Labels = Readonly<Record<string, string | number>>;

export interface Sample {
  readonly value: number;
  readonly labels?: Labels;
  /** Of a histogram: which of its series. */
  readonly metricName?: string;
}

/** What counts over all VIPs; a walk of its own, since there may be many. */
export interface Totals {
  vips: number;
  readonly backends: { available: number; unavailable: number; unreachable: number };
  pending: number;
}

export interface Scrape {
  readonly node: NodeStatus;
  readonly totals: Totals;
}

export interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  read(scrape: Scrape): readonly Sample[];
}

export const one = (value: number): readonly Sample[] => [{ value }];
export const by = (label: string, values: Readonly<Record<string, number>>): readonly Sample[] =>
  Object.entries(values).map(([key, value]) => ({ value, labels: { [label]: key } }));

function histogramSamples(name: string, histogram: Histogram): readonly Sample[] {
  let below = 0;
  const buckets = histogram.bounds.map((bound, index) => {
    below += histogram.counts[index]!;
    return { metricName: `${name}_bucket`, labels: { le: bound }, value: below };
  });
  return [
    ...buckets,
    { metricName: `${name}_bucket`, labels: { le: '+Inf' }, value: histogram.count },
    { metricName: `${name}_sum`, value: histogram.sum },
    { metricName: `${name}_count`, value: histogram.count },
  ];
}

export function histogram(name: string, help: string, of: (node: NodeStatus) => Histogram): Metric {
  return { name, type: 'histogram', help, read: ({ node }) => histogramSamples(name, of(node)) };
}

export function counter(name: string, help: string, read: Metric['read']): Metric {
  return { name, type: 'counter', help, read };
}

export function gauge(name: string, help: string, read: Metric['read']): Metric {
  return { name, type: 'gauge', help, read };
}
