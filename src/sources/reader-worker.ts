/** The reader thread's program: fetches, parses and compares, away from the thread that places connections. */
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import type { EncodedReading } from './encoded-reading.js';
import type { FileStamp } from './file-stamp.js';
import type { ReaderAnswer, ReaderRequest, ReaderSpec } from './reader-messages.js';

type Outcome = { readonly reading: EncodedReading; readonly stamp: FileStamp | undefined };
type Reader = (token: string | undefined) => Promise<Outcome>;

/** On Linux this is the calling thread's alone: where cores are short, placing connections comes first. */
setPriority(10);

const readers = new Map<number, Promise<Reader>>();

// Each kind is loaded when it is first needed: YAML and zod cost 15 MB that a Mesos master does not need.
async function makeReader(spec: ReaderSpec): Promise<Reader> {
  if (spec.type === 'file') {
    const { FileReader } = await import('./file-reader.js');
    const reader = new FileReader(spec);
    return (token) => reader.read(token);
  }
  const { MesosReader } = await import('./mesos-reader.js');
  const reader = new MesosReader(spec);
  return async (token) => ({ reading: await reader.read(token), stamp: undefined });
}

async function read(request: Extract<ReaderRequest, { kind: 'read' }>): Promise<Outcome> {
  let reader = readers.get(request.reader);
  if (reader === undefined) {
    reader = makeReader(request.spec);
    readers.set(request.reader, reader);
  }
  try {
    return await (await reader)(request.token);
  } catch (error) {
    readers.delete(request.reader);
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return {
      reading: { kind: 'failed', reason: `reading crashed, it starts afresh: ${why}` },
      stamp: undefined,
    };
  }
}

parentPort?.on('message', (request: ReaderRequest) => {
  if (request.kind === 'forget') {
    readers.delete(request.reader);
    return;
  }
  void read(request).then(({ reading, stamp }) => {
    const answer: ReaderAnswer = { id: request.id, reading, stamp };
    parentPort?.postMessage(answer, reading.kind === 'changed' ? [reading.delta.buffer] : []);
  });
});
