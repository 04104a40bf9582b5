import test from 'ava';
import type { World } from '../../src/ports/world.js';
import { groupBy, spread } from '../support/sampling.js';
import { Scenario } from '../support/scenario.js';

/** Of each kind of call the first are all tried, so that every actor crashes in `init`, and so many of the others. */
const TRIED_FIRST = 10;
const TRIED_LATER = 8;

/**
 * The world, with its synchronous calls counted; the one with number `strikes` throws, before or after it
 * took effect. (Calls that answer later are not among them: what they cannot do, they answer.)
 */
class BrokenWorld {
  readonly calls: string[] = [];
  crashed = false;
  readonly #strikes: number;
  readonly #when: 'before' | 'after';

  constructor(strikes = -1, when: 'before' | 'after' = 'before') {
    this.#strikes = strikes;
    this.#when = when;
  }

  wrap(world: World): World {
    const { kernel } = world;
    if (kernel === undefined) return world;
    const { queues, conntrack, routes, firewall, addressSet } = kernel;
    return {
      ...world,
      timers: this.#broken('timers', world.timers, ['start']),
      sources: world.sources.map(({ source, ...rest }) => ({
        ...rest,
        source: this.#broken('source', source, ['watch']),
      })),
      kernel: {
        queues: {
          open: (number) => {
            const queue = queues.open(number);
            return this.#broken('queue', queue, ['receive', 'verdict', 'outstanding']);
          },
        },
        conntrack: this.#broken('conntrack', conntrack, ['map', 'lookup', 'remove', 'observe', 'usage']),
        routes: this.#broken('routes', routes, ['lookup']),
        firewall: this.#broken('firewall', firewall, ['fingerprint', 'heartbeat']),
        addressSet: this.#broken('set', addressSet, ['size']),
      },
    };
  }

  #broken<T extends object>(name: string, port: T, methods: readonly (keyof T & string)[]): T {
    return new Proxy(port, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key);
        if (typeof value !== 'function') return value;
        const method = value.bind(target) as (...args: unknown[]) => unknown;
        if (!methods.includes(key as keyof T & string)) return method;
        return (...args: unknown[]): unknown => {
          const number = this.calls.length;
          this.calls.push(`${name}.${String(key)}`);
          const strikes = number === this.#strikes;
          if (strikes) this.crashed = true;
          if (strikes && this.#when === 'before') throw new Error('out of order');
          const result = method(...args);
          if (strikes) throw new Error('out of order');
          return result;
        };
      },
    });
  }
}

const peaceful = new BrokenWorld();
const expected = await new Scenario({}, (world) => peaceful.wrap(world)).run();
const calls = groupBy(
  peaceful.calls.map((call, number) => ({ call, number })),
  ({ call }) => call,
);

/** A timer that was started and then refused is the world's own affair. */
function moments(call: string): readonly ('before' | 'after')[] {
  return call === 'timers.start' ? ['before'] : ['before', 'after'];
}

for (const [title, group] of calls) {
  test(`an actor that crashes at ${title}, before or after it took effect, changes nothing in the end`, async (t) => {
    for (const { number } of [
      ...group.slice(0, TRIED_FIRST),
      ...spread(group.slice(TRIED_FIRST), TRIED_LATER),
    ]) {
      for (const when of moments(title)) {
        const broken = new BrokenWorld(number, when);
        const outcome = await new Scenario({}, (world) => broken.wrap(world)).run();
        t.true(broken.crashed);
        t.deepEqual(outcome, expected, `${when} call ${number}`);
      }
    }
  });
}
