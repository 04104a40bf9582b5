/**
 * What the workload asks of the world it runs in: the simulator, or a process with sockets. Times are milliseconds of any
 * clock that does not jump.
 */
export interface Service {
  nowMs(): number;
  after(delayMs: number, run: () => void): void;
  /**
   * Opens a new connection to the service address, sends a request, reads the answer and closes. Calls `ended` once, never
   * inside this call; not after `giveUp`.
   */
  request(ended: (answered: boolean) => void): Attempt;
}

export interface Attempt {
  /** The client's port; by it the world knows where the connection was sent. */
  readonly port: number;
  /** Ends it without an answer. */
  giveUp(): void;
}

/** One request. Times count from the start of the workload. */
export interface RequestRecord {
  readonly port: number;
  /** When it was to start, and did. */
  readonly dueMs: number;
  readonly atMs: number;
  /** From its start to the answer, or until it was given up. */
  readonly tookMs: number;
  readonly answered: boolean;
}

export type Loop =
  /** Requests start on schedule, whether or not earlier ones have ended. */
  | { readonly kind: 'open'; readonly perSecond: number }
  /** Each thread waits for its request to end; ticks of its rhythm that pass meanwhile are left out. */
  | { readonly kind: 'closed'; readonly threads: number; readonly perSecond: number };

/** As in the original: 10 threads at 10 requests/s each; and as many without waiting for one another. */
export const OPEN: Loop = { kind: 'open', perSecond: 100 };
export const CLOSED: Loop = { kind: 'closed', threads: 10, perSecond: 10 };

/** A client's program waits so long for an answer. */
export const PATIENCE_MS = 5_000;

/** Runs a loop for `durationMs`, then waits for what is under way and answers all requests in the order they started. */
export function runLoop(loop: Loop, durationMs: number, service: Service): Promise<RequestRecord[]> {
  const startedMs = service.nowMs();
  const records: RequestRecord[] = [];
  const sinceStart = (): number => service.nowMs() - startedMs;
  const at = (dueMs: number, run: () => void): void => service.after(dueMs - sinceStart(), run);

  const request = (dueMs: number, then: () => void): void => {
    const atMs = sinceStart();
    const index = records.length;
    let over = false;
    const end = (answered: boolean): void => {
      if (over) return;
      over = true;
      records[index] = { port: attempt.port, dueMs, atMs, tookMs: sinceStart() - atMs, answered };
      then();
    };
    const attempt = service.request(end);
    records.push({ port: attempt.port, dueMs, atMs, tookMs: PATIENCE_MS, answered: false });
    service.after(PATIENCE_MS, () => {
      if (over) return;
      attempt.giveUp();
      end(false);
    });
  };

  return new Promise((done) => {
    let lanes = loop.kind === 'open' ? 1 : loop.threads;
    const leave = (): void => {
      lanes -= 1;
      if (lanes === 0) done(records);
    };
    if (loop.kind === 'open') {
      let waiting = 0;
      let begun = false;
      const everyMs = 1000 / loop.perSecond;
      const next = (count: number): void => {
        const dueMs = count * everyMs;
        if (dueMs >= durationMs) {
          begun = true;
          if (waiting === 0) leave();
          return;
        }
        at(dueMs, () => {
          waiting += 1;
          request(dueMs, () => {
            waiting -= 1;
            if (begun && waiting === 0) leave();
          });
          next(count + 1);
        });
      };
      next(0);
      return;
    }
    const everyMs = 1000 / loop.perSecond;
    for (let thread = 0; thread < loop.threads; thread += 1) {
      // They do not all knock at one instant.
      const offsetMs = (thread * everyMs) / loop.threads;
      const next = (tick: number): void => {
        const dueMs = offsetMs + tick * everyMs;
        if (dueMs >= durationMs) leave();
        else
          at(dueMs, () => {
            request(dueMs, () => next(Math.max(tick + 1, Math.ceil((sinceStart() - offsetMs) / everyMs))));
          });
      };
      next(0);
    }
  });
}

/**
 * The requests that a closed loop did not start because its threads waited, as they would have fared: each tick of the rhythm
 * that passed while one was under way counts as a request that waited for the same end (Tene, "How NOT to measure latency").
 */
export function corrected(
  records: readonly RequestRecord[],
  loop: Loop,
  durationMs: number,
): RequestRecord[] {
  if (loop.kind === 'open') return [...records];
  const everyMs = 1000 / loop.perSecond;
  const all: RequestRecord[] = [];
  for (const record of records) {
    all.push(record);
    const endMs = record.atMs + record.tookMs;
    for (let dueMs = record.dueMs + everyMs; dueMs < Math.min(endMs, durationMs); dueMs += everyMs) {
      all.push({ ...record, dueMs, atMs: dueMs, tookMs: endMs - dueMs });
    }
  }
  return all.sort((a, b) => a.atMs - b.atMs);
}
