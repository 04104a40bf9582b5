import test from 'ava';
import type { Peer } from '../../../src/core/cluster/peer.js';
import { endpoint } from '../../../src/core/endpoint.js';
import type { MeshEvent } from '../../../src/ports/mesh.js';
import { Engine } from '../../../src/sim/engine/engine.js';
import { Host } from '../../../src/sim/engine/host.js';
import { Process } from '../../../src/sim/engine/process.js';
import { meshEndpoint, SimMesh } from '../../../src/sim/mesh/sim-mesh.js';
import { Network } from '../../../src/sim/network/network.js';
import { type FarNode, MESH_CASES } from '../../conformance/mesh.js';

interface Member {
  readonly host: Host;
  readonly process: Process;
  readonly mesh: SimMesh;
  readonly peer: Peer;
}

/** Daemons on hosts of a virtual network, one after the other. */
class Harbour {
  readonly engine = new Engine(1);
  readonly network = new Network(this.engine);
  private hosts = 0;

  host(): Host {
    const host = new Host(this.engine, this.hosts);
    this.hosts += 1;
    this.network.attach(host, () => {});
    return host;
  }

  member(key: string): Member {
    const { engine, network } = this;
    const host = this.host();
    const process = new Process(engine, host.lane, host.clock);
    const peer = { endpoint: meshEndpoint(host), name: host.name, instance: host.index + 1 };
    return { host, process, peer, mesh: new SimMesh({ network, host, process, self: peer, key }) };
  }

  far(key: string): FarNode {
    const { mesh, process, peer } = this.member(key);
    const events: MeshEvent[] = [];
    mesh.receive((news) => events.push(...news));
    const linkTo = (to: number) => mesh.links().find((link) => link.peer.endpoint === to);
    const soon = (act: () => void): void => void process.start(0, act);
    return {
      peer,
      events: async () => events,
      dial: (to, timeoutMs) => soon(() => mesh.dial(to, timeoutMs)),
      send: (to, frames) =>
        soon(() => {
          for (const frame of frames) mesh.send(linkTo(to)!.id, frame);
        }),
      close: (to, reason) => soon(() => mesh.close(linkTo(to)!.id, reason)),
      kill: () => process.end(),
      stall: () => process.pause(),
    };
  }
}

for (const { title, run } of MESH_CASES) {
  test(`mesh over the virtual network: ${title}`, async (t) => {
    const harbour = new Harbour();
    const { mesh, peer } = harbour.member('ours');
    const silent = harbour.host();
    harbour.network.setUp(silent, false);
    await run({
      mesh,
      self: peer,
      deserted: endpoint(harbour.host().address, 61_420),
      silent: meshEndpoint(silent),
      pass: (ms) => harbour.engine.run(harbour.engine.nowMs + ms),
      start: async (kind) => harbour.far(kind === 'member' ? 'ours' : 'another'),
    });
    t.pass();
  });
}
