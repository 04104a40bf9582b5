import assert from 'node:assert/strict';
import { addressOf, parseAddress } from '../../src/core/endpoint.js';
import { type Case, until } from './stage.js';

/** What any `Routes` must do. */
export const ROUTES_CASES: readonly Case[] = [
  {
    name: 'an address of this host is local, its own source, as is loopback',
    run: async ({ routes, address }) => {
      assert.deepEqual(
        { ...routes.lookup(address), outInterface: 0 },
        { local: true, outInterface: 0, source: address },
      );
      const loopback = parseAddress('127.0.0.1')!;
      assert.equal(routes.lookup(loopback)?.local, true);
      assert.equal(routes.lookup(loopback)?.source, loopback);
    },
  },
  {
    name: 'the way elsewhere names its interface and the source address of it',
    run: async ({ routes, address, silent }) => {
      const route = routes.lookup(addressOf(silent));
      assert.equal(route?.local, false);
      assert.equal(route?.source, address);
      assert.ok(route.outInterface > 0);
    },
  },
  {
    name: 'where no route leads the answer is undefined',
    run: async ({ routes, unroutable }) => {
      assert.equal(routes.lookup(unroutable), undefined);
    },
  },
  {
    name: 'a change is told, and the next answer knows it',
    run: async (stage) => {
      const { routes } = stage;
      const fresh = parseAddress('10.250.0.1')!;
      assert.notEqual(routes.lookup(fresh)?.local, true);
      let changes = 0;
      routes.onChange(() => {
        changes += 1;
      });
      for (const present of [true, false]) {
        const before = changes;
        await stage.setAddress(fresh, present);
        await until(stage, 'the change was told', () => changes > before);
        assert.equal(routes.lookup(fresh)?.local === true, present);
      }
    },
  },
];
