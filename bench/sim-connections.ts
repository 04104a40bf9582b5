import { type Endpoint, endpoint } from '../src/core/endpoint.js';
import { Engine } from '../src/sim/engine/engine.js';
import { Host } from '../src/sim/engine/host.js';
import { Journal } from '../src/sim/engine/journal.js';
import { Process } from '../src/sim/engine/process.js';
import type { Connection } from '../src/sim/kernel/connection.js';
import { HostKernel } from '../src/sim/kernel/host-kernel.js';
import { Network } from '../src/sim/network/network.js';
import { commandLine, main, positive } from './command-line.js';
import { writeResult } from './load-programs.js';
import { type Figure, figures, median } from './report.js';

/**
 * What a connection costs in the simulator's kernels and network: two hosts, a VIP, and somebody who maps every SYN
 * to a backend on the other host, without actors:
 *
 *     node build/js/bench/sim-connections.js --rounds 5 --connections 20000
 *
 * SYN, queue, entry, verdict, SYN-ACK, a message, its echo, FINs, and all that waits for it afterwards.
 */
export interface SimConnectionsOptions {
  readonly rounds: number;
  /** In each round, 5 ms of virtual time apart. */
  readonly connections: number;
}

export interface SimConnectionsResult {
  /** Microseconds of this process's CPU that a connection took; one value a round. */
  readonly us: readonly number[];
  /** Events of the engine that a connection took. */
  readonly events: number;
  readonly figures: readonly Figure[];
}

export const SMALL: SimConnectionsOptions = { rounds: 2, connections: 200 };

const VIP = endpoint(0x0a010203, 5000);
const PLAN = { ipset: 'minuteman', firstQueue: 50, queues: 1 } as const;
const APART_MS = 5;
const MESSAGE_BYTES = 200;
/** Between rounds, so that ports and entries of the last one are free again. */
const REST_MS = 130_000;

export async function benchSimConnections(options: SimConnectionsOptions): Promise<SimConnectionsResult> {
  const engine = new Engine(1);
  const network = new Network(engine);
  const journal = new Journal(engine);
  const [client, server] = [0, 1].map((index) => {
    const host = new Host(engine, index);
    const kernel = new HostKernel({
      engine,
      host,
      journal,
      transmit: (packet) => network.send(host, packet),
    });
    network.attach(host, (packet) => kernel.receive(packet));
    return { host, kernel };
  }) as [Site, Site];
  const backend = endpoint(server.host.address, 8080);
  server.kernel.listen(backend);
  await place(engine, client, backend);
  const us: number[] = [];
  const eventsBefore = engine.events;
  for (let round = -1; round < options.rounds; round += 1) {
    const before = process.cpuUsage();
    const done = await play(engine, client.kernel, options.connections);
    if (done !== options.connections)
      throw new Error(`${options.connections - done} connections did not end well`);
    await engine.run(engine.nowMs + REST_MS);
    const { user, system } = process.cpuUsage(before);
    // The first round is for the compiler.
    if (round >= 0) us.push((user + system) / options.connections);
  }
  const events = (engine.events - eventsBefore) / options.connections / (options.rounds + 1);
  const figure: Figure = {
    name: 'CPU of a simulated connection',
    value: median(us),
    asked: 100,
    bound: 'at most',
    unit: 'us',
  };
  return { us, events, figures: [figure] };
}

interface Site {
  readonly host: Host;
  readonly kernel: HostKernel;
}

/** Rules, set, a heart that beats, and somebody who maps every SYN. */
async function place(engine: Engine, { host, kernel }: Site, backend: Endpoint): Promise<void> {
  const process = new Process(engine, host.lane, host.clock);
  const { addressSet, conntrack, firewall, queues } = kernel.ports(process);
  addressSet.replace(PLAN.ipset, [VIP], () => {});
  firewall.ensure(PLAN, () => {});
  await engine.run(engine.nowMs + 500);
  const beat = (): void => {
    firewall.heartbeat(PLAN);
    process.start(1_000, beat);
  };
  beat();
  conntrack.observe(
    () => {},
    () => {},
  );
  const queue = queues.open(PLAN.firstQueue);
  queue.receive((syns) => {
    const mappings = syns.map(({ client, vip }) => ({ client, vip, backend, source: undefined }));
    for (const [i, outcome] of conntrack.map(mappings).entries()) {
      // The port was used before, and that connection's entry is still there.
      if (outcome.kind === 'exists') conntrack.map([{ ...mappings[i]!, instead: outcome.entry }]);
    }
    queue.verdict(
      syns.map(({ id }) => id),
      'accept',
    );
  });
}

/** Answers how many connections ended well. */
async function play(engine: Engine, kernel: HostKernel, connections: number): Promise<number> {
  let done = 0;
  let left = connections;
  const next = (): void => {
    if (left === 0) return;
    left -= 1;
    const connection: Connection = kernel.connect(VIP, {
      connected: () => connection.send(MESSAGE_BYTES),
      data: () => connection.close(),
      closed: (why) => {
        if (why === 'done') done += 1;
      },
    });
    kernel.after(APART_MS, next);
  };
  next();
  await engine.run(engine.nowMs + connections * APART_MS + 1_000);
  return done;
}

await main(import.meta.url, async () => {
  const values = commandLine('What a simulated connection costs.', {
    rounds: ['5', 'runs'],
    connections: ['20000', 'in each'],
  });
  const options = {
    rounds: positive('--rounds', values.rounds),
    connections: positive('--connections', values.connections),
  };
  const result = await benchSimConnections(options);
  console.log(`us for each connection: ${result.us.map((one) => one.toFixed(1)).join(' ')}`);
  console.log(`events for each: ${result.events.toFixed(1)}`);
  console.log(figures(result.figures));
  writeResult('sim-connections', { options, ...result });
});
