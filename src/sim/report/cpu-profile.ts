import { type Profiler, Session } from 'node:inspector';

/** Often enough for seconds, and little enough that a run is not slowed by more than some percent. */
const INTERVAL_US = 2_000;

/** Which part of the program a script belongs to: the first that is found in its address. */
const PARTS: readonly (readonly [within: string, part: string])[] = [
  ['/src/sim/engine/', 'events, journal and hash'],
  ['/src/sim/kernel/', 'simulated kernels'],
  ['/src/sim/network/', 'simulated network'],
  ['/src/sim/workload/', 'clients and servers'],
  ['/src/sim/mesos/', 'sources of VIPs'],
  ['/src/sim/invariants/', 'invariants'],
  ['/src/sim/report/', 'trace and report'],
  ['/src/sim/', 'machines and faults'],
  ['/src/cli/', 'trace and report'],
  ['/src/core/', 'daemons'],
  ['/src/actors/', 'daemons'],
  ['/nact/', 'nact'],
  ['/seedrandom/', 'randomness'],
  ['node:', 'Node.js'],
];

/** A part of the program and its share of the time that was not idle. */
export interface TimeShare {
  readonly part: string;
  readonly share: number;
}

/** Looks now and then at what this thread does: where the time of a run goes. */
export class CpuProfile {
  private readonly session = new Session();

  constructor() {
    this.session.connect();
    this.session.post('Profiler.enable');
    this.session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
    this.session.post('Profiler.start');
  }

  /** Ends the profile; the largest share comes first. */
  stop(): readonly TimeShare[] {
    let shares: readonly TimeShare[] = [];
    this.session.post('Profiler.stop', (error, result) => {
      if (error === null) shares = sharesOf(result.profile);
    });
    this.session.disconnect();
    return shares;
  }
}

export function sharesOf({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): readonly TimeShare[] {
  const parentOf = new Map<number, number>();
  for (const { id, children } of nodes) for (const child of children ?? []) parentOf.set(child, id);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const partOfNode = (id: number | undefined): string => {
    const node = id === undefined ? undefined : byId.get(id);
    if (node === undefined) return 'Node.js';
    const { functionName, url } = node.callFrame;
    if (functionName === '(garbage collector)') return 'garbage collection';
    if (functionName === '(idle)') return 'idle';
    // What is built into the language is the work of whoever calls it.
    return partOf(url) ?? partOfNode(parentOf.get(node.id));
  };
  const parts = new Map(nodes.map(({ id }) => [id, partOfNode(id)]));
  const times = new Map<string, number>();
  for (const [at, id] of samples.entries()) {
    // Up to the first sample the profiler itself begins: it notes all code there is.
    if (at === 0) continue;
    const part = parts.get(id) ?? 'Node.js';
    times.set(part, (times.get(part) ?? 0) + Math.max(0, timeDeltas[at] ?? 0));
  }
  times.delete('idle');
  const total = [...times.values()].reduce((sum, time) => sum + time, 0);
  return [...times]
    .map(([part, time]) => ({ part, share: time / total }))
    .sort((a, b) => b.share - a.share || (a.part < b.part ? -1 : 1));
}

function partOf(url: string): string | undefined {
  return PARTS.find(([within]) => url.includes(within))?.[1];
}
