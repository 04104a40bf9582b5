import test from 'ava';
import type { FirewallManagerMessage } from '../../../src/actors/data-plane/firewall-manager.js';
import { type IpsetManagerMessage, ipsetManager } from '../../../src/actors/data-plane/ipset-manager.js';
import type { VipTableMessage } from '../../../src/actors/vips/vip-table.js';
import { type Endpoint, formatEndpoint } from '../../../src/core/endpoint.js';
import { Readiness } from '../../../src/core/readiness.js';
import { Telemetry } from '../../../src/core/telemetry.js';
import { at } from '../../support/endpoints.js';
import { MemoryAddressSet } from '../../support/memory-kernel/address-set.js';
import { TOOL_MS } from '../../support/memory-kernel/one-call.js';
import { Inbox, Stage } from '../../support/stage.js';

const NAME = 'minuteman';

class SetStage extends Stage<IpsetManagerMessage> {
  readonly set = new MemoryAddressSet(this.time);
  readonly table = new Inbox<VipTableMessage>();
  readonly firewall = new Inbox<FirewallManagerMessage>();
  readonly readiness = new Readiness({ ipset: 'not yet' }, () => {});
  readonly telemetry = new Telemetry();

  async start(): Promise<this> {
    await this.play(ipsetManager({ ...this, name: NAME }));
    return this;
  }

  /** An earlier daemon left these. */
  left(...vips: readonly string[]): this {
    this.set.sets.set(NAME, new Set(vips.map(at)));
    return this;
  }

  message(
    upserts: readonly string[],
    options: { removed?: readonly string[]; reset?: boolean; complete?: boolean } = {},
  ): IpsetManagerMessage {
    const { removed = [], reset = false, complete = true } = options;
    const backends: ReadonlySet<Endpoint> = new Set();
    const delta = { upserts: new Map(upserts.map((vip) => [at(vip), backends])), removed: removed.map(at) };
    return { kind: 'vips', reset, delta, complete };
  }

  holds(): string[] | undefined {
    const vips = this.set.sets.get(NAME);
    return vips && [...vips].map(formatEndpoint).sort();
  }

  journal(): string {
    return this.set.journal.splice(0).join(', ');
  }
}

const A = '10.1.0.1:80';
const B = '10.1.0.2:80';
const C = '10.1.0.3:80';

test('before the table has spoken nothing is written, whatever was left', async (t) => {
  const stage = await new SetStage().left(A).start();
  await stage.pass(10_000);
  t.is(stage.journal(), '');
  t.deepEqual(stage.holds(), [A]);
  t.deepEqual(
    stage.table.messages.map(({ kind }) => kind),
    ['send-all'],
  );
});

test('a set that is missing is made, even an empty one, and then the rules may look into it', async (t) => {
  const stage = await new SetStage().start();
  await stage.send(stage.message([], { reset: true }));
  t.is(stage.readiness.reasons().length, 1);
  await stage.pass(TOOL_MS);
  t.is(stage.journal(), 'replace 0');
  t.deepEqual(stage.firewall.messages, [{ kind: 'set-ready' }]);
  t.deepEqual(stage.readiness.reasons(), []);
});

test('a set that was left is exchanged whole, when every source has been read', async (t) => {
  const stage = await new SetStage().left(A, B).start();
  await stage.send(stage.message([B, C], { reset: true }));
  await stage.pass(TOOL_MS);
  t.is(stage.journal(), 'replace 2');
  t.deepEqual(stage.holds(), [B, C]);
});

test('while a source was never read well the set only grows; then it is exchanged', async (t) => {
  const stage = await new SetStage().left(A).start();
  await stage.send(stage.message([B], { reset: true, complete: false }));
  await stage.pass(TOOL_MS);
  t.is(stage.journal(), 'edit +1 -0');
  await stage.send(stage.message([C], { removed: [B], complete: false }));
  await stage.pass(TOOL_MS);
  t.is(stage.journal(), 'edit +1 -0');
  t.deepEqual(stage.holds(), [A, B, C]);
  // More than is written is no damage then.
  await stage.pass(10_000);
  t.is(stage.journal(), '');
  await stage.send(stage.message([], { complete: true }));
  await stage.pass(TOOL_MS);
  t.is(stage.journal(), 'replace 1');
  t.deepEqual(stage.holds(), [C]);
  await stage.pass(10_000);
  t.deepEqual([stage.journal(), stage.telemetry.setRestored], ['', 0]);
});

test('that the table became complete while a writing was under way is not forgotten', async (t) => {
  const stage = await new SetStage().left(A).start();
  await stage.send(stage.message([B], { reset: true, complete: false }));
  await stage.send(stage.message([], { complete: true }));
  await stage.pass(2 * TOOL_MS);
  t.is(stage.journal(), 'edit +1 -0, replace 1');
  t.deepEqual(stage.holds(), [B]);
});

test('a few changes are edits, many are an exchange', async (t) => {
  const stage = await new SetStage().start();
  await stage.send(stage.message([A, B], { reset: true }));
  await stage.pass(TOOL_MS);
  await stage.send(stage.message([C], { removed: [A] }));
  await stage.pass(TOOL_MS);
  await stage.send(stage.message(Array.from({ length: 1_001 }, (_, n) => `10.3.0.1:${n + 1}`)));
  await stage.pass(TOOL_MS);
  t.is(stage.journal(), 'replace 2, edit +1 -1, replace 1003');
  t.is(stage.holds()?.length, 1_003);
});

test('what changes during a writing is written after it, in one go', async (t) => {
  const stage = await new SetStage().start();
  await stage.send(stage.message([A], { reset: true }));
  await stage.send(stage.message([B]), stage.message([C]), stage.message([], { removed: [A] }));
  await stage.pass(2 * TOOL_MS);
  t.is(stage.journal(), 'replace 1, edit +2 -1');
  t.deepEqual([stage.holds(), stage.set.port.overlaps], [[B, C], 0]);
});

test('other backends of a VIP are no news to the set', async (t) => {
  const stage = await new SetStage().start();
  await stage.send(stage.message([A], { reset: true }));
  await stage.pass(TOOL_MS);
  await stage.send(stage.message([A]));
  await stage.pass(TOOL_MS);
  t.is(stage.journal(), 'replace 1');
});

const damages: readonly {
  what: string;
  damage: (set: Set<Endpoint> | undefined, stage: SetStage) => void;
}[] = [
  { what: 'destroys it', damage: (_set, stage) => stage.set.sets.delete(NAME) },
  { what: 'takes an entry out', damage: (set) => set?.delete(at(A)) },
  { what: 'puts an entry in', damage: (set) => set?.add(at(C)) },
];
for (const { what, damage } of damages) {
  test(`when somebody else ${what}, the set is as it was within 2 s, and operators know`, async (t) => {
    const stage = await new SetStage().start();
    await stage.send(stage.message([A, B], { reset: true }));
    await stage.pass(3_000);
    damage(stage.set.sets.get(NAME), stage);
    await stage.pass(2_000);
    t.deepEqual(stage.holds(), [A, B]);
    t.is(stage.log.named('rules-restored').length, 1);
    t.is(stage.telemetry.setRestored, 1);
    t.is(stage.firewall.messages.length, 2);
  });
}

test('an exchange of entries, which its size does not show, is undone within 5 minutes or so', async (t) => {
  const stage = await new SetStage().start();
  await stage.send(stage.message([A, B], { reset: true }));
  await stage.pass(3_000);
  stage.set.sets.set(NAME, new Set([at(A), at(C)]));
  await stage.pass(301_000);
  t.deepEqual(stage.holds(), [A, B]);
});

test('a writing that fails is tried again every second, and told once while the reason is the same', async (t) => {
  const stage = await new SetStage().start();
  stage.set.port.failing = 'no permission';
  await stage.send(stage.message([A], { reset: true }));
  await stage.pass(10_000);
  t.deepEqual(stage.readiness.reasons(), ['no permission']);
  t.is(stage.log.named('ipset-error').length, 1);
  t.is(stage.set.port.calls, 11);
  stage.set.port.failing = undefined;
  await stage.pass(1_100);
  t.deepEqual([stage.holds(), stage.readiness.reasons()], [[A], []]);
});

test('after a crash it learns everything anew, and never has two calls under way', async (t) => {
  const stage = await new SetStage().start();
  await stage.send(stage.message([A], { reset: true }));
  await stage.crashAt(stage.message([B]));
  t.is(stage.table.messages.length, 2);
  await stage.send(stage.message([A, B], { reset: true }));
  await stage.pass(2 * TOOL_MS);
  t.deepEqual([stage.holds(), stage.set.port.overlaps], [[A, B], 0]);
  const before = stage.set.port.calls;
  await stage.pass(250_000);
  t.is(stage.set.port.calls, before);
});

test('withdrawn, the set goes once nothing is under way, and does not come back, also not after a crash', async (t) => {
  const stage = await new SetStage().start();
  let done = 0;
  await stage.send(stage.message([A], { reset: true }));
  await stage.send({
    kind: 'withdraw',
    done: () => {
      done += 1;
    },
  });
  t.is(stage.journal(), 'replace 1');
  await stage.pass(2 * TOOL_MS);
  t.deepEqual([stage.journal(), stage.holds(), done], ['destroy', undefined, 1]);
  await stage.crashAt({ kind: 'check' });
  await stage.send(stage.message([A], { reset: true }));
  await stage.pass(5_000);
  t.deepEqual([stage.holds(), done, stage.set.port.overlaps], [undefined, 1, 0]);
});

test('a set that cannot be withdrawn is told of, and holds nobody up', async (t) => {
  const stage = await new SetStage().start();
  let done = 0;
  stage.set.inUse = () => true;
  await stage.send({
    kind: 'withdraw',
    done: () => {
      done += 1;
    },
  });
  await stage.pass(TOOL_MS);
  t.deepEqual([done, stage.log.named('ipset-error').length], [1, 1]);
});
