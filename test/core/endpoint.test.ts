import test from 'ava';
import fc from 'fast-check';
import {
  addressOf,
  endpoint,
  formatAddress,
  formatEndpoint,
  parseAddress,
  parseEndpoint,
  portOf,
  whyNoBackend,
  whyNoVip,
} from '../../src/core/endpoint.js';
import { anyEndpoint } from '../support/endpoints.js';

test('what is formatted is read back the same, and an endpoint is its address and its port', (t) => {
  fc.assert(
    fc.property(anyEndpoint, (value) => {
      t.is(parseEndpoint(formatEndpoint(value)), value);
      t.is(endpoint(addressOf(value), portOf(value)), value);
      t.is(parseAddress(formatAddress(addressOf(value))), addressOf(value));
    }),
  );
});

test('different endpoints are different numbers that a double holds exactly', (t) => {
  fc.assert(
    fc.property(anyEndpoint, anyEndpoint, (a, b) => {
      t.true(Number.isSafeInteger(a));
      t.is(a === b, formatEndpoint(a) === formatEndpoint(b));
    }),
  );
});

test('any text is an endpoint in its one spelling, or none', (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.:]{1,22}$/)), (text) => {
      const value = parseEndpoint(text);
      t.true(value === undefined || formatEndpoint(value) === text);
    }),
  );
});

const read: readonly { text: string; address: number; port: number }[] = [
  { text: '10.1.2.3:5000', address: 0x0a010203, port: 5000 },
  { text: '0.0.0.0:1', address: 0, port: 1 },
  { text: '255.255.255.255:65535', address: 0xffffffff, port: 65535 },
];
for (const { text, address, port } of read) {
  test(`${text} is an endpoint`, (t) => t.is(parseEndpoint(text), endpoint(address, port)));
}

const noEndpoints = [
  ['10.1.2.3', 'has no port'],
  ['10.1.2.3:', 'has an empty port'],
  ['10.1.2.3:0', 'has port 0'],
  ['10.1.2.3:65536', 'has a port above 65535'],
  ['10.1.2.3:080', 'has a port with a leading zero'],
  ['10.1.2.3:-1', 'has a negative port'],
  ['10.1.2.3:80 ', 'ends in a space'],
  ['10.1.2:80', 'has three octets'],
  ['10.1.2.3.4:80', 'has five octets'],
  ['10.1.2.256:80', 'has an octet above 255'],
  ['10.1.2.03:80', 'has an octet with a leading zero, which some read as octal'],
  ['10.1..3:80', 'has an empty octet'],
  ['0x0a.1.2.3:80', 'has a hexadecimal octet'],
  ['localhost:80', 'is a name'],
  ['[::1]:80', 'is IPv6'],
  ['10.1.2.3:80:90', 'has two ports'],
  ['', 'is empty'],
] as const;
for (const [text, why] of noEndpoints) {
  test(`'${text}' is no endpoint: it ${why}`, (t) => t.is(parseEndpoint(text), undefined));
}

const addresses: readonly { address: string; vip: boolean; backend: boolean }[] = [
  { address: '10.1.2.3', vip: true, backend: true },
  { address: '1.0.0.0', vip: true, backend: true },
  { address: '223.255.255.255', vip: true, backend: true },
  { address: '126.255.255.255', vip: true, backend: true },
  { address: '128.0.0.0', vip: true, backend: true },
  { address: '127.0.0.1', vip: false, backend: true },
  { address: '127.255.255.255', vip: false, backend: true },
  { address: '0.0.0.0', vip: false, backend: false },
  { address: '0.255.255.255', vip: false, backend: false },
  { address: '224.0.0.0', vip: false, backend: false },
  { address: '239.255.255.255', vip: false, backend: false },
  { address: '240.0.0.0', vip: false, backend: false },
  { address: '255.255.255.255', vip: false, backend: false },
];
for (const { address, vip, backend } of addresses) {
  test(`${address} may ${vip ? '' : 'not '}be a VIP and may ${backend ? '' : 'not '}be a backend`, (t) => {
    const value = parseAddress(address)!;
    t.is(whyNoVip(value) === undefined, vip);
    t.is(whyNoBackend(value) === undefined, backend);
  });
}
