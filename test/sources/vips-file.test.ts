import test from 'ava';
import { readVipsFile } from '../../src/sources/vips-file.js';
import { asText } from './reading.js';

const good: readonly (readonly [says: string, text: string, vips: string])[] = [
  [
    'JSON',
    '{"vips":{"10.1.2.3:5000":["10.99.0.2:8080","10.99.0.3:8080"]}}',
    '10.1.2.3:5000=10.99.0.2:8080,10.99.0.3:8080',
  ],
  ['YAML in blocks', 'vips:\n  10.1.2.3:5000:\n    - 10.99.0.2:8080\n', '10.1.2.3:5000=10.99.0.2:8080'],
  ['YAML in flow style', '{vips: {"10.1.2.3:5000": [10.99.0.2:8080]}} # all', '10.1.2.3:5000=10.99.0.2:8080'],
  ['a VIP with an empty list', 'vips: { "10.1.2.3:5000": [] }', '10.1.2.3:5000='],
  ['a VIP with null', 'vips:\n  10.1.2.3:5000:\n', '10.1.2.3:5000='],
  [
    'a backend twice',
    'vips: { "10.1.2.3:5000": ["10.99.0.2:1", "10.99.0.2:1"] }',
    '10.1.2.3:5000=10.99.0.2:1',
  ],
  ['a backend on this host', 'vips: { "10.1.2.3:5000": ["127.0.0.1:1"] }', '10.1.2.3:5000=127.0.0.1:1'],
  ['no VIPs', 'vips: {}', ''],
  ['a byte order mark', '\uFEFF{"vips":{}}', ''],
];

for (const [says, text, vips] of good) {
  test(`${says} is read`, (t) => {
    const read = readVipsFile(text);
    t.is(read.ok ? asText(read.vips) : read.faults.join('; '), vips);
  });
}

const bad: readonly (readonly [says: string, text: string, faults: readonly RegExp[]])[] = [
  ['an empty file', ' \n', [/the file is empty.*vips: \{\}/]],
  ['a file of comments', '# soon\n', [/must be an object/]],
  ['a list', '- a\n', [/must be an object/]],
  [
    'half of a JSON file',
    '{"vips":{"10.1.2.3:5000":["10.99',
    [/^line 1: Missing closing/, /^line 1: /, /^line 1: /, /^line 1: /],
  ],
  ['half of a YAML file', 'vips:\n  "10.1.2.3:5000": [10.99.0.2:8080,\n', [/^line \d: /]],
  ['a file that stops after its first key', 'vips:\n', [/^vips \(line 1\): must map VIPs/]],
  ['bad YAML', 'vips:\n  a: b: c\n', [/^line 2: /]],
  [
    'a key twice',
    'vips:\n  10.1.2.3:1: []\n  10.1.2.3:1: []\n',
    [/^line 3: key "10.1.2.3:1" is there twice/],
  ],
  [
    'all faults at once, each with its place',
    [
      'vips:',
      '  10.1.2.3:5000: [10.99.0.2:8080, 10.99.0.2, 0.0.0.0:80, 7]',
      '  10.1.2.3: []',
      '  127.0.0.1:80: []',
      '  10.1.2.3:5001: 10.99.0.2:8080',
      'vipz: {}',
    ].join('\n'),
    [
      /^vips\."10\.1\.2\.3:5000"\[1\] \(line 2\): "10\.99\.0\.2" is no ADDRESS:PORT/,
      /^vips\."10\.1\.2\.3:5000"\[2\] \(line 2\): "0\.0\.0\.0:80" is in 0\.0\.0\.0\/8/,
      /^vips\."10\.1\.2\.3:5000"\[3\] \(line 2\): is no text/,
      /^vips\."10\.1\.2\.3" \(line 3\): "10\.1\.2\.3" is no ADDRESS:PORT/,
      /^vips\."127\.0\.0\.1:80" \(line 4\): "127\.0\.0\.1:80" is in 127/,
      /^vips\."10\.1\.2\.3:5001" \(line 5\): is no list of backends/,
      /^vipz \(line 6\): unknown key/,
    ],
  ],
  [
    'faults of a JSON file have lines too',
    '{"vips": {\n"10.1.2.3:0": []}}',
    [/^vips\."10\.1\.2\.3:0" \(line 2\)/],
  ],
];

for (const [says, text, faults] of bad) {
  test(`${says}: refused`, (t) => {
    const read = readVipsFile(text);
    if (read.ok) return t.fail('was taken');
    t.is(read.faults.length, faults.length, read.faults.join('\n'));
    for (const [index, fault] of faults.entries()) t.regex(read.faults[index] ?? '', fault);
  });
}
