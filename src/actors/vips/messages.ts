import type { VipsDelta } from '../../core/vips.js';

/** What the VIP table tells its watchers: a change of the desired VIPs, or all of them. */
export interface VipsMessage {
  readonly kind: 'vips';
  /** True: `delta.upserts` is the whole table. */
  readonly reset: boolean;
  readonly delta: VipsDelta;
  /**
   * Whether every source has been read well at least once. Before that a VIP may be missing only because
   * its source could not be read, so nothing that an earlier daemon left may be taken away.
   */
  readonly complete: boolean;
}
