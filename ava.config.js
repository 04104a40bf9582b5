import { readdirSync } from 'node:fs';

const TESTS = 'build/js/test';

/** These only compute; most of the others wait for a kernel, for programs or for time to pass. */
const COMPUTING = ['actors/', 'api/', 'core/', 'sim/'];
/** Minutes of computing go first, so that nothing is left to run alone at the end. */
const LONGEST = ['sim/mutants/', 'sim/search/seeds', 'sim/search/determinism', 'sim/regressions/'];

const files = readdirSync(TESTS, { recursive: true })
  .filter((file) => file.endsWith('.test.js'))
  .sort();
const starts = (file, parts) => parts.some((part) => file.startsWith(part));
const waiting = files.filter((file) => !starts(file, COMPUTING));
const computing = files.filter((file) => starts(file, COMPUTING));
const ordered = [
  ...computing.filter((file) => starts(file, LONGEST)),
  ...computing.filter((file) => !starts(file, LONGEST)),
];

/** The two kinds in turn, spread evenly: cores are busy while others wait. */
const places = new Map([
  ...waiting.map((file, at) => [file, (at + 0.5) / waiting.length]),
  ...ordered.map((file, at) => [file, at / ordered.length]),
]);
const placeOf = (path) => places.get(path.slice(path.lastIndexOf(`${TESTS}/`) + TESTS.length + 1)) ?? 1;

export default {
  files: [`${TESTS}/**/*.test.js`],
  timeout: '3m',
  concurrency: 3,
  workerThreads: false,
  sortTestFiles: (a, b) => placeOf(a) - placeOf(b),
};
