import test from 'ava';
import { BackOff } from '../../../src/core/cluster/back-off.js';
import { HYPARVIEW_DEFAULTS } from '../../../src/core/cluster/hyparview-settings.js';
import { Desk } from './overlay-desk.js';
import { Town } from './town/town.js';

const at = Town.endpointOf;
const seven = [1, 2, 3, 4, 5, 6, 7];

// Mistakes seen in public implementations, one test each.

test('who has neighbours asks for more with low priority; only who has none says high, and to one at a time', (t) => {
  const some = new Desk({ remembered: [8] });
  some.befriend(1);
  t.deepEqual(
    some.pass(500).filter((s) => s.startsWith('dial')),
    ['dial 8'],
  );
  some.open(8, true);
  t.deepEqual(some.last, ['neighbour low on 2']);

  const lost = new Desk({ remembered: [8, 9] });
  lost.pass(300);
  lost.open(8, true);
  t.deepEqual(lost.last, ['neighbour high on 1']);
  lost.open(9, true);
  t.deepEqual(lost.last, ['neighbour low on 2']);
});

test('a full node refuses low, makes room for high', (t) => {
  const desk = new Desk();
  desk.befriend(...seven);
  t.deepEqual(desk.hear(desk.open(8), { kind: 'neighbour', priority: 'low' }), ['neighbour-answer no on 8']);
  t.deepEqual(desk.active, seven);
  desk.hear(desk.open(9), { kind: 'neighbour', priority: 'high' });
  t.true(desk.active.includes(9));
  t.is(desk.active.length, 7);
});

test('where a walk ends the joiner is asked, and both add each other on its answer', (t) => {
  const desk = new Desk();
  const [one] = desk.befriend(1, 2);
  t.deepEqual(desk.hear(one!, { kind: 'forward-join', joiner: at(9), ttl: 0 }), ['dial 9']);
  t.deepEqual(desk.active, [1, 2]);
  const link = desk.open(9, true);
  t.deepEqual(desk.last, [`neighbour walk on ${link}`]);
  t.deepEqual(desk.active, [1, 2], 'not before it has answered');
  t.deepEqual(desk.hear(link, { kind: 'neighbour-answer', accepted: true }), [`up ${link}`]);
  t.deepEqual(desk.active, [1, 2, 9]);

  const joiner = new Desk();
  const asked = joiner.open(3);
  t.deepEqual(joiner.hear(asked, { kind: 'neighbour', priority: 'walk' }), [
    `neighbour-answer yes on ${asked}`,
    `up ${asked}`,
  ]);
});

test('a walk that cannot go on ends here', (t) => {
  const desk = new Desk();
  const [one] = desk.befriend(1);
  t.deepEqual(desk.hear(one!, { kind: 'forward-join', joiner: at(9), ttl: 6 }), ['dial 9']);
});

test('a walk goes on while it has steps left, and is noted in passing', (t) => {
  const desk = new Desk();
  const [one, two] = desk.befriend(1, 2);
  t.deepEqual(desk.hear(one!, { kind: 'forward-join', joiner: at(9), ttl: 5 }), [
    `forward-join 9 ttl 4 on ${two}`,
  ]);
  t.deepEqual(desk.passive, [9]);
});

test('what an older link says does not speak for the newer one', (t) => {
  const desk = new Desk();
  const [old] = desk.befriend(1);
  const anew = desk.open(1, false, 2);
  desk.hear(anew, { kind: 'neighbour', priority: 'high' });
  t.is(desk.view.active.get(at(1))?.link.id, anew);
  t.deepEqual(desk.hear(old!, { kind: 'disconnect' }), []);
  t.deepEqual(desk.closed(old!), []);
  // Nor does a further link, that stands but was not agreed upon.
  const idle = [desk.open(1, false, 2), desk.open(1, false, 2)];
  t.deepEqual(desk.hear(idle[0]!, { kind: 'disconnect' }), [`close ${idle[0]}`]);
  t.deepEqual(desk.closed(idle[1]!), []);
  t.deepEqual(desk.active, [1]);
  t.is(desk.view.active.get(at(1))?.link.id, anew);
});

test('an answer that was not asked for, or is no longer waited for, adds nobody', (t) => {
  const desk = new Desk({ remembered: [8] });
  const stranger = desk.open(1);
  t.deepEqual(desk.hear(stranger, { kind: 'neighbour-answer', accepted: true }), []);
  desk.pass(300);
  const late = desk.open(8, true);
  t.true(desk.pass(3000).includes(`close ${late}`));
  t.deepEqual(desk.hear(late, { kind: 'neighbour-answer', accepted: true }), []);
  t.deepEqual(desk.active, []);
});

test('who is put out is told and remembered; who died is forgotten', (t) => {
  const desk = new Desk();
  const links = desk.befriend(...seven);
  desk.hear(desk.open(8), { kind: 'neighbour', priority: 'high' });
  const [out] = seven.filter((node) => !desk.active.includes(node));
  t.deepEqual(desk.passive, [out!]);
  t.true(desk.last.includes(`down ${links[out! - 1]} evicted`));
  t.true(desk.last.includes(`disconnect on ${links[out! - 1]}`));

  const died = seven.find((node) => desk.active.includes(node))!;
  t.true(desk.closed(links[died - 1]!).includes(`down ${links[died - 1]} died`));
  t.deepEqual(desk.passive, [out!]);
});

test('a shuffle that arrives with its last step is dealt with, not lost', (t) => {
  const desk = new Desk();
  const [one] = desk.befriend(1, 2);
  const shuffle = { kind: 'shuffle', path: [at(1)], peers: [at(20), at(21)] } as const;
  t.deepEqual(desk.hear(one!, { ...shuffle, ttl: 1 }), [`shuffle-reply on ${one}`]);
  t.deepEqual(desk.passive, [20, 21]);
  t.deepEqual(new Desk().hear(1, { ...shuffle, ttl: 0 }), []);
  const again = new Desk();
  const [first, second] = again.befriend(1, 2);
  t.deepEqual(again.hear(first!, { ...shuffle, ttl: 2 }), [`shuffle ttl 1 on ${second}`]);
  t.deepEqual(again.hear(first!, { ...shuffle, ttl: 0 }), [`shuffle-reply on ${first}`]);
});

test('the passive view never overflows, whichever way names come', (t) => {
  const many = Array.from({ length: 60 }, (_, i) => 100 + i);
  const ways: readonly [string, (desk: Desk) => void][] = [
    ['remembered', () => {}],
    [
      'a shuffle',
      (desk) => void desk.hear(1, { kind: 'shuffle', ttl: 1, path: [at(1)], peers: many.map(at) }),
    ],
    [
      'an answer to a shuffle',
      (desk) => void desk.hear(1, { kind: 'shuffle-reply', path: [], peers: many.map(at) }),
    ],
    [
      'walks',
      (desk) => {
        for (const node of many) desk.hear(1, { kind: 'forward-join', joiner: at(node), ttl: 5 });
      },
    ],
    [
      'refusals',
      (desk) => {
        for (const node of many) desk.hear(desk.open(node), { kind: 'neighbour', priority: 'low' });
      },
    ],
    [
      'evictions',
      (desk) => {
        for (const node of many) desk.hear(desk.open(node), { kind: 'neighbour', priority: 'high' });
      },
    ],
  ];
  for (const [way, arrive] of ways) {
    const desk = new Desk(way === 'remembered' ? { remembered: many } : {});
    desk.befriend(...seven);
    arrive(desk);
    t.true(desk.passive.length <= 42, way);
    t.true(desk.passive.length >= 30, way);
    t.true(desk.active.length <= 7, way);
    t.deepEqual(
      desk.passive.filter((node) => desk.active.includes(node) || node === 50),
      [],
      way,
    );
  }
});

test('a crowd of joiners puts few out, and each who is refused hears of others to ask', (t) => {
  const desk = new Desk();
  desk.befriend(...seven);
  let evicted = 0;
  for (let joiner = 10; joiner < 30; joiner += 1) {
    const effects = desk.hear(desk.open(joiner), { kind: 'join' });
    evicted += effects.filter((s) => s.endsWith('evicted')).length;
    const link = joiner - 2;
    t.is(effects[0], `shuffle-reply on ${link}`, 'before the answer, after which a refused one is gone');
    t.true(effects.some((s) => s.startsWith(`forward-join ${joiner} ttl 8`)));
  }
  t.is(evicted, 1);
});

/** Seven neighbours, of whom only the last has enough others, and a way there besides. */
const poorButSeven = (node: number): readonly number[] => {
  if (node === 50) return seven;
  if (node === 7) return [50, 1, 2, 3, 4];
  return node <= 4 ? [50, 7] : [50];
};

test('who cannot spare the link is not put out', (t) => {
  for (const seed of ['a', 'b', 'c', 'd', 'e']) {
    const desk = new Desk({ linksOf: poorButSeven, seed });
    desk.befriend(...seven);
    desk.hear(desk.open(8), { kind: 'join' });
    t.deepEqual(desk.active, [1, 2, 3, 4, 5, 6, 8], seed);
  }
});

test('a link that no other way replaces is not one to spare', (t) => {
  const bridge = (node: number): readonly number[] => (node === 50 ? seven : [50, 51, 52, 53, 54]);
  const desk = new Desk({ linksOf: bridge });
  desk.befriend(...seven);
  desk.hear(desk.open(8), { kind: 'join' });
  t.deepEqual(desk.active, [1, 2, 3, 4, 5, 6, 7]);
});

test('where nobody can be spared, who has nobody is let in by whoever has most: a joiner once a second, and priority always', (t) => {
  const linksOf = (node: number): readonly number[] =>
    node === 50 ? seven : node === 3 ? [50, 9, 10] : node === 4 ? [50, 9] : [50];
  const desk = new Desk({ linksOf });
  desk.befriend(...seven);
  desk.hear(desk.open(8), { kind: 'join' });
  t.deepEqual(desk.active, [1, 2, 4, 5, 6, 7, 8]);

  const joining = desk.open(9);
  desk.hear(joining, { kind: 'join' });
  t.true(desk.last.includes(`neighbour-answer no on ${joining}`), desk.last.join());
  t.is(desk.last.filter((effect) => effect.startsWith('forward-join 9 ttl 8')).length, 4);
  desk.hear(joining, { kind: 'neighbour', priority: 'high' });
  t.deepEqual(desk.active, [1, 2, 5, 6, 7, 8, 9]);
});

test('the last place is promised to one joiner, not to each whose walk ends here', (t) => {
  const desk = new Desk({ linksOf: (node) => (node === 50 ? seven : [50]) });
  const [one] = desk.befriend(1, 2, 3, 4, 5, 6);
  t.deepEqual(desk.hear(one!, { kind: 'forward-join', joiner: at(9), ttl: 0 }), ['dial 9']);
  t.deepEqual(desk.hear(one!, { kind: 'forward-join', joiner: at(10), ttl: 0 }), []);
  t.deepEqual(desk.passive, [10]);
});

test('who is refused leaves it to its walks to find somebody, and asks with priority only after that', (t) => {
  const desk = new Desk({ contacts: [1], remembered: [8] });
  desk.pass(50);
  const asked = desk.open(1, true);
  desk.hear(asked, { kind: 'neighbour-answer', accepted: false });
  t.false(desk.pass(150).some((effect) => effect === 'dial 8'));
  t.true(desk.pass(300).includes('dial 8'));
});

test('who needs its links itself parts from whom nobody knows it has', (t) => {
  const desk = new Desk({ linksOf: (node) => (node === 50 ? [1, 2] : node <= 2 ? [50, 51, 52] : []) });
  desk.befriend(...seven);
  desk.hear(desk.open(8), { kind: 'neighbour', priority: 'high' });
  t.true(desk.active.includes(1) && desk.active.includes(2) && desk.active.includes(8));
});

test('who has one neighbour only is let in where somebody can be spared, and asks there if nobody has room', (t) => {
  const full = new Desk({ linksOf: (node) => (node === 8 ? [9] : poorButSeven(node)) });
  full.befriend(...seven);
  full.pass(1000);
  full.hear(full.open(8), { kind: 'neighbour', priority: 'low' });
  t.deepEqual(full.active, [1, 2, 3, 4, 5, 6, 8]);

  const lonely = new Desk({ degree: () => 7, reachable: [3, 4, 5] });
  lonely.befriend(3);
  t.is(lonely.pass(100).length, 0);
  t.deepEqual(
    lonely
      .pass(200)
      .filter((effect) => effect.startsWith('dial'))
      .sort(),
    ['dial 4', 'dial 5'],
  );
  lonely.befriend(6);
  t.false(lonely.pass(5000).some((effect) => effect.startsWith('dial')));
});

/** Us, 50, among seven that are neighbours of one another; 20 far away among 21 to 27, likewise; 30 far, and in no triangle. */
function twoTangles(node: number): readonly number[] {
  const others = (from: number) => [0, 1, 2, 3, 4, 5, 6].map((i) => from + i);
  if (node === 50) return seven;
  if (node === 20) return others(21);
  if (node === 30) return others(31);
  if (node <= 7) return [50, ...others(1).filter((one) => one !== node)];
  if (node < 28) return [20, ...others(21).filter((one) => one !== node)];
  return [30, 41, 42, 43, 44, 45];
}

test('who is tangled asks somebody far who is, too, and has no more neighbours than before', (t) => {
  const desk = new Desk({ linksOf: twoTangles, reachable: [...seven, 20, 30] });
  desk.befriend(...seven);
  const dials = desk.pass(2 * HYPARVIEW_DEFAULTS.untangleMs).filter((effect) => effect.startsWith('dial'));
  t.deepEqual(dials, ['dial 20']);
  const link = desk.open(20, true);
  t.deepEqual(desk.last, ['neighbour low on 8']);
  desk.hear(link, { kind: 'neighbour-answer', accepted: true });
  t.is(desk.active.length, 7);
  t.true(desk.active.includes(20));
});

test('a full node lets in who is far for one of several that are neighbours of one another, once a second', (t) => {
  const desk = new Desk({ linksOf: twoTangles, reachable: [...seven, 20, 30] });
  desk.befriend(...seven);
  desk.pass(1000);
  const ask = (node: number): boolean =>
    desk.hear(desk.open(node), { kind: 'neighbour', priority: 'low' })[0]!.includes('yes');
  t.true(ask(20));
  t.false(ask(30));
  desk.pass(1000);
  t.true(ask(30));
  t.is(desk.active.length, 7);
  t.true(desk.active.includes(20));
});

test('the link that is given goes to one of those who are neighbours of one another', (t) => {
  const linksOf = (node: number): readonly number[] =>
    node > 3 && node <= 7 ? [50, 61, 62, 63, 64, 65] : twoTangles(node);
  for (const seed of ['a', 'b', 'c', 'd']) {
    const desk = new Desk({ linksOf, seed });
    desk.befriend(...seven);
    desk.pass(1000);
    desk.hear(desk.open(20), { kind: 'neighbour', priority: 'low' });
    t.true(
      [4, 5, 6, 7, 20].every((node) => desk.active.includes(node)),
      seed,
    );
  }
});

test('nobody is let in for the sake of the graph who is near, or where nothing is tangled', (t) => {
  const refuses = (linksOf: (node: number) => readonly number[]): boolean => {
    const desk = new Desk({ linksOf });
    desk.befriend(...seven);
    desk.pass(1000);
    return desk.hear(desk.open(20), { kind: 'neighbour', priority: 'low' })[0]!.includes('no');
  };
  t.true(refuses((node) => (node === 20 ? [7, 21, 22, 23] : twoTangles(node))));
  t.true(refuses((node) => (node <= 7 ? [50, 31, 32, 33, 34, 35, 36] : twoTangles(node))));
});

test('after a death links are not exchanged for a while', (t) => {
  const { untangleMs } = HYPARVIEW_DEFAULTS;
  const desk = new Desk({ linksOf: twoTangles, reachable: [...seven, 20] });
  const links = desk.befriend(...seven);
  desk.pass(untangleMs / 2);
  desk.closed(links[0]!);
  desk.befriend(1);
  const soon = desk.pass(0.7 * untangleMs);
  t.false(soon.includes('dial 20'));
  t.true(desk.pass(untangleMs).includes('dial 20'));
});

test('back-off begins short and grows long', (t) => {
  const backOff = new BackOff(100, 1000);
  const delays = Array.from({ length: 6 }, () => backOff.next(() => 0.5));
  t.deepEqual(delays, [100, 200, 400, 800, 1000, 1000]);
  backOff.reset();
  t.is(
    backOff.next(() => 0),
    75,
  );
});

test('attempts to reach a contact that is down become rare, but never end', (t) => {
  const desk = new Desk({ contacts: [1] });
  desk.befriend(2);
  const gaps: number[] = [];
  for (let lastMs = desk.nowMs; gaps.length < 30 && desk.nowMs < 600_000; ) {
    if (desk.pass(50).includes('dial 1')) {
      gaps.push(desk.nowMs - lastMs);
      lastMs = desk.nowMs;
      desk.overlay.dialFailed(at(1), desk.nowMs);
    }
  }
  t.is(gaps.length, 30);
  t.true(gaps[1]! < 1500);
  t.true(gaps.slice(6).every((gap) => gap > 5000 && gap < 15_000));
});

test('a neighbour that parts, lives on in the passive view, and another is asked at once', (t) => {
  const desk = new Desk({ remembered: [8] });
  const [one] = desk.befriend(1, 2, 3, 4, 5, 6);
  desk.pass(60_000);
  desk.overlay.dialFailed(at(8), desk.nowMs);
  desk.pass(1000);
  const seventh = desk.befriend(7)[0]!;
  desk.hear(seventh, { kind: 'shuffle-reply', path: [], peers: [at(9)] });
  t.deepEqual(desk.hear(one!, { kind: 'disconnect' }), [`down ${one} disconnected`, `close ${one}`]);
  t.true(desk.passive.includes(1));
  t.true(desk.pass(10).some((s) => s === 'dial 9' || s === 'dial 1'));
});

test('a neighbour that died is replaced after a moment, and at once where few are left', (t) => {
  const desk = new Desk({ remembered: [40, 41, 42, 43, 44] });
  const links = desk.befriend(1, 2, 3, 4, 5, 6, 7);
  const dials = (ms: number) => desk.pass(ms).filter((s) => s.startsWith('dial'));
  t.deepEqual(dials(5_000), [], 'the view is full');
  desk.closed(links[0]!);
  const { mournLeastMs, mournMostMs } = HYPARVIEW_DEFAULTS;
  t.deepEqual(dials(mournLeastMs - 10), []);
  t.is(dials(mournMostMs - mournLeastMs + 110).length, 1);
  desk.closed(links[1]!);
  desk.closed(links[2]!);
  desk.closed(links[3]!);
  t.true(dials(1).length > 1);
});

test('whom no path leads to is tried again and again, though the view is full', (t) => {
  const desk = new Desk({ unreachable: [30] });
  desk.befriend(...seven);
  const dials: string[] = [];
  for (let i = 0; i < 60; i += 1) {
    dials.push(...desk.pass(1000).filter((s) => s === 'dial 30'));
    desk.overlay.dialFailed(at(30), desk.nowMs);
  }
  t.true(dials.length >= 5, `${dials.length}`);
  desk.pass(20_000);
  const link = desk.open(30, true);
  t.deepEqual(desk.last, [`join on ${link}`]);
  t.true(desk.hear(link, { kind: 'neighbour-answer', accepted: true }).includes(`up ${link}`));
  t.is(desk.active.length, 7);
});

// Links and dials.

test('of two links dialled at once from both sides both keep that of the smaller', (t) => {
  for (const [self, peer, kept] of [
    [1, 2, 'ours'],
    [2, 1, 'theirs'],
  ] as const) {
    const desk = new Desk({ self, remembered: [peer] });
    desk.pass(300);
    const ours = desk.open(peer, true);
    const theirs = desk.open(peer);
    desk.hear(theirs, { kind: 'neighbour', priority: 'high' });
    if (kept === 'ours') {
      t.deepEqual(desk.last, [`neighbour-answer no on ${theirs}`]);
      desk.hear(ours, { kind: 'neighbour-answer', accepted: true });
    } else t.deepEqual(desk.last, [`close ${ours}`, `neighbour-answer yes on ${theirs}`, `up ${theirs}`]);
    t.is(desk.view.active.get(at(peer))?.link.id, kept === 'ours' ? ours : theirs);
  }
});

test('a peer that claims to be us is not spoken to', (t) => {
  const desk = new Desk({ self: 50 });
  const link = desk.open(50);
  t.deepEqual(desk.last, [`close ${link}`]);
});

test('a ping on a link that is no neighbour’s is answered by parting', (t) => {
  const desk = new Desk();
  const link = desk.open(1);
  t.deepEqual(
    desk.overlay.pinged(link, desk.nowMs).map(({ kind }) => kind),
    ['send', 'close'],
  );
});

test('a link on which nobody asks for anything is closed', (t) => {
  const desk = new Desk();
  const link = desk.open(1);
  t.true(desk.pass(2100).includes(`close ${link}`));
});

test('who misbehaves is cut and not dealt with for half a minute', (t) => {
  const desk = new Desk({ contacts: [1] });
  const [link] = desk.befriend(1);
  t.deepEqual(
    desk.overlay.expel(link!, desk.nowMs).map(({ kind }) => kind),
    ['neighbour-down', 'close'],
  );
  desk.open(1);
  t.deepEqual(desk.last, ['close 2']);
  t.false(desk.pass(25_000).includes('dial 1'));
  t.true(desk.pass(20_000).includes('dial 1'));
});

test('after a crash neighbours stay neighbours; those whose links ended meanwhile are lost', (t) => {
  const desk = new Desk();
  desk.befriend(1, 2);
  const [first, second] = [...desk.view.active.values()].map(({ link }) => link);
  const heir = new Desk();
  for (const [peer, entry] of desk.view.active) heir.view.active.set(peer, entry);
  const stray = { ...second!, id: 99, peer: { ...second!.peer, endpoint: at(3) } };
  const effects = heir.overlay.adopt([first!, stray], 5000);
  t.deepEqual(
    effects.map((effect) =>
      effect.kind === 'neighbour-down'
        ? `down ${effect.link.id}`
        : effect.kind === 'neighbour-up'
          ? `up ${effect.link.id}`
          : effect.kind === 'close'
            ? `close ${effect.id}`
            : '',
    ),
    ['up 1', 'down 2', 'close 99'],
  );
  t.deepEqual(heir.active, [1]);
});
