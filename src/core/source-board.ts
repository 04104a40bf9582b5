import type { SourceStatus } from './status.js';

export interface SourceRecord {
  ok: boolean;
  lastGoodMs: number | undefined;
  errors: number;
  lastError: string | undefined;
  vips: number;
}

/** How each source is doing: pollers write it, outsiders read it. Outlives restarts of the pollers. */
export class SourceBoard {
  readonly #records = new Map<string, SourceRecord>();

  record(name: string): SourceRecord {
    let record = this.#records.get(name);
    if (record === undefined) {
      record = { ok: false, lastGoodMs: undefined, errors: 0, lastError: undefined, vips: 0 };
      this.#records.set(name, record);
    }
    return record;
  }

  statuses(nowMs: number): SourceStatus[] {
    return [...this.#records].map(([name, record]) => ({
      name,
      ok: record.ok,
      lastGoodAgeMs: record.lastGoodMs === undefined ? undefined : nowMs - record.lastGoodMs,
      errors: record.errors,
      lastError: record.lastError,
      vips: record.vips,
    }));
  }
}
