import assert from 'node:assert/strict';
import { type Endpoint, endpoint } from '../../src/core/endpoint.js';
import type { AddressSet } from '../../src/ports/address-set.js';
import type { FirewallResult } from '../../src/ports/firewall.js';
import { answerOf, type Case } from './case.js';

/** A host without sets, and ways to look at and spoil them that are not the port's. */
export interface AddressSetSubject {
  readonly addressSet: AddressSet;
  /** What a set holds, in any order; undefined when there is none. */
  members(name: string): Promise<readonly Endpoint[] | undefined>;
  /** What a replacement that was killed half-way leaves behind. */
  leaveHalfReplaced(name: string, built: readonly Endpoint[]): Promise<void>;
  /** Somebody else empties or deletes the set. */
  flush(name: string): Promise<void>;
  destroy(name: string): Promise<void>;
  /** Makes a rule that uses the set, so that it cannot be deleted. */
  useInRule(name: string): Promise<void>;
}

const NAME = 'minuteman';
const LONGEST = 'a-set-with-a-name-of-31-letters';
const VIPS = [vip(0, 1), vip(0, 5000), vip(1, 80), vip(1, 5000), vip(2, 65_535), vip(3, 443)];

export const addressSetCases: readonly Case<AddressSetSubject>[] = [
  {
    title: 'a set that does not stand has no size, and cannot be edited',
    run: async ({ addressSet }) => {
      assert.equal(addressSet.size(NAME), undefined);
      const result = await edit(addressSet, NAME, VIPS, []);
      assert.equal(result.ok, false);
      assert.equal(!result.ok && result.code, 'ENOENT');
      assert.equal(addressSet.size(NAME), undefined);
    },
  },
  {
    title: 'replacing makes a missing set, with exactly the VIPs given',
    run: async (subject) => {
      await replaced(subject, NAME, VIPS);
    },
  },
  {
    title: 'replacing drops what is not given, and a VIP given twice is there once',
    run: async (subject) => {
      await replaced(subject, NAME, VIPS);
      await replaced(subject, NAME, [...VIPS.slice(1), vip(9, 9), vip(9, 9)]);
    },
  },
  {
    title: 'replacing with nothing leaves a set that stands, empty',
    run: async (subject) => {
      await replaced(subject, NAME, VIPS);
      await replaced(subject, NAME, []);
      assert.equal(subject.addressSet.size(NAME), 0);
    },
  },
  {
    title: 'replacing works where an interrupted replacement left its work behind',
    run: async (subject) => {
      await replaced(subject, NAME, VIPS);
      await subject.leaveHalfReplaced(NAME, [vip(7, 7)]);
      await replaced(subject, NAME, VIPS.slice(2));
      await subject.leaveHalfReplaced(NAME, [vip(7, 7)]);
      await subject.destroy(NAME);
      await replaced(subject, NAME, VIPS);
    },
  },
  {
    title: 'replacing works while a rule uses the set',
    run: async (subject) => {
      await replaced(subject, NAME, VIPS);
      await subject.useInRule(NAME);
      await replaced(subject, NAME, VIPS.slice(3));
    },
  },
  {
    title: 'a set that somebody emptied or deleted is seen and replaced',
    run: async (subject) => {
      await replaced(subject, NAME, VIPS);
      await subject.flush(NAME);
      assert.equal(subject.addressSet.size(NAME), 0);
      await replaced(subject, NAME, VIPS);
      await subject.destroy(NAME);
      assert.equal(subject.addressSet.size(NAME), undefined);
      await replaced(subject, NAME, VIPS);
    },
  },
  {
    title: 'editing adds and removes; what is there already or gone already is no error',
    run: async (subject) => {
      await replaced(subject, NAME, VIPS);
      assert.deepEqual(
        await edit(subject.addressSet, NAME, [vip(5, 5), VIPS[2]!], [VIPS[0]!, vip(6, 6)]),
        ok,
      );
      assert.deepEqual(sorted(await subject.members(NAME)), sorted([...VIPS.slice(1), vip(5, 5)]));
      assert.deepEqual(await edit(subject.addressSet, NAME, [], []), ok);
      assert.equal(subject.addressSet.size(NAME), VIPS.length);
    },
  },
  {
    title: 'a set of 10,000 VIPs, and then one of 70,000',
    run: async (subject) => {
      await replaced(subject, NAME, many(10_000));
      await replaced(subject, NAME, many(70_000));
      assert.deepEqual(await edit(subject.addressSet, NAME, many(75_000).slice(70_000), []), ok);
      assert.equal(subject.addressSet.size(NAME), 75_000);
      await replaced(subject, NAME, VIPS);
    },
  },
  {
    title: 'names as long as the kernel takes them, alike but for their last letter',
    run: async (subject) => {
      const other = `${LONGEST.slice(0, -1)}z`;
      await replaced(subject, LONGEST, VIPS);
      await replaced(subject, other, VIPS.slice(1));
      await subject.leaveHalfReplaced(LONGEST, [vip(7, 7)]);
      await replaced(subject, other, VIPS.slice(2));
      await replaced(subject, LONGEST, VIPS.slice(3));
      assert.equal(subject.addressSet.size(other), VIPS.length - 2);
    },
  },
  {
    title: 'names that no set can have are refused before anything is done',
    run: async ({ addressSet }) => {
      for (const name of ['', `${LONGEST}x`, '-exist', 'two words', 'two\nlines']) {
        const result = await replace(addressSet, name, VIPS);
        assert.equal(!result.ok && result.code, 'EINVAL', JSON.stringify(name));
        assert.equal(addressSet.size(name), undefined);
      }
    },
  },
  {
    title:
      'deleting takes the set and what an interrupted replacement left; where there is none it is no error',
    run: async (subject) => {
      assert.deepEqual(await destroy(subject.addressSet, NAME), ok);
      await replaced(subject, NAME, VIPS);
      await subject.leaveHalfReplaced(NAME, [vip(7, 7)]);
      assert.deepEqual(await destroy(subject.addressSet, NAME), ok);
      assert.equal(subject.addressSet.size(NAME), undefined);
      assert.equal(await subject.members(NAME), undefined);
    },
  },
  {
    title: 'a set that a rule uses cannot be deleted, and keeps its VIPs',
    run: async (subject) => {
      await replaced(subject, NAME, VIPS);
      await subject.useInRule(NAME);
      const result = await destroy(subject.addressSet, NAME);
      assert.equal(!result.ok && result.code, 'EINUSE');
      assert.equal(subject.addressSet.size(NAME), VIPS.length);
    },
  },
];

const ok = { ok: true, value: undefined };

function vip(host: number, port: number): Endpoint {
  return endpoint(0x0a010203 + host, port);
}

function many(count: number): Endpoint[] {
  return Array.from({ length: count }, (_, i) => vip(i >> 2, 5000 + (i & 3)));
}

function sorted(vips: readonly Endpoint[] | undefined): Endpoint[] | undefined {
  return vips === undefined ? undefined : [...new Set(vips)].sort((a, b) => a - b);
}

function replace(set: AddressSet, name: string, vips: readonly Endpoint[]): Promise<FirewallResult<void>> {
  return answerOf((done) => set.replace(name, vips, done));
}

function edit(
  set: AddressSet,
  name: string,
  added: readonly Endpoint[],
  removed: readonly Endpoint[],
): Promise<FirewallResult<void>> {
  return answerOf((done) => set.edit(name, added, removed, done));
}

function destroy(set: AddressSet, name: string): Promise<FirewallResult<void>> {
  return answerOf((done) => set.destroy(name, done));
}

async function replaced(subject: AddressSetSubject, name: string, vips: readonly Endpoint[]): Promise<void> {
  assert.deepEqual(await replace(subject.addressSet, name, vips), ok);
  assert.deepEqual(sorted(await subject.members(name)), sorted(vips));
  assert.equal(subject.addressSet.size(name), new Set(vips).size);
}
