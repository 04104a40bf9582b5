import type { System } from '../../src/actors/supervision/system.js';
import type { ManualTime } from './manual-time.js';
import { quiet } from './quiet.js';

/** Lets `ms` pass, instant by instant: after each one the actors do all they have to do before the next. */
export async function pass(time: ManualTime, system: System, ms: number): Promise<void> {
  const untilMs = time.nowMs() + ms;
  await quiet(system);
  for (let dueMs = time.nextDueMs(); dueMs !== undefined && dueMs <= untilMs; dueMs = time.nextDueMs()) {
    time.advance(Math.max(0, dueMs - time.nowMs()));
    await quiet(system);
  }
  time.advance(untilMs - time.nowMs());
}
