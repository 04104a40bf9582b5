import { realpathSync } from 'node:fs';
import { findBreaches } from './boundaries.js';

// The rules of the architecture: which folder may import which, and what of the world core and actors may touch.
const breaches = findBreaches(realpathSync('.'));
for (const { file, line, what, why, remedy } of breaches) {
  console.error(`${file}:${line}: ${what}. Why not: ${why}. Instead: ${remedy}.`);
}
if (breaches.length > 0) {
  console.error(`${breaches.length} breach${breaches.length === 1 ? '' : 'es'} of the boundaries`);
  process.exitCode = 1;
}
