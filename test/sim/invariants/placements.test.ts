import type { Endpoint } from '../../../src/core/endpoint.js';
import type { Happening } from '../../../src/sim/engine/journal.js';
import {
  acceptedMeansAnswered,
  connectedWherePlaced,
  fullDefers,
  liveEntryStays,
  nothingLeaks,
  noVainRefusal,
} from '../../../src/sim/invariants/placements.js';
import { Entry } from '../../../src/sim/kernel/conntrack-table.js';
import { SYN_SENT } from '../../../src/sim/kernel/tcp-states.js';
import { backend, client, fault, judge, type Scene, vip } from './scene.js';

const flow = { host: 'n1', client: client(1), vip: vip(1) } as const;
const accepted: Happening = {
  kind: 'verdict',
  queue: 50,
  id: 1,
  ...flow,
  verdict: 'accept',
  by: 'daemon',
  tookMs: 1,
};
const dropped: Happening = { ...accepted, verdict: 'drop' };
const rejected: Happening = { kind: 'rejected', ...flow };
const leaked: Happening = { kind: 'leaked', ...flow };
const made: Happening = { kind: 'mapped', ...flow, backend: backend(1), outcome: 'made' };
const unmapped: Happening = { kind: 'unmapped', ...flow, backend: backend(1) };
const connecting: Happening = { kind: 'connecting', id: 1, ...flow };
const connected = (at: Endpoint): Happening => ({
  kind: 'connected',
  host: 'n1',
  id: 1,
  tookMs: 1,
  backend: at,
});
const closed: Happening = { kind: 'closed', host: 'n1', id: 1, why: 'done' };

function placed(scene: Scene, at: Endpoint): Promise<Scene> {
  return scene.act(({ kernel }) => {
    kernel.conntrack.insert(new Entry(client(1), vip(1), at, client(1), SYN_SENT, true), 10_000);
  });
}

judge(acceptedMeansAnswered, {
  allowed: [
    { sentence: 'a SYN that is reset', play: (scene) => scene.happen(accepted, rejected) },
    { sentence: 'a SYN that is dropped', play: (scene) => scene.happen(dropped) },
    {
      sentence: 'a SYN that has an entry',
      play: async (scene) => (await placed(scene, backend(1))).happen(accepted),
    },
    {
      sentence: 'silence in a kernel that has no room',
      play: (scene) => scene.happen(accepted),
      faults: fault({ kind: 'conntrack-full', host: 'n1' }),
    },
  ],
  forbidden: [
    { sentence: 'a SYN that has no entry and is not reset', play: (scene) => scene.happen(accepted) },
    {
      sentence: 'a SYN whose entry leads nowhere',
      play: async (scene) => (await placed(scene, vip(1))).happen(accepted),
    },
  ],
});

judge(noVainRefusal, {
  allowed: [
    {
      sentence: 'a reset where there are no backends',
      play: async (scene) => (await (await scene.learned({ 1: [] })).pass(5_000)).happen(rejected),
    },
    {
      sentence: 'a reset in front of a daemon that stands still',
      play: async (scene) => {
        await (await scene.learned({ 1: [backend(1)] })).pass(5_000);
        await scene.happen({ kind: 'daemon', host: 'n1', state: 'paused' }, rejected);
      },
    },
    {
      sentence: 'a reset while somebody flushes rules',
      play: async (scene) => (await (await scene.learned({ 1: [backend(1)] })).pass(1_000)).happen(rejected),
      faults: fault({ kind: 'rules-flushed', host: 'n1', table: 'raw' }),
    },
  ],
  forbidden: [
    {
      sentence: 'a reset where there is a backend',
      play: async (scene) => (await (await scene.learned({ 1: [backend(1)] })).pass(5_000)).happen(rejected),
    },
  ],
});

judge(connectedWherePlaced, {
  allowed: [
    {
      sentence: 'a connection to where it was placed',
      play: (scene) => scene.happen(connecting, made, connected(backend(1))),
    },
  ],
  forbidden: [
    {
      sentence: 'a connection to elsewhere',
      play: (scene) => scene.happen(connecting, made, connected(backend(2))),
    },
    {
      sentence: 'a connection that nobody placed',
      play: (scene) => scene.happen(connecting, connected(backend(1))),
    },
    { sentence: 'a connection that did not begin', play: (scene) => scene.happen(connected(backend(1))) },
  ],
});

judge(liveEntryStays, {
  allowed: [
    {
      sentence: 'deleting the entry of an unanswered SYN',
      play: (scene) => scene.happen(connecting, unmapped),
    },
    {
      sentence: 'deleting the entry of a connection that is over',
      play: (scene) => scene.happen(connecting, connected(backend(1)), closed, unmapped),
    },
  ],
  forbidden: [
    {
      sentence: 'deleting the entry of a connection that stands',
      play: (scene) => scene.happen(connecting, connected(backend(1)), unmapped),
    },
  ],
});

const full: Happening = { ...made, outcome: 'full' };

judge(fullDefers, {
  allowed: [
    { sentence: 'dropping what finds no room', play: (scene) => scene.happen(full, dropped) },
    { sentence: 'accepting what found room after all', play: (scene) => scene.happen(full, made, accepted) },
  ],
  forbidden: [{ sentence: 'accepting what finds no room', play: (scene) => scene.happen(full, accepted) }],
});

judge(nothingLeaks, {
  allowed: [{ sentence: 'a SYN on the wire while no rule stands', play: (scene) => scene.happen(leaked) }],
  forbidden: [
    {
      sentence: 'a SYN on the wire past rules that stand',
      play: async (scene) => {
        await scene.act(({ kernel }) => {
          kernel.sets.create('minuteman', 'destinations');
          kernel.sets.add('minuteman', [vip(1)]);
          const action = { kind: 'refuse', set: 'minuteman' } as const;
          kernel.rules.become([{ table: 'filter', chain: 'OUTPUT', action, name: 'filter/OUTPUT' }]);
        });
        await scene.happen(leaked);
      },
    },
  ],
});
