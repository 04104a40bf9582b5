import test from 'ava';
import { AdvertBoard } from '../../../src/core/cluster/advert-board.js';
import { formatEndpoint } from '../../../src/core/endpoint.js';
import type { VipsDelta } from '../../../src/core/vips.js';
import { at } from '../../support/endpoints.js';
import { textOf, type VipsText, vips } from '../../support/vips.js';

const ONE = at('10.99.0.1:61420');
const TWO = at('10.99.0.2:61420');

function shown({ upserts, removed }: VipsDelta) {
  return { upserts: textOf(upserts), removed: removed.map(formatEndpoint) };
}

test('the board is the union of what all say, and tells what each word changes of it', (t) => {
  const board = new AdvertBoard();
  const learn = (origin: typeof ONE, text: VipsText) => shown(board.learn(origin, vips(text)));
  t.deepEqual(learn(ONE, { '10.1.0.1:80': ['10.2.0.1:80'] }), {
    upserts: { '10.1.0.1:80': ['10.2.0.1:80'] },
    removed: [],
  });
  t.deepEqual(learn(TWO, { '10.1.0.1:80': ['10.2.0.2:80'], '10.1.0.2:80': [] }), {
    upserts: { '10.1.0.1:80': ['10.2.0.1:80', '10.2.0.2:80'], '10.1.0.2:80': [] },
    removed: [],
  });
  t.deepEqual(learn(ONE, { '10.1.0.1:80': ['10.2.0.1:80', '10.2.0.2:80'] }), { upserts: {}, removed: [] });
  t.deepEqual(shown(board.forget(TWO)), { upserts: {}, removed: ['10.1.0.2:80'] });
  t.deepEqual(textOf(board.all()), { '10.1.0.1:80': ['10.2.0.1:80', '10.2.0.2:80'] });
  t.deepEqual(learn(ONE, {}), { upserts: {}, removed: ['10.1.0.1:80'] });
  t.is(board.all().size, 0);
});

const lies: readonly { title: string; claimed: VipsText; believed: VipsText }[] = [
  {
    title: "a VIP on everybody's loopback interface",
    claimed: { '127.0.0.1:80': ['10.2.0.1:80'], '10.1.0.1:80': ['10.2.0.1:80'] },
    believed: { '10.1.0.1:80': ['10.2.0.1:80'] },
  },
  { title: 'a VIP that is multicast', claimed: { '224.0.0.1:80': ['10.2.0.1:80'] }, believed: {} },
  {
    title: 'a backend on the loopback interface of whoever hears of it',
    claimed: { '10.1.0.1:80': ['127.0.0.1:22', '10.2.0.1:80'] },
    believed: { '10.1.0.1:80': ['10.2.0.1:80'] },
  },
  {
    title: 'backends that nobody can be',
    claimed: { '10.1.0.1:80': ['0.0.0.1:80', '239.1.1.1:80', '255.255.255.255:80'] },
    believed: { '10.1.0.1:80': [] },
  },
];

for (const { title, claimed, believed } of lies) {
  test(`the board does not believe in ${title}`, (t) => {
    const board = new AdvertBoard();
    board.learn(ONE, vips(claimed));
    t.deepEqual(textOf(board.all()), believed);
  });
}
