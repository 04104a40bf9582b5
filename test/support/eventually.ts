import { setTimeout as sleep } from 'node:timers/promises';

/** Asks until the answer `fits`: that answer and what it took, or an error with the last one. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T> | T,
  fits: (answer: T) => boolean,
  timeoutMs = 20_000,
): Promise<{ readonly answer: T; readonly ms: number }> {
  const startedMs = performance.now();
  for (;;) {
    const answer = await ask();
    const ms = performance.now() - startedMs;
    if (fits(answer)) return { answer, ms };
    if (ms > timeoutMs) throw new Error(`${what}: not in ${timeoutMs} ms, at last ${JSON.stringify(answer)}`);
    await sleep(50);
  }
}
