import type { Happening } from '../../../src/sim/engine/journal.js';
import {
  mailboxesBounded,
  noOrphanTimers,
  oneAtATime,
  restartBudget,
} from '../../../src/sim/invariants/supervision.js';
import { judge, type Row, type Scene } from './scene.js';

const ipset = 'node/data-plane/ipset-manager';

function log(event: string, fields: Readonly<Record<string, string>>): Happening {
  return { kind: 'log', host: 'n1', level: 'warn', event, message: event, fields };
}

const restarted = (actor = ipset): Happening => log('actor-restarted', { actor });
const escalated = log('supervisor-escalated', { supervisor: 'node/data-plane', actor: ipset });

/** Restarts so far apart, and then something more. */
function restarts(sentence: string, count: number, apartMs: number, ...then: readonly Happening[]): Row {
  return {
    sentence,
    play: async (scene) => {
      for (let left = count; left > 0; left -= 1) await (await scene.happen(restarted())).pass(apartMs);
      await scene.happen(...then);
    },
  };
}

judge(restartBudget, {
  allowed: [
    restarts('five restarts at once', 5, 1),
    restarts('six restarts within more than ten seconds', 6, 2_100),
    restarts('giving up after five restarts', 5, 1, escalated),
    restarts('five restarts of one supervisor and one of another', 5, 1, restarted('node/vips/vip-table')),
    restarts(
      'a restart by a supervisor that began anew',
      5,
      1,
      escalated,
      restarted('node/data-plane'),
      restarted(),
    ),
  ],
  forbidden: [
    restarts('a sixth restart within ten seconds', 6, 1),
    restarts('giving up after four restarts', 4, 1, escalated),
    restarts('giving up after five restarts in the course of a minute', 5, 12_000, escalated),
  ],
});

const before = (scene: Scene, path: string): void => scene.fleet.handling(scene.machine, path, 'before', {});
const after = (scene: Scene, path: string): void => scene.fleet.handling(scene.machine, path, 'after', {});

judge(oneAtATime, {
  allowed: [
    { sentence: 'one message after the other', play: (scene) => scene.handle(ipset, {}, {}) },
    {
      sentence: 'a message after one that its actor crashed on',
      play: (scene) =>
        scene.act(() => {
          before(scene, 'a');
          before(scene, 'b');
          after(scene, 'b');
        }),
    },
  ],
  forbidden: [
    {
      sentence: 'a message of another actor within a message',
      play: (scene) =>
        scene.act(() => {
          before(scene, 'a');
          before(scene, 'b');
          after(scene, 'b');
          after(scene, 'a');
        }),
    },
    {
      sentence: 'a second message within a message',
      play: (scene) =>
        scene.act(() => {
          before(scene, 'a');
          before(scene, 'a');
          after(scene, 'a');
          after(scene, 'a');
        }),
    },
  ],
});

judge(mailboxesBounded, {
  allowed: [{ sentence: 'a restart', play: (scene) => scene.happen(restarted()) }],
  forbidden: [
    { sentence: 'an overflow', play: (scene) => scene.happen(log('mailbox-overflow', { actor: ipset })) },
  ],
});

/** Checks of the ipset manager so far apart. */
function checks(sentence: string, ...apart: readonly (number | Happening)[]): Row {
  return {
    sentence,
    play: async (scene) => {
      await scene.handle(ipset, { kind: 'check' });
      for (const step of apart) {
        if (typeof step === 'number') await (await scene.pass(step)).handle(ipset, { kind: 'check' });
        else await scene.happen(step);
      }
    },
  };
}

judge(noOrphanTimers, {
  allowed: [
    checks('a check a second', 1_000, 1_000, 1_000),
    checks('a check after a pause', 60_000, 1_000),
    checks('a check of a new incarnation soon after the last one', 1_000, restarted(), 300),
  ],
  forbidden: [
    checks('a second rhythm', 500),
    checks('a second rhythm of a new incarnation', 1_000, restarted(), 300, 700),
    checks('a check after the end of its process', { kind: 'daemon', host: 'n1', state: 'killed' }, 1_000),
  ],
});
