import type { Source } from '../ports/sources.js';
import { FileSource } from './file-source.js';
import { MesosSource } from './mesos-source.js';
import { ReaderThread } from './reader-thread.js';

/** A source as it is configured. */
export type SourceChoice =
  | { readonly type: 'file'; readonly path: string; readonly maxBytes?: number }
  | {
      readonly type: 'mesos-master' | 'mesos-agent';
      readonly url: string;
      /** For a whole reading; default 10 s. */
      readonly timeoutMs?: number;
      /** Of a document, unpacked; default 64 MiB. */
      readonly maxBytes?: number;
    };

const MAX_BYTES = 64 * 1024 * 1024;
const TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 3_000;

const sharedThread = new ReaderThread();

/** Makes a source. All sources of a process read in one thread of their own; it starts with the first reading. */
export function openSource(choice: SourceChoice, thread: ReaderThread = sharedThread): Source {
  const maxBytes = choice.maxBytes ?? MAX_BYTES;
  if (choice.type === 'file') return new FileSource({ type: 'file', path: choice.path, maxBytes }, thread);
  const timeoutMs = choice.timeoutMs ?? TIMEOUT_MS;
  const connectTimeoutMs = Math.min(timeoutMs, CONNECT_TIMEOUT_MS);
  return new MesosSource(
    { type: choice.type, url: choice.url, timeoutMs, connectTimeoutMs, maxBytes },
    thread,
  );
}
