import { type Endpoint, endpoint } from '../../src/core/endpoint.js';
import type { RunPosition } from '../../src/sim/cluster.js';
import { Engine } from '../../src/sim/engine/engine.js';
import { addressOfHost, hostName } from '../../src/sim/engine/host.js';
import { type Happening, Journal } from '../../src/sim/engine/journal.js';
import type { Plan } from '../../src/sim/plan/plan.js';

/** Runs of a worker with these seeds do not do what they should. */
export const ODD_SEEDS = { throws: 1_001, dies: 1_002, differs: 1_003 };

const FAILURES = ['timeout', 'refused', 'reset'] as const;

/**
 * A run in which nothing is simulated, told through a real engine and journal: daemons come up, connections are
 * made at the plan's rate, and fewer of them succeed while a host has a fault. For tests of what shows runs.
 */
export async function madeUpRun(
  plan: Plan,
  follow: (happening: Happening, atMs: number) => void,
  afterEvent: (position: RunPosition) => void = () => undefined,
  logged?: { readonly atMs: number; readonly text: string },
): Promise<{ readonly events: number; readonly hash: string }> {
  const engine = new Engine(plan.seed);
  const journal = new Journal(engine);
  journal.follow(follow);
  engine.watch(() => afterEvent(engine));
  const lane = engine.lane('made up');
  const stream = engine.stream('made up');
  const hosts = Array.from({ length: plan.nodes }, (_, index) => hostName(index));
  for (const host of hosts) {
    lane.after(stream.between(0, 50), () => journal.write({ kind: 'daemon', host, state: 'started' }));
    lane.after(stream.between(100, 900), () => journal.write({ kind: 'daemon', host, state: 'ready' }));
  }
  const ill = new Set<string>();
  for (const [index, { atMs, durationMs, fault }] of plan.faults.entries()) {
    const host = 'host' in fault ? fault.host : undefined;
    lane.after(atMs, () => {
      journal.write({ kind: 'fault', index, phase: 'begins' });
      if (host !== undefined) ill.add(host);
      if (host !== undefined && fault.kind === 'daemon-killed')
        journal.write({ kind: 'daemon', host, state: 'killed' });
    });
    lane.after(atMs + durationMs, () => {
      journal.write({ kind: 'fault', index, phase: 'ends' });
      if (host === undefined) return;
      ill.delete(host);
      if (fault.kind !== 'daemon-killed') return;
      journal.write({ kind: 'daemon', host, state: 'started' });
      journal.write({ kind: 'daemon', host, state: 'ready' });
      const fields = { what: 'raw <b>&' };
      const message = 'rules were missing';
      journal.write({ kind: 'log', host, level: 'warn', event: 'rules-restored', message, fields });
    });
  }
  if (logged !== undefined) {
    const { atMs, text: message } = logged;
    const entry = {
      kind: 'log',
      host: 'n1',
      level: 'info',
      event: 'said',
      message,
      fields: undefined,
    } as const;
    lane.after(atMs, () => journal.write(entry));
  }
  let id = 0;
  const connect = (): void => {
    lane.after(1_000 / plan.connectionsPerSecond, connect);
    id += 1;
    const own = id;
    const at = stream.below(plan.nodes);
    const host = hosts[at]!;
    const client = endpoint(addressOfHost(at), 32_768 + (own % 28_000));
    const vip = endpoint(0x0a010203, 5_000 + stream.below(plan.vips));
    journal.write({ kind: 'connecting', host, id: own, client, vip });
    journal.write({ kind: 'syn', host, id: own, attempt: 0 });
    const fails = stream.chance(ill.has(host) ? 0.6 : 0.001);
    if (fails) {
      const why = stream.oneOf(FAILURES);
      lane.after(why === 'timeout' ? 7_000 : 5, () => journal.write({ kind: 'closed', host, id: own, why }));
      return;
    }
    const tookMs = stream.chance(0.01) ? 1_001 : stream.between(0.2, 2);
    const backend: Endpoint = endpoint(addressOfHost(stream.below(plan.nodes)), 8_080);
    lane.after(tookMs, () => journal.write({ kind: 'connected', host, id: own, tookMs, backend }));
    lane.after(tookMs + 20, () => journal.write({ kind: 'closed', host, id: own, why: 'done' }));
  };
  connect();
  await engine.run(plan.durationMs);
  return { events: engine.events, hash: engine.hash.digest() };
}
