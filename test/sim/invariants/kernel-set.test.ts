import type { Endpoint } from '../../../src/core/endpoint.js';
import { setAsDesired, setNeverLess } from '../../../src/sim/invariants/kernel-set.js';
import { backend, fault, judge, type Row, type Scene, vip } from './scene.js';

/** Somebody makes the set hold exactly these; undefined destroys it. */
async function write(scene: Scene, by: string, vips: readonly number[] | undefined): Promise<Scene> {
  return scene.act(({ kernel }) => {
    kernel.sets.destroy('minuteman');
    if (vips !== undefined) {
      kernel.sets.create('minuteman', 'destinations');
      kernel.sets.add('minuteman', vips.map(vip));
    }
    scene.fleet.journal.write({ kind: 'set', host: 'n1', name: 'minuteman', size: vips?.length, by });
  });
}

const learned = (scene: Scene, vips: readonly number[]): Promise<Scene> =>
  scene.learned(
    Object.fromEntries(vips.map((number): [number, readonly Endpoint[]] => [number, [backend(1)]])),
  );

/** The set is written as the first list says, sources tell of the second, and the set is written as the third says. */
function rewritten(
  sentence: string,
  before: readonly number[],
  wanted: readonly number[],
  after: readonly number[] | undefined,
  by = 'daemon',
): Row {
  return {
    sentence,
    play: async (scene) => {
      await learned(scene, before);
      await write(scene, 'daemon', before);
      await scene.pass(5_000);
      await learned(scene, wanted);
      await scene.pass(1_500);
      await write(scene, by, after);
    },
  };
}

judge(setNeverLess, {
  allowed: [
    rewritten('the new VIPs', [1, 2], [2, 3], [2, 3]),
    rewritten('old and new VIPs', [1, 2], [2, 3], [1, 2, 3]),
    rewritten('nothing, as nothing is wanted', [1, 2], [], []),
    rewritten('less than is wanted, by somebody else', [1, 2], [2, 3], [], 'fault'),
  ],
  forbidden: [
    rewritten('less than old and new share', [1, 2], [2, 3], [3]),
    rewritten('no set at all', [1, 2], [2, 3], undefined),
    rewritten('what nobody wants', [1, 2], [2, 3], [2, 3, 4]),
  ],
});

judge(setAsDesired, {
  allowed: [
    {
      sentence: 'a set that follows within half a second',
      play: async (scene) => {
        await learned(scene, [1]);
        await scene.pass(500);
        await write(scene, 'daemon', [1]);
        await scene.pass(5_000);
      },
    },
    {
      sentence: 'a set that follows late, while tools are slow',
      faults: fault({ kind: 'slow-tools', host: 'n1', tookMs: 2_000 }, 2_000),
      play: async (scene) => {
        await learned(scene, [1]);
        await scene.pass(3_000);
        await write(scene, 'daemon', [1]);
        await scene.pass(5_000);
      },
    },
    {
      sentence: 'a set that is put right two seconds after somebody emptied it',
      faults: fault({ kind: 'set-spoilt', host: 'n1', how: 'emptied' }, 0),
      play: async (scene) => {
        await learned(scene, [1]);
        await write(scene, 'fault', []);
        await scene.pass(2_000);
        await write(scene, 'daemon', [1]);
        await scene.pass(5_000);
      },
    },
  ],
  forbidden: [
    {
      sentence: 'a set that does not follow within a second',
      play: async (scene) => {
        await learned(scene, [1]);
        await scene.pass(1_100);
      },
    },
    {
      sentence: 'a set that does not follow, long after tools were slow',
      faults: fault({ kind: 'slow-tools', host: 'n1', tookMs: 2_000 }, 2_000),
      play: async (scene) => {
        await learned(scene, [1]);
        await scene.pass(6_000);
      },
    },
    {
      sentence: 'a set that stays emptied',
      faults: fault({ kind: 'set-spoilt', host: 'n1', how: 'emptied' }, 0),
      play: async (scene) => {
        await learned(scene, [1]);
        await write(scene, 'fault', []);
        await scene.pass(5_000);
      },
    },
  ],
});
