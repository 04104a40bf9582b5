export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Where events for the operator go. Never throws, never blocks; `fields` must be JSON. */
export interface Log {
  event(level: LogLevel, event: string, message: string, fields?: Readonly<Record<string, unknown>>): void;
}
