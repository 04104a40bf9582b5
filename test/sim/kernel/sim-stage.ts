import { type Endpoint, endpoint, parseAddress } from '../../../src/core/endpoint.js';
import { Engine } from '../../../src/sim/engine/engine.js';
import { Host } from '../../../src/sim/engine/host.js';
import { Journal } from '../../../src/sim/engine/journal.js';
import { Process } from '../../../src/sim/engine/process.js';
import { HostKernel } from '../../../src/sim/kernel/host-kernel.js';
import { plannedRules } from '../../../src/sim/kernel/planned-rules.js';
import type { Attempt, AttemptState, Stage } from '../../conformance/stage.js';

const QUEUE = 50;
const VIPS = Array.from({ length: 10 }, (_, index) => endpoint(parseAddress('10.1.2.3')! + index, 5000));

/** A simulated host on which the suites of queues, conntrack and routes play. */
export function simStage(): Stage {
  const engine = new Engine(7);
  const host = new Host(engine, 0);
  const kernel = new HostKernel({ engine, host, journal: new Journal(engine), transmit: () => {} });
  const { queues, conntrack, routes } = kernel.ports(new Process(engine, host.lane, host.clock));
  const server = endpoint(host.address, 8080);
  const lingering = endpoint(host.address, 8082);
  kernel.listen(lingering, { staysOpen: true });
  const otherAddress = parseAddress('10.99.0.77')!;
  kernel.listen(server);
  kernel.routing.setAddress(otherAddress, true);
  kernel.routing.cutOff({ base: parseAddress('10.251.0.0')!, prefixLength: 16 });
  intercept(kernel);
  return {
    queues,
    narrowQueues: (length) => {
      kernel.faults.limitQueues(length);
      return queues;
    },
    queue: QUEUE,
    conntrack,
    routes,
    clock: host.clock,
    vip: (index) => VIPS[index]!,
    address: host.address,
    otherAddress,
    server,
    lingering,
    closed: endpoint(host.address, 8081),
    silent: endpoint(parseAddress('10.200.0.1')!, 80),
    unroutable: parseAddress('10.251.0.1')!,
    connect: (to, clientPort) => attempt(kernel, to, clientPort),
    setAddress: async (address, present) => kernel.routing.setAddress(address, present),
    pass: (milliseconds) => engine.run(engine.nowMs + milliseconds),
  };
}

/** The rules of a plan with one queue, and a daemon that never stops beating. */
function intercept({ sets, rules }: HostKernel): void {
  sets.create('vips', 'destinations');
  sets.add('vips', VIPS);
  sets.create('vips-alive', 'everything');
  sets.renew('vips-alive', Number.POSITIVE_INFINITY);
  for (const rule of plannedRules({ ipset: 'vips', firstQueue: QUEUE, queues: 1 }))
    rules.change({ table: rule.table, deleted: [], inserted: [rule] });
}

function attempt(kernel: HostKernel, to: Endpoint, port: number | undefined): Attempt {
  let state: AttemptState = 'pending';
  let seenAs: Endpoint | undefined;
  let heard = 0;
  const connection = kernel.connect(
    to,
    {
      connected: () => {
        state = 'connected';
        connection.send(1);
      },
      data: (_, says) => {
        // The first is the greeting, for which the client of this stage has to ask.
        if (seenAs !== undefined) heard += 1;
        seenAs = says as Endpoint;
      },
      closed: () => {
        if (state === 'pending') state = 'refused';
      },
    },
    port === undefined ? {} : { port },
  );
  return {
    state: () => state,
    seenAs: () => seenAs,
    say: () => connection.send(1),
    heard: () => heard,
    finish: () => connection.finish(),
    abandon: () => connection.abort(),
  };
}
