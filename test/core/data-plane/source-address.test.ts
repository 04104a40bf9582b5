import test from 'ava';
import fc from 'fast-check';
import {
  inNetwork,
  type Network,
  type Route,
  sourceTowards,
  withinReach,
} from '../../../src/core/data-plane/source-address.js';
import { formatAddress, parseAddress } from '../../../src/core/endpoint.js';

const address = (text: string): number => parseAddress(text)!;
const network = (text: string): Network => {
  const [base, length] = text.split('/');
  return { base: address(base!), prefixLength: Number(length) };
};

const remote: Route = { local: false, outInterface: 2, source: address('10.0.0.1') };
const own: Route = { local: true, outInterface: 1, source: address('10.0.0.1') };
const LOCAL = 0;

const cases: readonly {
  what: string;
  client: string;
  from: number;
  route: Route | undefined;
  masquerade?: string;
  sees: string | 'the client';
}[] = [
  {
    what: 'a client on this host whose address that route prefers, backend elsewhere',
    client: '10.0.0.1',
    from: LOCAL,
    route: remote,
    sees: 'the client',
  },
  {
    what: 'a client on this host that chose another of its addresses by the route to the VIP',
    client: '192.168.7.1',
    from: LOCAL,
    route: remote,
    sees: '10.0.0.1',
  },
  {
    what: 'client and backend both on this host',
    client: '192.168.7.1',
    from: LOCAL,
    route: own,
    sees: '10.0.0.1',
  },
  {
    what: 'client and backend both on this host, same address',
    client: '10.0.0.1',
    from: LOCAL,
    route: own,
    sees: 'the client',
  },
  {
    what: 'a client elsewhere, backend on this host',
    client: '10.0.0.9',
    from: 2,
    route: own,
    sees: 'the client',
  },
  {
    what: 'a client elsewhere, backend beyond another interface',
    client: '172.17.0.4',
    from: 5,
    route: remote,
    sees: 'the client',
  },
  {
    what: 'neighbours: the packet leaves by the interface it came in by',
    client: '10.0.0.9',
    from: 2,
    route: remote,
    sees: '10.0.0.1',
  },
  {
    what: 'a client in a network that only this host knows',
    client: '172.17.0.4',
    from: 5,
    route: remote,
    masquerade: '172.17.0.0/16',
    sees: '10.0.0.1',
  },
  {
    what: 'a client in such a network, backend on this host',
    client: '172.17.0.4',
    from: 5,
    route: own,
    masquerade: '172.17.0.0/16',
    sees: 'the client',
  },
  {
    what: 'a client outside of such a network',
    client: '172.18.0.4',
    from: 5,
    route: remote,
    masquerade: '172.17.0.0/16',
    sees: 'the client',
  },
  { what: 'no route at all', client: '10.0.0.1', from: LOCAL, route: undefined, sees: 'the client' },
];

for (const { what, client, from, route, masquerade, sees } of cases) {
  test(`${what}: the backend sees ${sees}`, (t) => {
    const source = sourceTowards(address(client), from, route, masquerade ? [network(masquerade)] : []);
    t.is(source === undefined ? 'the client' : formatAddress(source), sees);
  });
}

test('an address is in a network when the bits under its mask agree', (t) => {
  const any = fc.integer({ min: 0, max: 0xffffffff });
  fc.assert(
    fc.property(any, any, fc.integer({ min: 0, max: 32 }), (a, base, prefixLength) => {
      const mask = prefixLength === 0 ? 0n : (0xffffffffn << BigInt(32 - prefixLength)) & 0xffffffffn;
      t.is(inNetwork(a, { base, prefixLength }), (BigInt(a) & mask) === (BigInt(base) & mask));
    }),
  );
});

for (const [backend, from, reached] of [
  ['10.0.0.2', LOCAL, true],
  ['10.0.0.2', 2, true],
  ['127.0.0.1', LOCAL, true],
  ['127.0.0.1', 2, false],
  ['127.9.9.9', 5, false],
  ['128.0.0.1', 5, true],
] as const) {
  const who = from === LOCAL ? 'a client on this host' : 'a client elsewhere';
  test(`${who} ${reached ? 'can' : 'cannot'} be led to a backend at ${backend}`, (t) => {
    t.is(withinReach(address(backend), from), reached);
  });
}
