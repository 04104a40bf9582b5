/** Why something failed, and the actor at which it began: that is what an operator has to look at. */
export interface Crash {
  readonly path: string;
  readonly error: Error;
}

/** JavaScript may throw anything; operators read errors. */
export function crashOf(path: string, thrown: unknown): Crash {
  if (thrown instanceof Error) return { path, error: thrown };
  const what = typeof thrown === 'string' ? thrown : `something that is no Error (${typeof thrown})`;
  return { path, error: new Error(what, { cause: thrown }) };
}
