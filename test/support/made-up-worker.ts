import { appendFileSync } from 'node:fs';
import { serveRuns } from '../../src/sim/search/serve-runs.js';
import { madeUpRun, ODD_SEEDS } from './made-up-run.js';

// A worker whose runs are made up; it tells of its process in the file that it is given.
serveRuns(async ({ plan }, { follow, afterEvent }) => {
  const { seed } = plan;
  if (process.env.MADE_UP_LOG !== undefined) appendFileSync(process.env.MADE_UP_LOG, `${process.pid}\n`);
  if (seed === ODD_SEEDS.dies) process.exit(3);
  let count = 0;
  const { events, hash } = await madeUpRun(
    plan,
    (happening, atMs) => {
      follow?.(happening, atMs);
      if (happening.kind === 'connecting') count += 1;
      if (seed === ODD_SEEDS.throws && count === 50) throw new Error('the 50th connection');
    },
    afterEvent,
    // A fault of determinism: something that another process decides otherwise.
    seed === ODD_SEEDS.differs ? { atMs: 3_333, text: `process ${process.pid}` } : undefined,
  );
  const violations = seed % 2 === 0 ? [{ invariant: 'odd', atMs: 5, host: 'n1', what: 'even' }] : [];
  return {
    plan,
    simulatedMs: plan.durationMs,
    events,
    messages: count,
    hash,
    violations,
    sometimes: new Map([
      ['even seeds', violations.length],
      ['never', 0],
    ]),
  };
});
