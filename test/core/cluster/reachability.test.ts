import test from 'ava';
import fc from 'fast-check';
import { type CachedTree, Reachability } from '../../../src/core/cluster/reachability.js';
import type { Endpoint } from '../../../src/core/endpoint.js';
import { Town } from './town/town.js';

const at = Town.endpointOf;
const NODES = 9;

/** What each node says, as in the records; index by node. */
type Said = number[][];

interface Change {
  readonly a: number;
  readonly b: number;
  readonly present: boolean;
  readonly both: boolean;
}

/** Distances by Bellman-Ford, and each node's smallest neighbour that is nearer: slow and obvious. */
function bruteForce(said: Said, root: number): { distance: number[]; parent: (number | undefined)[] } {
  const linked = (a: number, b: number): boolean => said[a]!.includes(b) && said[b]!.includes(a);
  const nodes = said.map((_, node) => node);
  const distance = nodes.map((node) => (node === root ? 0 : Number.POSITIVE_INFINITY));
  for (const _ of nodes) {
    for (const a of nodes)
      for (const b of nodes) if (linked(a, b)) distance[b] = Math.min(distance[b]!, distance[a]! + 1);
  }
  const parent = nodes.map((node) =>
    distance[node] === Number.POSITIVE_INFINITY
      ? undefined
      : nodes.find((other) => linked(node, other) && distance[other]! === distance[node]! - 1),
  );
  return { distance, parent };
}

/** `a` says that `b` is its neighbour, or no more; mostly `b` says the same of `a`. */
const change = fc.record({
  a: fc.integer({ min: 0, max: NODES - 1 }),
  b: fc.integer({ min: 0, max: NODES - 1 }),
  present: fc.oneof(
    { weight: 2, arbitrary: fc.constant(true) },
    { weight: 1, arbitrary: fc.constant(false) },
  ),
  both: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
});

function apply(said: Said, reachability: Reachability, { a, b, present, both }: Change): void {
  if (a === b) return;
  for (const [from, to] of both
    ? [
        [a, b],
        [b, a],
      ]
    : [[a, b]]) {
    said[from!] = said[from!]!.filter((other) => other !== to);
    if (present) said[from!]!.push(to!);
    reachability.set(at(from!), said[from!]!.map(at));
  }
}

function compare(reachability: Reachability, said: Said, root: number): void {
  const { distance, parent } = bruteForce(said, root);
  for (let node = 0; node < NODES; node += 1) {
    const expected = distance[node] === Number.POSITIVE_INFINITY ? undefined : distance[node];
    if (reachability.distance(at(node)) !== expected) throw new Error(`distance of ${node}`);
    const mother = parent[node] === undefined ? undefined : at(parent[node]!);
    if (reachability.parent(at(node)) !== mother) throw new Error(`parent of ${node}`);
  }
}

test('after any changes the tree is the one that brute force finds', (t) => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60, size: 'max' }), fc.boolean(), (changes, lookAlways) => {
      const said: Said = Array.from({ length: NODES }, () => []);
      const reachability = new Reachability(at(0));
      for (const next of changes) {
        apply(said, reachability, next);
        // What was repaired beside the tree, and what was searched anew, must both be right.
        if (lookAlways) compare(reachability, said, 0);
      }
      compare(reachability, said, 0);
    }),
    { numRuns: 1500 },
  );
  t.pass();
});

test('trees of others are right, cached or not', (t) => {
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 40, size: 'max' }),
      fc.integer({ min: 0, max: NODES - 1 }),
      (changes, origin) => {
        const said: Said = Array.from({ length: NODES }, () => []);
        const cache = new Map<Endpoint, CachedTree>();
        const reachability = new Reachability(at(3), cache);
        for (const next of changes) {
          apply(said, reachability, next);
          const { distance, parent } = bruteForce(said, origin);
          const expected =
            distance[3] === Number.POSITIVE_INFINITY
              ? []
              : said.flatMap((_, n) =>
                  parent[n] === 3 && distance[n] !== Number.POSITIVE_INFINITY ? [at(n)] : [],
                );
          if (String([...reachability.children(at(origin))].sort()) !== String(expected.sort()))
            throw new Error('children');
        }
      },
    ),
    { numRuns: 300 },
  );
  t.pass();
});

const SAYINGS: readonly [string, Said, number | undefined][] = [
  ['a link that both list is one', [[1], [0]], 1],
  ['a link that only the far end lists is none', [[], [0]], undefined],
  ['a link that only the near end lists is none', [[1], []], undefined],
  ['two steps are two', [[2], [2], [0, 1]], 2],
  [
    'the shorter of two ways counts',
    [
      [1, 2],
      [0, 2],
      [0, 1],
    ],
    1,
  ],
];
for (const [what, said, distance] of SAYINGS) {
  test(what, (t) => {
    const reachability = new Reachability(at(0));
    for (const [node, list] of said.entries()) reachability.set(at(node), list.map(at));
    t.is(reachability.distance(at(1)), distance);
  });
}

/** Each of nine nodes says whom it is linked to and whom it saw die, by the version that was the last of the dead one. */
const saying = fc.record({
  node: fc.integer({ min: 0, max: NODES - 1 }),
  neighbours: fc.uniqueArray(fc.integer({ min: 0, max: NODES - 1 }), { minLength: 1, maxLength: 4 }),
  died: fc.uniqueArray(
    fc.record({ node: fc.integer({ min: 0, max: NODES - 1 }), counter: fc.integer({ min: 1, max: 3 }) }),
    { selector: ({ node }) => node, minLength: 2, maxLength: 7, size: 'max' },
  ),
  counter: fc.integer({ min: 1, max: 3 }),
});

test('whom two thirds of those it names saw die after its last word has no links, in whatever order that was said', (t) => {
  let gone = 0;
  fc.assert(
    fc.property(fc.array(saying, { minLength: 20, maxLength: 60, size: 'max' }), (sayings) => {
      const last = new Map<number, (typeof sayings)[number]>();
      const reachability = new Reachability(at(0));
      for (const next of sayings) {
        const { node, counter } = next;
        const neighbours = next.neighbours.filter((other) => other !== node);
        const died = next.died.filter((death) => death.node !== node);
        last.set(node, { node, neighbours, died, counter });
        const deaths = died.map((death) => ({ ...death, node: at(death.node), epoch: 1 }));
        reachability.set(at(node), neighbours.map(at), deaths, { epoch: 1, counter });
      }
      const all = Array.from({ length: NODES }, (_, node) => last.get(node));
      const dead = all.map((own, node) => {
        if (own === undefined || node === 0) return false;
        const witnesses = own.neighbours.filter((other) => {
          const theirs = last.get(other);
          if (theirs === undefined || theirs.neighbours.includes(node)) return false;
          return theirs.died.some((death) => death.node === node && death.counter >= own.counter);
        });
        return witnesses.length > 0 && witnesses.length * 3 >= own.neighbours.length * 2;
      });
      gone += dead.filter(Boolean).length;
      const said = all.map((own, node) =>
        dead[node] ? [] : (own?.neighbours ?? []).filter((other) => !dead[other]),
      );
      compare(reachability, said, 0);
    }),
    { numRuns: 1000 },
  );
  t.true(gone > 100, `${gone} were taken for dead`);
});

test('we ourselves live, whoever says otherwise', (t) => {
  const reachability = new Reachability(at(0));
  const died = [{ node: at(0), epoch: 1, counter: 9 }];
  reachability.set(at(0), [1, 2].map(at), [], { epoch: 1, counter: 1 });
  reachability.set(at(1), [0, 3].map(at), died, { epoch: 1, counter: 1 });
  reachability.set(at(2), [], died, { epoch: 1, counter: 1 });
  t.true(reachability.has(at(1)));
});

test('whom a path leads to is listed nearest first, after any changes', (t) => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60, size: 'max' }), (changes) => {
      const said: Said = Array.from({ length: NODES }, () => []);
      const reachability = new Reachability(at(0));
      for (const next of changes) {
        apply(said, reachability, next);
        const steps = [...reachability.reached()].map((node) => reachability.distance(node)!);
        if (!steps.every((step, index) => index === 0 || steps[index - 1]! <= step)) throw new Error('order');
        const all = said.filter((_, node) => reachability.has(at(node)));
        if (steps.length !== all.length || reachability.size !== all.length) throw new Error('count');
      }
    }),
    { numRuns: 300 },
  );
  t.pass();
});
