import test from 'ava';
import { createVirtualFileSystem } from 'typescript/unstable/fs';
import { type Breach, findBreaches } from '../../scripts/boundaries.js';

const ROOT = '/project';
const OPTIONS = { module: 'nodenext', target: 'es2023', lib: ['es2023'], types: [], strict: true };

/** What the check finds in a project of these files. Others that they may want to import are there, empty. */
function breachesOf(files: Readonly<Record<string, string>>): readonly Breach[] {
  const others = ['core', 'ports', 'actors', 'native', 'sources', 'mesh', 'api', 'sim', 'cli'].map(
    (layer): [string, string] => [`${ROOT}/src/${layer}/thing.ts`, 'export type Thing = number;'],
  );
  const given = Object.entries(files).map(([file, text]): [string, string] => [`${ROOT}/${file}`, text]);
  const fs = createVirtualFileSystem({
    [`${ROOT}/package.json`]: '{ "type": "module" }',
    [`${ROOT}/tsconfig.json`]: JSON.stringify({ compilerOptions: OPTIONS, include: ['src'] }),
    ...Object.fromEntries(others),
    [`${ROOT}/src/sim/cluster.ts`]: 'export {};',
    ...Object.fromEntries(given),
  });
  return findBreaches(ROOT, fs);
}

const FOLDERS = ['core', 'ports', 'actors', 'native', 'sources', 'mesh', 'api', 'sim', 'cli'];
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: ['core'],
  ports: ['core', 'ports'],
  actors: ['core', 'ports', 'actors'],
  native: ['core', 'ports', 'native'],
  sources: ['core', 'ports', 'sources'],
  mesh: ['core', 'ports', 'mesh'],
  api: ['core', 'ports', 'api'],
  sim: ['core', 'ports', 'actors', 'sim'],
  cli: ['core', 'ports', 'actors', 'native', 'sources', 'mesh', 'api', 'cli'],
};

for (const from of FOLDERS) {
  const allowed = MAY_IMPORT[from] ?? [];
  test(`${from} may import from ${allowed.join(', ')}, and from nothing else`, (t) => {
    const lines = FOLDERS.map((to) => `import type { Thing as ${to} } from '../${to}/thing.js';`);
    const found = breachesOf({ [`src/${from}/importer.ts`]: lines.join('\n') });
    t.deepEqual(
      found.map(({ file, line, what }) => `${file}:${line} ${what}`),
      FOLDERS.flatMap((to, index) =>
        allowed.includes(to) ? [] : [`src/${from}/importer.ts:${index + 1} imports src/${to}/thing.ts`],
      ),
    );
    for (const { why, remedy } of found) t.true(why.length > 0 && remedy.length > 0);
  });
}

const breaching: readonly { says: string; file: string; code: string; finds: readonly string[] }[] = [
  {
    says: 'core imports no package',
    file: 'src/core/a.ts',
    code: `import { LRUCache } from 'lru-cache';`,
    finds: ['1: imports the package lru-cache'],
  },
  {
    says: 'actors import two packages and no other, scoped or deep',
    file: 'src/actors/a.ts',
    code: `import 'nact';\nimport 'lru-cache';\nimport 'nact/lib/actor.js';\nimport 'ws';\nimport '@scope/name/deep.js';`,
    finds: ['4: imports the package ws', '5: imports the package @scope/name'],
  },
  {
    says: 'core and actors import nothing of Node, prefixed or not',
    file: 'src/actors/a.ts',
    code: `import 'node:fs';\nimport { performance } from 'perf_hooks';\nperformance.now();`,
    finds: ['1: imports node:fs', '2: imports perf_hooks'],
  },
  {
    says: 'every way to import counts',
    file: 'src/core/a.ts',
    code: [
      `import type { Thing } from '../api/thing.js';`,
      `export * from '../api/thing.js';`,
      `export type Other = import('../api/thing.js').Thing;`,
      `import old = require('../api/thing.js');`,
      `export const late = () => import('../api/thing.js');`,
      `export const unknown = (name: string) => import(name);`,
    ].join('\n'),
    finds: [
      '1: imports src/api/thing.ts',
      '2: imports src/api/thing.ts',
      '3: imports src/api/thing.ts',
      '4: imports src/api/thing.ts',
      '5: imports src/api/thing.ts',
      '6: imports a module whose name is made at run time',
    ],
  },
  {
    says: 'src imports nothing from outside of it',
    file: 'src/native/a.ts',
    code: `import '../../test/support/x.js';`,
    finds: ['1: imports test/support/x.ts'],
  },
  {
    says: 'a file lies in a layer',
    file: 'src/stray/a.ts',
    code: `export {};`,
    finds: ['1: lies in no layer'],
  },
  {
    says: 'cli starts a simulation through its root, shows it and searches among many, and no more',
    file: 'src/cli/a.ts',
    code: `import '../sim/cluster.js';\nimport '../sim/thing.js';\nimport '../sim/report/a.js';\nimport '../sim/search/a.js';`,
    finds: ['2: imports src/sim/thing.ts'],
  },
  {
    says: 'time is not read',
    file: 'src/core/a.ts',
    code: `export const a = Date.now();\nexport const b = new Date();\nexport const c = performance.now();\nexport type D = Date;`,
    finds: ['1: uses Date', '2: uses Date', '3: uses performance', '4: uses Date'],
  },
  {
    says: 'nothing is scheduled',
    file: 'src/actors/a.ts',
    code: [
      'setTimeout(() => {}, 1);',
      'setInterval(() => {}, 1);',
      'setImmediate(() => {});',
      'queueMicrotask(() => {});',
      'export const later = setTimeout;',
    ].join('\n'),
    finds: [
      '1: uses setTimeout',
      '2: uses setInterval',
      '3: uses setImmediate',
      '4: uses queueMicrotask',
      '5: uses setTimeout',
    ],
  },
  {
    says: 'no chance is taken',
    file: 'src/core/a.ts',
    code: `Math.random();\nconst { random } = Math;\nMath['random']();\nexport const id = () => crypto.randomUUID() + random();`,
    finds: ['1: uses Math.random', '2: uses Math as a value', '3: uses Math as a value', '4: uses crypto'],
  },
  {
    says: 'the world is not touched',
    file: 'src/ports/a.ts',
    code: [
      'process.exit(1);',
      `console.log('x');`,
      `void fetch('x');`,
      `new WebSocket('x');`,
      'Buffer.alloc(1);',
      'globalThis.process;',
      `eval('1');`,
      'export const shorthand = { process };',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the code under test.
      'export const inside = `${process.pid}`;',
    ].join('\n'),
    finds: [
      '1: uses process',
      '2: uses console',
      '3: uses fetch',
      '4: uses WebSocket',
      '5: uses Buffer',
      '6: uses globalThis',
      '7: uses eval',
      '8: uses process',
      '9: uses process',
    ],
  },
];

for (const { says, file, code, finds } of breaching) {
  test(`${says}: ${file} is told of ${finds.length}`, (t) => {
    const found = breachesOf({ [file]: code });
    t.deepEqual(
      found.map(({ line, what }) => `${line}: ${what}`),
      finds,
    );
    t.true(found.every((breach) => breach.file === file));
  });
}

const innocent: readonly { says: string; file: string; code: string }[] = [
  {
    says: 'comments',
    file: 'src/core/a.ts',
    code: '// Date.now() and process\n/* setTimeout(fetch) */\nexport {};',
  },
  {
    says: 'strings',
    file: 'src/core/a.ts',
    code: `export const a = ['process', "import 'ws'", \`Date \${1}\`];`,
  },
  { says: 'regular expressions', file: 'src/core/a.ts', code: 'export const a = /process|Date/;' },
  {
    says: 'properties',
    file: 'src/core/a.ts',
    code: [
      'interface Foo { process: number; fetch(): void; Date?: { require: string } }',
      'export const a = (foo: Foo) => { foo.fetch(); return foo.process + Number(foo.Date?.require) + foo["process"]; };',
      'export const made: Foo = { process: 1, fetch() {} };',
      'export class Bar { process = 1; crypto(): number { return this.process; } }',
      'export const { process: renamed } = made;',
    ].join('\n'),
  },
  {
    says: "names of one's own",
    file: 'src/actors/a.ts',
    code: [
      `import { type Thing as Date } from '../core/thing.js';`,
      'export function f(process: Date, performance = 1): number { const console = performance; return console + process; }',
      'export const g = ({ fetch }: { fetch: number }) => ({ fetch });',
      'export const h = (crypto: number) => (crypto > 0 ? crypto : -crypto);',
    ].join('\n'),
  },
  {
    says: 'the rest of Math',
    file: 'src/core/a.ts',
    code: 'export const a = Math.max(1, Math.floor(Math.PI));',
  },
  {
    says: 'time at the edges',
    file: 'src/native/a.ts',
    code: `import 'node:fs';\nexport const a = Date.now();`,
  },
];

for (const { says, file, code } of innocent) {
  test(`${says} are no breach in ${file}`, (t) => {
    t.deepEqual(breachesOf({ [file]: code }), []);
  });
}

test('folders that need each other are told, directly or through others', (t) => {
  const found = breachesOf({
    'src/core/a/x.ts': `import '../b/x.js';`,
    'src/core/b/x.ts': `import '../c/x.js';`,
    'src/core/c/x.ts': `\nimport '../a/x.js';`,
    'src/core/d/x.ts': `import '../a/x.js';`,
  });
  t.true(found.length > 0);
  for (const { what } of found)
    t.regex(what, /^imports from src\/core\/[abc], which itself needs src\/core\/[abc]$/);
});
