import type { EncodedReading } from './encoded-reading.js';
import type { FileSpec } from './file-reader.js';
import type { FileStamp } from './file-stamp.js';
import type { MesosSpec } from './mesos-reader.js';

export type ReaderSpec = FileSpec | MesosSpec;

/** To the reader thread. `reader` names the source; its reader is made at the first request. */
export type ReaderRequest =
  | {
      readonly kind: 'read';
      readonly id: number;
      readonly reader: number;
      readonly spec: ReaderSpec;
      readonly token: string | undefined;
    }
  | { readonly kind: 'forget'; readonly reader: number };

/** From the reader thread, one for each `read`. */
export interface ReaderAnswer {
  readonly id: number;
  readonly reading: EncodedReading;
  readonly stamp: FileStamp | undefined;
}
