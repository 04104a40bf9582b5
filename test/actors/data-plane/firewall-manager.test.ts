import test from 'ava';
import {
  type FirewallManagerMessage,
  firewallManager,
} from '../../../src/actors/data-plane/firewall-manager.js';
import { Readiness } from '../../../src/core/readiness.js';
import { Telemetry } from '../../../src/core/telemetry.js';
import { MemoryAddressSet } from '../../support/memory-kernel/address-set.js';
import { ALL_RULES, MemoryFirewall } from '../../support/memory-kernel/firewall.js';
import { TOOL_MS } from '../../support/memory-kernel/one-call.js';
import { Stage } from '../../support/stage.js';

const PLAN = { ipset: 'minuteman', firstQueue: 50, queues: 2 };

class RulesStage extends Stage<FirewallManagerMessage> {
  readonly set = new MemoryAddressSet(this.time);
  readonly firewall = new MemoryFirewall(this.time, this.set);
  readonly readiness = new Readiness({ rules: 'not yet' }, () => {});
  readonly telemetry = new Telemetry();
  readonly plan = PLAN;

  async start(): Promise<this> {
    await this.play(firewallManager(this));
    return this;
  }

  async stand(): Promise<this> {
    await this.start();
    this.set.sets.set(PLAN.ipset, new Set());
    await this.send({ kind: 'set-ready' });
    await this.pass(3_000);
    return this;
  }

  get complete(): boolean {
    return this.firewall.rules.size === ALL_RULES.length;
  }
}

test('no rules before the set stands that they look into', async (t) => {
  const stage = await new RulesStage().start();
  await stage.pass(10_000);
  t.deepEqual([stage.firewall.rules.size, stage.readiness.reasons().length], [0, 1]);
  stage.set.sets.set(PLAN.ipset, new Set());
  await stage.send({ kind: 'set-ready' });
  await stage.pass(TOOL_MS);
  t.deepEqual([stage.complete, stage.readiness.reasons().length], [true, 0]);
  // Making them the first time is no restoration.
  t.is(stage.log.named('rules-restored').length, 0);
});

test('nobody needs to say that the set stands: it is seen within a second', async (t) => {
  const stage = await new RulesStage().start();
  await stage.pass(500);
  stage.set.sets.set(PLAN.ipset, new Set());
  await stage.pass(1_000);
  t.true(stage.complete);
});

test('while nobody changes anything the rules are inspected once a minute, and the heart beats every second', async (t) => {
  const stage = await new RulesStage().stand();
  const before = stage.firewall.port.calls;
  for (let second = 0; second < 600; second += 1) {
    await stage.pass(1_000);
    t.true(stage.time.nowMs() - stage.firewall.lastBeatMs! <= 1_000);
  }
  t.is(stage.firewall.port.calls - before, 10);
});

for (const rules of [ALL_RULES, ...ALL_RULES.map((rule) => [rule])]) {
  test(`when somebody else takes away ${rules.join(', ')}, it is back within 2 s, and operators know`, async (t) => {
    const stage = await new RulesStage().stand();
    stage.firewall.flush(...rules);
    await stage.pass(2_000);
    t.true(stage.complete);
    t.deepEqual(
      stage.log.named('rules-restored').map(({ fields }) => fields.what),
      [rules.join(', ')],
    );
    t.is(stage.telemetry.rulesRestored, 1);
  });
}

test('rules taken away at the very moment they were inspected are back within 2 s all the same', async (t) => {
  const stage = await new RulesStage().start();
  stage.set.sets.set(PLAN.ipset, new Set());
  await stage.send({ kind: 'set-ready' });
  await stage.pass(TOOL_MS);
  // Right after ours, before anybody reads a fingerprint.
  stage.firewall.flush();
  await stage.pass(2_000);
  t.true(stage.complete);
});

test('what others do to their own rules costs an inspection and nothing else', async (t) => {
  const stage = await new RulesStage().stand();
  const before = stage.firewall.port.calls;
  stage.firewall.touch();
  await stage.pass(10_000);
  t.is(stage.firewall.port.calls - before, 1);
  t.is(stage.log.named('rules-restored').length, 0);
});

test('when the set comes back that others destroyed with the rules, these follow it at once', async (t) => {
  const stage = await new RulesStage().stand();
  stage.firewall.flush();
  await stage.send({ kind: 'set-ready' });
  await stage.pass(TOOL_MS);
  t.true(stage.complete);
});

test('when there is nothing left to beat for, the rules are made again', async (t) => {
  const stage = await new RulesStage().stand();
  stage.firewall.beatable = false;
  await stage.pass(2_000);
  t.true(stage.firewall.beatable);
});

test('a refusal is tried again every second, told once, and its end shows', async (t) => {
  const stage = await new RulesStage().start();
  stage.firewall.port.failing = 'not permitted';
  stage.set.sets.set(PLAN.ipset, new Set());
  await stage.pass(10_500);
  t.is(stage.firewall.port.calls, 10);
  t.deepEqual(stage.readiness.reasons(), ['not permitted']);
  t.is(stage.log.named('firewall-error').length, 1);
  stage.firewall.port.failing = undefined;
  await stage.pass(1_000);
  t.deepEqual([stage.complete, stage.readiness.reasons().length], [true, 0]);
});

test('a crash at any moment leaves the rules standing, one call at a time, and restorations told', async (t) => {
  const stage = await new RulesStage().start();
  stage.set.sets.set(PLAN.ipset, new Set());
  await stage.crashAt({ kind: 'set-ready' });
  await stage.pass(1_000);
  await stage.crashAt({ kind: 'check' });
  await stage.send({ kind: 'set-ready' });
  await stage.pass(1_000 + TOOL_MS);
  t.true(stage.complete);
  stage.firewall.flush();
  await stage.crashAt({ kind: 'set-ready' });
  await stage.pass(2_000);
  t.true(stage.complete);
  t.deepEqual([stage.firewall.port.overlaps, stage.log.named('rules-restored').length], [0, 1]);
});

for (const keepHooks of [true, false]) {
  test(`withdrawn, the rules go ${keepHooks ? 'but for the hooks' : 'with the hooks'} and stay away`, async (t) => {
    const stage = await new RulesStage().stand();
    stage.firewall.touch();
    // A call is under way when the withdrawal comes.
    await stage.send({ kind: 'check' });
    let done = 0;
    await stage.send({
      kind: 'withdraw',
      keepHooks,
      done: () => {
        done += 1;
      },
    });
    await stage.pass(2 * TOOL_MS);
    t.deepEqual([...stage.firewall.rules], keepHooks ? ['nat hooks'] : []);
    await stage.crashAt({ kind: 'set-ready' });
    await stage.send({ kind: 'set-ready' });
    await stage.pass(10_000);
    t.deepEqual([...stage.firewall.rules], keepHooks ? ['nat hooks'] : []);
    t.deepEqual([done, stage.firewall.port.overlaps], [1, 0]);
  });
}

test('rules that cannot be withdrawn are told of, and hold nobody up', async (t) => {
  const stage = await new RulesStage().stand();
  stage.firewall.port.failing = 'not permitted';
  let done = 0;
  await stage.send({
    kind: 'withdraw',
    keepHooks: false,
    done: () => {
      done += 1;
    },
  });
  await stage.pass(TOOL_MS);
  t.deepEqual([done, stage.log.named('firewall-error').length], [1, 1]);
});
