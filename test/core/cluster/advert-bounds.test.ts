import test from 'ava';
import { boundedAdvert } from '../../../src/core/cluster/advert-bounds.js';
import { BACKENDS_MOST, openRecord, sealRecord, VIPS_MOST } from '../../../src/core/cluster/record.js';
import { type Endpoint, endpoint } from '../../../src/core/endpoint.js';
import { at } from '../../support/endpoints.js';
import { textOf, type VipsText, vips } from '../../support/vips.js';

const rows: readonly { title: string; served: VipsText; kept: VipsText; leftOut: number }[] = [
  { title: 'nothing', served: {}, kept: {}, leftOut: 0 },
  {
    title: 'what just fits',
    served: { '10.1.0.1:80': ['10.2.0.1:1', '10.2.0.2:1'], '10.1.0.2:80': ['10.2.0.1:1'] },
    kept: { '10.1.0.1:80': ['10.2.0.1:1', '10.2.0.2:1'], '10.1.0.2:80': ['10.2.0.1:1'] },
    leftOut: 0,
  },
  {
    title: 'a backend on the loopback interface is for this node alone',
    served: { '10.1.0.1:80': ['127.0.0.1:1', '10.2.0.2:1'], '10.1.0.2:80': ['127.0.0.1:1'] },
    kept: { '10.1.0.1:80': ['10.2.0.2:1'], '10.1.0.2:80': [] },
    leftOut: 0,
  },
  {
    title: 'a VIP too many: the largest is left out, whatever the order',
    served: { '10.1.0.3:80': [], '10.1.0.1:80': [], '10.1.0.2:80': [] },
    kept: { '10.1.0.1:80': [], '10.1.0.2:80': [] },
    leftOut: 1,
  },
  {
    title: 'backends too many: the VIP stays with some of them',
    served: { '10.1.0.1:80': ['10.2.0.9:1', '10.2.0.1:1', '10.2.0.2:1', '10.2.0.3:1'] },
    kept: { '10.1.0.1:80': ['10.2.0.1:1', '10.2.0.2:1', '10.2.0.3:1'] },
    leftOut: 1,
  },
  {
    title: 'no room for any backend: the VIP is known all the same',
    served: { '10.1.0.1:80': ['10.2.0.1:1', '10.2.0.2:1', '10.2.0.3:1'], '10.1.0.2:80': ['10.2.0.4:1'] },
    kept: { '10.1.0.1:80': ['10.2.0.1:1', '10.2.0.2:1', '10.2.0.3:1'], '10.1.0.2:80': [] },
    leftOut: 1,
  },
];

for (const { title, served, kept, leftOut } of rows) {
  test(`an advert of at most 2 VIPs and 3 backends: ${title}`, (t) => {
    const bounded = boundedAdvert(vips(served), 2, 3);
    t.deepEqual(textOf(bounded.vips), textOf(vips(kept)));
    t.is(bounded.leftOut, leftOut);
  });
}

test('an advert: the largest that is made is one that the others take', (t) => {
  const served = new Map<Endpoint, ReadonlySet<Endpoint>>();
  for (let i = 0; i < 2 * VIPS_MOST; i += 1) {
    const backends = Array.from({ length: 8 }, (_, n) => endpoint(0x0a020000 + i * 8 + n, 65_535));
    served.set(endpoint(0xdf000000 - i * 65_536, 65_535), new Set(backends));
  }
  const { vips: kept, leftOut } = boundedAdvert(served);
  t.is(leftOut, VIPS_MOST + 8 * VIPS_MOST - BACKENDS_MOST);
  const origin = at('223.255.255.255:65535');
  const sealed = sealRecord({ kind: 'advert', origin, epoch: 2 ** 40, counter: 2 ** 40, vips: kept });
  const opened = openRecord(sealed.octets);
  t.true(typeof opened !== 'string', String(opened));
});
