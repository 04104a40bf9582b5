import type { SourceWarning, VipsDelta } from '../core/vips.js';

/**
 * What reading a source gave. `token` names the state after the reading; the next reading answers relative
 * to it. A reader that does not know the token answers with everything (`reset`).
 */
export type SourceReading =
  | { readonly kind: 'unchanged'; readonly token: string; readonly warnings: readonly SourceWarning[] }
  | {
      readonly kind: 'changed';
      readonly token: string;
      /** True: the delta counts from nothing. False: from the state the request named. */
      readonly reset: boolean;
      readonly delta: VipsDelta;
      readonly warnings: readonly SourceWarning[];
    }
  | { readonly kind: 'failed'; readonly reason: string };

/**
 * A place VIPs come from. Reading takes as long as it takes, away from the thread that places connections,
 * and answers exactly once; one reading at a time.
 */
export interface Source {
  /** What an operator calls it, e.g. `file:/etc/minuteman/vips.yaml`. */
  readonly name: string;
  read(token: string | undefined, done: (reading: SourceReading) => void): void;
  /** Calls `changed` when there may be news before the next poll (a file was written). May be called too often. */
  watch(changed: () => void): void;
  close(): void;
}
