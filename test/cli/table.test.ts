import test from 'ava';
import { formatTable } from '../../src/cli/table.js';

const rows: readonly { title: string; rows: readonly (readonly (string | number)[])[]; text: string }[] = [
  { title: 'no rows: the header alone', rows: [], text: 'NAME  N\n' },
  {
    title: 'numbers stand to the right',
    rows: [
      ['a', 1],
      ['bcdefg', 100],
    ],
    text: 'NAME      N\na         1\nbcdefg  100\n',
  },
  {
    title: 'a column with text in it stands to the left',
    rows: [
      ['a', 1],
      ['b', '-'],
    ],
    text: 'NAME  N\na     1\nb     -\n',
  },
];

for (const row of rows) {
  test(`table: ${row.title}`, (t) => {
    t.is(formatTable(['NAME', 'N'], row.rows), row.text);
  });
}
