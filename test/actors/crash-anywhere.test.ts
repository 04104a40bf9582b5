import test from 'ava';
import type { ActorMonitor } from '../../src/actors/supervision/system.js';
import { groupBy, spread } from '../support/sampling.js';
import { Scenario } from '../support/scenario.js';

/** How many messages of one kind to one actor are tried at most, spread over the run. */
const TRIED_MOST = 8;

interface Handled {
  readonly path: string;
  readonly kind: string;
  /** Which of all messages to the actor it is, from 0. */
  readonly index: number;
}

function kindOf(message: unknown): string {
  return String((message as { readonly kind?: unknown }).kind);
}

interface Target extends Pick<Handled, 'path' | 'index'> {
  readonly when: 'before' | 'after';
}

/** Counts the messages to each actor, and throws at each target once. */
class Saboteur {
  readonly handled: Handled[] = [];
  readonly #counts = new Map<string, number>();
  readonly #targets: Set<Target>;

  constructor(...targets: readonly Target[]) {
    this.#targets = new Set(targets);
  }

  get done(): boolean {
    return this.#targets.size === 0;
  }

  readonly monitor: ActorMonitor = {
    beforeMessage: (path, message) => {
      const index = this.#counts.get(path) ?? 0;
      this.#counts.set(path, index + 1);
      this.handled.push({ path, kind: kindOf(message), index });
      this.#strike(path, index, 'before');
    },
    afterMessage: (path) => {
      this.#strike(path, this.#counts.get(path)! - 1, 'after');
    },
  };

  #strike(path: string, index: number, when: 'before' | 'after'): void {
    for (const target of this.#targets) {
      if (path !== target.path || index !== target.index || when !== target.when) continue;
      this.#targets.delete(target);
      throw new Error('sabotage');
    }
  }
}

const peaceful = new Saboteur();
const expected = await new Scenario(peaceful.monitor).run();

test('without a crash everything is as the script wants it', (t) => {
  t.deepEqual(expected, {
    set: ['10.1.0.1:80', '10.1.0.3:80', '10.1.0.4:80', '10.1.0.5:80'],
    rules: [
      'answers/FORWARD',
      'answers/INPUT',
      'answers/OUTPUT',
      'filter/FORWARD',
      'filter/OUTPUT',
      'nat hooks',
      'raw/OUTPUT',
      'raw/PREROUTING',
    ],
    directory: {
      '10.1.0.1:80': [],
      '10.1.0.3:80': [],
      '10.1.0.4:80': ['10.2.0.2:80'],
      '10.1.0.5:80': ['10.2.0.3:80'],
    },
    healthy: [],
    pending: 0,
    held: 0,
    timers: 5,
    fates: {
      a: 'to X or Y established',
      b: 'to X or Y established',
      c: 'to X or Y established',
      silent: 'to X or Y established',
      short: 'to X or Y established',
      nobody: 'refused',
      other: 'to X or Y established',
      lost: 'refused',
      edited: 'to X or Y established',
      late: 'to 10.2.0.3:80 close',
      gone: 'refused',
      restored: 'to X or Y established',
      unheard: 'to X or Y established',
      emptied: 'refused',
    },
    breaches: [],
  });
});

test('the script makes every actor handle every kind of message that comes without a crash', (t) => {
  const kinds = new Set(
    peaceful.handled.map(({ path, kind }) => `${path.split('/').slice(1, 3).join('/')} ${kind}`),
  );
  for (const kind of [
    'vips/vip-table read',
    'vips/vip-table send-all',
    'vips/sources poll',
    'vips/sources reading',
    'vips/sources changed',
    'data-plane/balancers place',
    'data-plane/balancers retransmitted',
    'data-plane/balancers release',
    'data-plane/balancers observed',
    'data-plane/balancers resynchronise',
    'data-plane/balancers changed',
    'data-plane/balancers expire',
    'data-plane/balancer-manager vips',
    'data-plane/connection-observer events',
    'data-plane/connection-observer lost',
    'data-plane/connection-observer check-usage',
    'data-plane/nfqueue-pool syns',
    'data-plane/nfqueue-pool placed',
    'data-plane/nfqueue-pool placed-again',
    'data-plane/ipset-manager vips',
    'data-plane/ipset-manager written',
    'data-plane/ipset-manager check',
    'data-plane/ipset-manager withdraw',
    'data-plane/firewall-manager set-ready',
    'data-plane/firewall-manager ensured',
    'data-plane/firewall-manager check',
    'data-plane/firewall-manager withdraw',
  ]) {
    t.true(kinds.has(kind), kind);
  }
});

const groups = groupBy(peaceful.handled, ({ path, kind }) => `${path} at '${kind}'`);
for (const [title, handled] of groups) {
  test(`a crash of ${title}, before or after, changes nothing in the end`, async (t) => {
    for (const target of spread(handled, TRIED_MOST)) {
      for (const when of ['before', 'after'] as const) {
        const saboteur = new Saboteur({ ...target, when });
        const outcome = await new Scenario(saboteur.monitor).run();
        t.true(saboteur.done);
        t.deepEqual(outcome, expected, `${when} message ${target.index}`);
      }
    }
  });
}

test('a crash at a deadline, which only the crash of a balancer leads to, changes nothing in the end', async (t) => {
  const asked = peaceful.handled.find(({ path, kind }) => path.includes('/balancers/') && kind === 'place')!;
  const first: Target = { ...asked, when: 'before' };
  const once = new Saboteur(first);
  await new Scenario(once.monitor).run();
  const deadlines = once.handled.filter(({ kind }) => kind === 'deadline');
  t.true(deadlines.length > 0);
  for (const deadline of spread(deadlines, TRIED_MOST)) {
    for (const when of ['before', 'after'] as const) {
      const saboteur = new Saboteur(first, { ...deadline, when });
      const outcome = await new Scenario(saboteur.monitor).run();
      t.true(saboteur.done);
      t.deepEqual(outcome, expected, `${when} message ${deadline.index}`);
    }
  }
});
