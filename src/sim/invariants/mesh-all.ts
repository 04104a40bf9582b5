import type { Invariant } from './invariant.js';
import { balancersTold, deadAvoided, deadHandshakesDropped } from './mesh-balancers.js';
import { honestStay, noMeltDown, quietCost, sameNameSaid } from './mesh-cost.js';
import {
  dialsSlacken,
  neighboursEnough,
  overlaySettles,
  overlayUntangled,
  partedRemembered,
  shufflesAnswered,
} from './mesh-overlay.js';
import {
  deadUnreachable,
  leaveIsNoDeath,
  liveReachable,
  noFalseDeath,
  treeAsSearched,
} from './mesh-reach.js';
import {
  copiesBounded,
  newsSpread,
  recordsTrue,
  tablesEqual,
  versionsGrow,
  versionsStay,
} from './mesh-records.js';
import {
  linksAsViews,
  linksSymmetric,
  onePiece,
  shortSplitMends,
  staleLinksSilent,
  viewsBounded,
} from './mesh-views.js';

/** What must hold where the daemons form a mesh. */
export const MESH_INVARIANTS: readonly Invariant[] = [
  // The overlay.
  viewsBounded,
  staleLinksSilent,
  linksAsViews,
  linksSymmetric,
  onePiece,
  shortSplitMends,
  partedRemembered,
  shufflesAnswered,
  overlaySettles,
  overlayUntangled,
  dialsSlacken,
  neighboursEnough,
  // What is told.
  versionsGrow,
  recordsTrue,
  versionsStay,
  newsSpread,
  tablesEqual,
  copiesBounded,
  // Who is there.
  treeAsSearched,
  liveReachable,
  deadUnreachable,
  noFalseDeath,
  leaveIsNoDeath,
  sameNameSaid,
  // What balancers make of it.
  balancersTold,
  deadHandshakesDropped,
  deadAvoided,
  // What it costs.
  quietCost,
  noMeltDown,
  honestStay,
];
