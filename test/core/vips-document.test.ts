import test from 'ava';
import { formatEndpoint } from '../../src/core/endpoint.js';
import { readVipsDocument } from '../../src/core/vips-document.js';

type Row = readonly [says: string, document: unknown, is: string];
const ROWS: readonly Row[] = [
  ['no VIPs', { vips: {} }, ''],
  [
    'a VIP with two backends',
    { vips: { '10.1.2.3:1': ['10.0.0.1:2', '10.0.0.2:2'] } },
    '10.1.2.3:1=10.0.0.1:2,10.0.0.2:2',
  ],
  ['a VIP without backends', { vips: { '10.1.2.3:1': [], '10.1.2.4:1': null } }, '10.1.2.3:1= 10.1.2.4:1='],
  ['nothing', undefined, ': must be an object with the key "vips"'],
  ['a list', [], ': must be an object with the key "vips"'],
  ['an object without VIPs', {}, 'vips: must map VIPs to backends; to have none, write {}'],
  ['a list of VIPs', { vips: [] }, 'vips: must map VIPs to backends; to have none, write {}'],
  [
    'faults in several places',
    { vips: { 'x:1': [7], '10.1.2.3:1': 'all', '10.1.2.3:2': ['0.0.0.0:1'] }, more: 1 },
    [
      'vips/x:1: "x:1" is no ADDRESS:PORT such as 10.1.2.3:5000',
      'vips/x:1/0: is no text such as "10.99.0.2:8080"',
      'vips/10.1.2.3:1: is no list of backends',
      'vips/10.1.2.3:2/0: "0.0.0.0:1" is in 0.0.0.0/8, which names no host',
      'more: unknown key; the only one is "vips"',
    ].join('; '),
  ],
];

for (const [says, document, is] of ROWS) {
  test(`${says} reads: ${is}`, (t) => {
    const read = readVipsDocument(document);
    t.is(
      read.ok
        ? [...read.vips]
            .map(([vip, all]) => `${formatEndpoint(vip)}=${[...all].map(formatEndpoint).join()}`)
            .join(' ')
        : read.faults.map(({ path, message }) => `${path.join('/')}: ${message}`).join('; '),
      is,
    );
  });
}
