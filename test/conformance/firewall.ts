import assert from 'node:assert/strict';
import { endpoint } from '../../src/core/endpoint.js';
import type { AddressSet } from '../../src/ports/address-set.js';
import type { Firewall, FirewallPlan, FirewallResult, RuleName } from '../../src/ports/firewall.js';
import { answerOf, type Case } from './case.js';

/** A host without rules or sets, and what others do there. */
export interface FirewallSubject {
  readonly firewall: Firewall;
  readonly addressSet: AddressSet;
  /** The rules of ours that stand, in any order, each as often as it stands. */
  standing(): Promise<readonly RuleName[]>;
  /** Somebody else's rules that stand. */
  foreign(): Promise<number>;
  /** Somebody empties a table, with all that others have in it. */
  flush(table: 'raw' | 'filter' | 'nat'): Promise<void>;
  /** Somebody loads the rules that stand once more, so that each of ours stands twice. */
  duplicate(): Promise<void>;
  /** Somebody puts a rule that lets everything pass first into filter/OUTPUT and filter/FORWARD. */
  insertForeign(): Promise<void>;
  destroySets(): Promise<void>;
}

const PLAN: FirewallPlan = { ipset: 'minuteman', firstQueue: 50, queues: 2 };
const ALL: readonly RuleName[] = [
  'nat hooks',
  'answers/INPUT',
  'answers/FORWARD',
  'answers/OUTPUT',
  'filter/OUTPUT',
  'filter/FORWARD',
  'raw/OUTPUT',
  'raw/PREROUTING',
];

export const firewallCases: readonly Case<FirewallSubject>[] = [
  {
    title: 'on a bare host every rule is missing, and stands once afterwards',
    run: async (subject) => {
      await ensured(subject, PLAN, ALL);
      assert.equal(await subject.foreign(), 0);
    },
  },
  {
    title: 'where all rules stand nothing is done and the fingerprint stays',
    run: async (subject) => {
      await ensured(subject, PLAN, ALL);
      const fingerprint = subject.firewall.fingerprint();
      await ensured(subject, PLAN, []);
      await ensured(subject, PLAN, []);
      assert.equal(subject.firewall.fingerprint(), fingerprint);
    },
  },
  ...(['raw', 'filter', 'nat'] as const).map((table) => ({
    title: `somebody flushes ${table}: the fingerprint changes, and those rules are put back`,
    run: async (subject: FirewallSubject) => {
      await ensured(subject, PLAN, ALL);
      const fingerprint = subject.firewall.fingerprint();
      await subject.flush(table);
      assert.notEqual(subject.firewall.fingerprint(), fingerprint);
      await ensured(
        subject,
        PLAN,
        ALL.filter((name) => name.startsWith(table) || (table === 'filter' && name.startsWith('answers'))),
      );
    },
  })),
  {
    title: 'rules that stand twice are brought down to one',
    run: async (subject) => {
      await ensured(subject, PLAN, ALL);
      await subject.duplicate();
      assert.equal((await subject.standing()).length, 2 * ALL.length);
      await ensured(subject, PLAN, ALL);
      await subject.duplicate();
      await subject.duplicate();
      await ensured(subject, PLAN, ALL);
    },
  },
  {
    title: 'rules for other queues are replaced, those that no queue concerns stay',
    run: async (subject) => {
      await ensured(subject, { ...PLAN, queues: 1 }, ALL);
      await ensured(subject, PLAN, ['raw/OUTPUT', 'raw/PREROUTING']);
      await ensured(
        subject,
        { ...PLAN, firstQueue: 7 },
        ALL.filter((name) => /raw|answers/.test(name)),
      );
    },
  },
  {
    title: 'rules for another set are replaced',
    run: async (subject) => {
      await ensured(subject, PLAN, ALL);
      const renamed = { ...PLAN, ipset: 'a-set-with-a-name-of-31-letters' };
      await ensured(
        subject,
        renamed,
        ALL.filter((name) => /raw|filter/.test(name)),
      );
      await ensured(subject, renamed, []);
    },
  },
  {
    title: "others' rules stay, also before ours",
    run: async (subject) => {
      await ensured(subject, PLAN, ALL);
      await subject.insertForeign();
      await ensured(subject, PLAN, []);
      await removed(subject, PLAN, false);
      assert.equal(await subject.foreign(), 2);
      await ensured(subject, PLAN, ALL);
      assert.equal(await subject.foreign(), 2);
    },
  },
  {
    title: 'removing takes all rules away; what established connections need stays if told so',
    run: async (subject) => {
      await ensured(subject, PLAN, ALL);
      await removed(subject, PLAN, true);
      assert.deepEqual(await subject.standing(), ['nat hooks']);
      await removed(subject, PLAN, true);
      await removed(subject, PLAN, false);
      assert.deepEqual(await subject.standing(), []);
      await removed(subject, PLAN, false);
      await ensured(subject, PLAN, ALL);
    },
  },
  {
    title: 'removing takes duplicates and rules of another plan away too',
    run: async (subject) => {
      await ensured(subject, PLAN, ALL);
      await subject.duplicate();
      await removed(subject, { ipset: 'another', firstQueue: 1, queues: 1 }, false);
      assert.deepEqual(await subject.standing(), []);
    },
  },
  {
    title: 'the set may be missing: it is made, empty, and one that stands keeps its VIPs',
    run: async (subject) => {
      await ensured(subject, PLAN, ALL);
      assert.equal(subject.addressSet.size(PLAN.ipset), 0);
      const vips = [endpoint(0x0a010203, 5000)];
      assert.equal((await replace(subject, vips)).ok, true);
      await ensured(subject, PLAN, []);
      assert.equal(subject.addressSet.size(PLAN.ipset), 1);
    },
  },
  {
    title: 'everything flushed and the sets deleted: all stands again, and the VIPs can come back',
    run: async (subject) => {
      await ensured(subject, PLAN, ALL);
      for (const table of ['raw', 'filter', 'nat'] as const) await subject.flush(table);
      await subject.destroySets();
      assert.equal(subject.firewall.heartbeat(PLAN), false);
      await ensured(subject, PLAN, ALL);
      assert.equal(subject.firewall.heartbeat(PLAN), true);
      assert.equal((await replace(subject, [endpoint(0x0a010203, 5000)])).ok, true);
      assert.equal(subject.addressSet.size(PLAN.ipset), 1);
    },
  },
  {
    title: 'the set can be deleted once the rules are removed, and not before',
    run: async (subject) => {
      await ensured(subject, PLAN, ALL);
      assert.equal((await destroySet(subject)).ok, false);
      await removed(subject, PLAN, true);
      assert.deepEqual(await destroySet(subject), { ok: true, value: undefined });
    },
  },
  {
    title: 'the heart beats where the rules stand, also after the VIPs were replaced, and nowhere else',
    run: async (subject) => {
      assert.equal(subject.firewall.heartbeat(PLAN), false);
      await ensured(subject, PLAN, ALL);
      assert.equal(subject.firewall.heartbeat(PLAN), true);
      assert.equal((await replace(subject, [endpoint(0x0a010203, 5000)])).ok, true);
      assert.equal(subject.firewall.heartbeat(PLAN), true);
      await removed(subject, PLAN, false);
      assert.equal(subject.firewall.heartbeat(PLAN), false);
    },
  },
  {
    title: 'removing leaves only the VIPs, also where they were those of another plan',
    run: async (subject) => {
      await ensured(subject, PLAN, ALL);
      await removed(subject, { ...PLAN, ipset: 'another' }, false);
      assert.equal(subject.firewall.heartbeat(PLAN), false);
      assert.deepEqual(await destroySet(subject), { ok: true, value: undefined });
      await subject.destroySets();
    },
  },
  {
    title: 'a name that no set can have is refused before anything is done',
    run: async (subject) => {
      for (const ipset of ['', 'x'.repeat(32), 'two words', '--flush']) {
        const result = await ensure(subject, { ...PLAN, ipset });
        assert.equal(!result.ok && result.code, 'EINVAL', JSON.stringify(ipset));
      }
      assert.deepEqual(await subject.standing(), []);
    },
  },
];

function ensure(subject: FirewallSubject, plan: FirewallPlan): Promise<FirewallResult<readonly RuleName[]>> {
  return answerOf((done) => subject.firewall.ensure(plan, done));
}

/** Ensures, expects `wrong` to have been put right, and that all rules stand once. */
async function ensured(
  subject: FirewallSubject,
  plan: FirewallPlan,
  wrong: readonly RuleName[],
): Promise<void> {
  const result = await ensure(subject, plan);
  assert.deepEqual(result.ok ? [...result.value].sort() : result, [...wrong].sort());
  assert.deepEqual([...(await subject.standing())].sort(), [...ALL].sort());
}

async function removed(subject: FirewallSubject, plan: FirewallPlan, keepHooks: boolean): Promise<void> {
  const result = await answerOf<FirewallResult<void>>((done) =>
    subject.firewall.remove(plan, keepHooks, done),
  );
  assert.deepEqual(result, { ok: true, value: undefined });
}

function replace(
  subject: FirewallSubject,
  vips: Parameters<AddressSet['replace']>[1],
): Promise<FirewallResult<void>> {
  return answerOf((done) => subject.addressSet.replace(PLAN.ipset, vips, done));
}

function destroySet(subject: FirewallSubject): Promise<FirewallResult<void>> {
  return answerOf((done) => subject.addressSet.destroy(PLAN.ipset, done));
}
