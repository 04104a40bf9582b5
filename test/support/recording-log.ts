import type { Log, LogLevel } from '../../src/ports/log.js';

export interface LoggedEvent {
  readonly level: LogLevel;
  readonly event: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Keeps what is logged, for tests to read. */
export class RecordingLog implements Log {
  readonly events: LoggedEvent[] = [];

  event(
    level: LogLevel,
    event: string,
    message: string,
    fields: Readonly<Record<string, unknown>> = {},
  ): void {
    this.events.push({ level, event, message, fields });
  }

  named(event: string): readonly LoggedEvent[] {
    return this.events.filter((logged) => logged.event === event);
  }
}
