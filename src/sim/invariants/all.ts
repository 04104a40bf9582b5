import { circuitsKeepCount } from './circuits.js';
import { connectsWhenWell, establishedSurvives } from './client-connections.js';
import { equalsShare, recoveredServes } from './evenness.js';
import { lostEventsMadeUp, pendingInFlight } from './handshakes.js';
import type { Invariant } from './invariant.js';
import { setAsDesired, setNeverLess } from './kernel-set.js';
import { MESH_INVARIANTS } from './mesh-all.js';
import { oneVerdict } from './packet-verdicts.js';
import { pickBestClass, pickCheaper, pickFromSnapshot, pickLooks } from './picks.js';
import {
  acceptedMeansAnswered,
  connectedWherePlaced,
  fullDefers,
  liveEntryStays,
  nothingLeaks,
  noVainRefusal,
} from './placements.js';
import { crashLeavesNoTrace, readySoon, wellAtTheEnd } from './recovery.js';
import { retryKeepsOrMoves } from './retransmits.js';
import { rulesOnce } from './rules.js';
import { mailboxesBounded, noOrphanTimers, oneAtATime, restartBudget } from './supervision.js';
import { entriesEnd, replyTuplesUnique } from './tables.js';
import { directoryFollows, newsEverywhere, noVipLost, tableAsServed } from './vip-tables.js';

/** What must hold in every run. */
export const ALL_INVARIANTS: readonly Invariant[] = [
  // A SYN's way.
  oneVerdict,
  acceptedMeansAnswered,
  noVainRefusal,
  fullDefers,
  nothingLeaks,
  connectedWherePlaced,
  liveEntryStays,
  retryKeepsOrMoves,
  replyTuplesUnique,
  entriesEnd,
  // What is in the kernel.
  setNeverLess,
  setAsDesired,
  rulesOnce,
  // Choosing.
  pickFromSnapshot,
  pickBestClass,
  pickCheaper,
  pickLooks,
  pendingInFlight,
  lostEventsMadeUp,
  circuitsKeepCount,
  equalsShare,
  recoveredServes,
  // Where VIPs come from.
  tableAsServed,
  noVipLost,
  directoryFollows,
  newsEverywhere,
  // Actors.
  restartBudget,
  oneAtATime,
  mailboxesBounded,
  noOrphanTimers,
  readySoon,
  crashLeavesNoTrace,
  ...MESH_INVARIANTS,
  // What clients and operators see.
  establishedSurvives,
  connectsWhenWell,
  wellAtTheEnd,
];
