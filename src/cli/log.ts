import { pino } from 'pino';
import type { Log } from '../ports/log.js';

/** Lines are held for a reader that is slower than we are, up to this; what comes then is lost and counted. */
const MAX_HELD_BYTES = 1_048_576;
/** A process that ends waits so long for its reader. */
const FLUSH_MOST_MS = 1_000;

/** What lines are written to: standard output, of which this is the part we use. */
export interface LogStream {
  readonly writableLength: number;
  /** `taken` is called when this text and all before it was taken, or never will be. */
  write(text: string, taken?: () => void): boolean;
  on(event: 'error', handle: () => void): unknown;
}

/** The log of a process, which ends some day. */
export interface ProcessLog extends Log {
  /**
   * Calls back when the reader has all lines so far, or had its time: at once if nothing is held back. To be asked before
   * the process exits, which loses what is held.
   */
  flush(done: () => void): void;
}

const OURS = ['level', 'time', 'event', 'msg'] as const;

/**
 * One JSON object a line: `level` (pino's numbers: debug 20, info 30, warn 40, error 50), `time`
 * (milliseconds since 1970), `event`, the event's fields, `msg`. Node writes at once what a pipe, file or
 * terminal takes, and holds back the rest without waiting, so a reader that stands still does not stop the daemon.
 */
export function createLog(stream: LogStream = process.stdout): ProcessLog {
  let lost = 0;
  // A reader that went away must not take the daemon with it.
  stream.on('error', () => {});
  const logger = pino(
    { base: null },
    {
      write: (line: string) => {
        if (stream.writableLength > MAX_HELD_BYTES) {
          lost += 1;
          return;
        }
        stream.write(line);
        if (lost === 0) return;
        const count = lost;
        lost = 0;
        logger.warn({ event: 'log-lost', lines: count }, 'the reader of this log was too slow');
      },
    },
  );
  return {
    event: (level, event, message, fields = {}) => {
      try {
        // A field named like one of ours would make a JSON object with the same key twice.
        const clash = OURS.some((key) => key in fields);
        logger[level](clash ? { event, fields } : { event, ...fields }, message);
      } catch (error) {
        logger.error({ event: 'log-failed', of: event }, String(error));
      }
    },
    flush: (done) => {
      if (stream.writableLength === 0) return done();
      let called = false;
      const once = (): void => {
        if (called) return;
        called = true;
        clearTimeout(patience);
        done();
      };
      const patience = setTimeout(once, FLUSH_MOST_MS);
      stream.write('', once);
    },
  };
}
