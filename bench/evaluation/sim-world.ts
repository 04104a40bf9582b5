import { addressOf, type Endpoint, endpoint, portOf } from '../../src/core/endpoint.js';
import type { Lane } from '../../src/sim/engine/engine.js';
import type { Fleet } from '../../src/sim/fleet/fleet.js';
import type { Machine } from '../../src/sim/fleet/machine.js';
import type { Connection } from '../../src/sim/kernel/connection.js';
import type { HostKernel } from '../../src/sim/kernel/host-kernel.js';
import { quietFleet } from '../quiet-fleet.js';
import { ARMS } from './arms.js';
import { CLIENTS, type Setup, type Trial, victimsOf } from './setup.js';
import {
  type ClientRecord,
  NO_TRAFFIC,
  type Placement,
  type Sighting,
  type Traffic,
  type TrialRecord,
  trafficRate,
} from './trial-record.js';
import { CLOSED, type Loop, OPEN, runLoop, type Service } from './workload.js';

/** From the start of the daemons to that of the workload: the mesh has formed and measured its round trips. */
const SETTLE_MS = 12_000;
const BOOT_MS = 1_000;
const REQUEST_OCTETS = 200;
const VIP = endpoint(0x0a400001, 5_000);

/** Runs a trial in the simulator: the same trial gives the same record, in any process. */
export async function simTrial({ arm: armName, seed, setup }: Trial): Promise<TrialRecord> {
  const arm = ARMS[armName];
  const { nodes, tasks: backends } = setup;
  const fleet = quietFleet({ seed, nodes, backends, mesh: arm.mesh }, arm.settings);
  try {
    return await play(fleet, setup);
  } finally {
    fleet.end();
  }
}

async function play(fleet: Fleet, setup: Setup): Promise<TrialRecord> {
  const { engine, machines, network } = fleet;
  const stream = engine.stream('evaluation');
  if (setup.loss > 0)
    network.faults.loss({ kind: 'loss', from: undefined, to: undefined, probability: setup.loss });
  for (const machine of machines) machine.host.lane.after(stream.between(0, BOOT_MS), () => machine.boot());
  await engine.run(SETTLE_MS);

  const clients = stream.some(machines, CLIENTS);
  const victims = stream.some(
    machines.filter((machine) => !clients.includes(machine)),
    victimsOf(setup),
  );
  const survivors = machines.filter((machine) => !victims.includes(machine));
  const cuts: Sighting[] = [];
  const deaths: Sighting[] = [];
  const returns: Sighting[] = [];
  const since = (atMs: number): number => atMs - SETTLE_MS;
  fleet.journal.follow((happening, atMs) => {
    if (happening.kind !== 'log') return;
    const { host: by, event, fields } = happening;
    const sighting = (): Sighting => ({ atMs: since(atMs), by, of: String(fields?.node) });
    if (event === 'node-unreachable') deaths.push(sighting());
    if (event === 'node-reachable') returns.push(sighting());
    if (event === 'neighbour-cut') cuts.push(sighting());
  });
  const open = new Client(fleet, clients[0]!, OPEN, setup.durationMs);
  const closed = new Client(fleet, clients[1]!, CLOSED, setup.durationMs);

  const began = traffic(survivors);
  // The rhythm of the requests must not always meet the fault at the same beat.
  const killedMs = setup.atMs + stream.between(0, 100);
  await engine.run(SETTLE_MS + killedMs);
  const quiet = traffic(survivors);
  strike(fleet, victims, setup);
  await engine.run(SETTLE_MS + setup.durationMs);
  const ended = traffic(survivors);
  // What waits for an answer waits no longer than its patience.
  while (!open.over || !closed.over) await engine.run(engine.nowMs + 100);
  return {
    killedMs,
    goneMs: killedMs,
    victims: victims.map(({ name }) => name),
    survivors: survivors.map(({ name }) => name),
    open: await open.record(),
    closed: await closed.record(),
    cuts,
    deaths,
    returns,
    traffic: {
      before: trafficRate(began, quiet, killedMs, survivors.length),
      after: trafficRate(quiet, ended, setup.durationMs - killedMs, survivors.length),
    },
    cpu: undefined,
  };
}

function strike(fleet: Fleet, victims: readonly Machine[], { mode }: Setup): void {
  if (mode === 'partition') {
    const side = victims.map(({ name }) => name);
    fleet.network.faults.partition({ kind: 'partition', side, oneWay: false });
    return;
  }
  for (const victim of victims) {
    if (mode === 'pause') victim.pause();
    else if (mode === 'panic') victim.end('silent', false);
    else {
      // The programs are killed; the kernel lives, and answers for them with resets.
      victim.endDaemon('killed');
      fleet.backends.forget(victim.name);
    }
  }
}

/** A client's program on a machine: opens connections to the VIP, and sees where its kernel was told to send them. */
class Client {
  over = false;
  private readonly requests: Promise<ClientRecord['requests']>;
  private readonly placements: Placement[] = [];

  constructor(fleet: Fleet, machine: Machine, loop: Loop, durationMs: number) {
    const { engine, journal } = fleet;
    const nodes = new Map(fleet.machines.map(({ host }) => [host.address, host.name]));
    const startedMs = engine.nowMs;
    journal.follow((happening, atMs) => {
      if (happening.kind !== 'mapped' || happening.host !== machine.name || happening.outcome !== 'made')
        return;
      const node = nodes.get(addressOf(happening.backend as Endpoint))!;
      this.placements.push({ atMs: atMs - startedMs, port: portOf(happening.client as Endpoint), node });
    });
    const lane = engine.lane(`evaluation ${loop.kind}`);
    this.requests = runLoop(
      loop,
      durationMs,
      serviceOn(machine.kernel, lane, () => engine.nowMs),
    );
    void this.requests.then(() => {
      this.over = true;
    });
  }

  /** To be asked for when all requests are over. */
  async record(): Promise<ClientRecord> {
    return { requests: await this.requests, placements: this.placements };
  }
}

function serviceOn(kernel: HostKernel, lane: Lane, nowMs: () => number): Service {
  return {
    nowMs,
    after: (delayMs, run) => void lane.after(delayMs, run),
    request: (ended) => {
      let answered = false;
      const connection: Connection = kernel.connect(VIP, {
        connected: () => connection.send(REQUEST_OCTETS),
        data: () => {
          answered = true;
          connection.close();
          ended(true);
        },
        closed: () => {
          // A port that could not be had ends it before it began.
          if (!answered) lane.after(0, () => ended(false));
        },
      });
      return { port: portOf(connection.local), giveUp: () => connection.abort() };
    },
  };
}

function traffic(machines: readonly Machine[]): Traffic {
  let frames = 0;
  let bytes = 0;
  for (const { daemon } of machines) {
    const mesh = daemon?.node.status.mesh();
    if (mesh === undefined) return NO_TRAFFIC;
    frames += mesh.traffic.sentFrames;
    bytes += mesh.traffic.sentBytes;
  }
  return { frames, bytes };
}
