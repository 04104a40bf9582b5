import { atMost, type Figure } from '../report.js';
import type { WorldName } from './options.js';
import type { ArmFigures } from './summary.js';

/** Real machines may take one and a half times as long as simulated ones. */
const ROOM: Readonly<Record<WorldName, number>> = { sim: 1, real: 1.5 };

/** From the fault on latencies are those of the repair for as long as it may take; in milliseconds. */
export function repairMostMs(world: WorldName): number {
  return 2_000 * ROOM[world];
}

/** What the project asks of the whole mesh when machines panic. */
export function figuresOf(mesh: ArmFigures, world: WorldName): Figure[] {
  const room = ROOM[world];
  const { over, trials } = mesh;
  const p99Change = over.p99Change;
  return [
    atMost('repaired, p50', over.repairMs.p50, 1_500 * room, 'ms'),
    atMost(`repaired, p99 of ${trials}`, over.repairMs.p99, repairMostMs(world), 'ms'),
    atMost('connections sent to dead backends, p50', over.hits.p50, 20 * room, ''),
    atMost('connections sent to dead backends, p99', over.hits.p99, 20 * room, ''),
    atMost('requests never answered, most in a trial', over.failed.max, 0, ''),
    atMost('longest request of all trials', over.longestMs.max, 3_500 * room, 'ms'),
    atMost('p99 latency later, against before, p50', percent(p99Change.p50), 5 * room, '%', 1),
    atMost('p99 latency later, against before, p99', percent(p99Change.p99), 5 * room, '%', 1),
  ];
}

function percent(share: number | undefined): number | undefined {
  return share === undefined ? undefined : share * 100;
}
