import type { Endpoint } from '../../core/endpoint.js';
import type { HostName } from '../engine/journal.js';

/** A program that serves a VIP on some host. A change makes a new record, so records may be kept. */
export interface Task {
  /** As Mesos names it; never used twice. */
  readonly id: string;
  /** Which of the plan's backends it is; a task that was moved keeps its number. */
  readonly number: number;
  readonly vip: Endpoint;
  readonly backend: Endpoint;
  readonly host: HostName;
  /** `killing`: it still serves whom it serves, but is to get no new connections. */
  readonly state: 'running' | 'killing';
  readonly healthy: boolean;
}
