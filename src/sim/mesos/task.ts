import type { Endpoint } from '../../core/endpoint.js';
import type { HostName } from '../engine/journal.js';

/** A program that serves a VIP on some host. A change makes a new record, so records may be kept. */
export interface Task {
  /** As Mesos names it; never used twice. */
  readonly id: string;
  /** Which of the plan's backends it is; a task that was moved keeps its number. */
  readonly number: number;
  readonly vip: Endpoint;
  /** Another VIP that the same port serves: then one backend answers the same client for two addresses. */
  readonly sibling: Endpoint | undefined;
  readonly backend: Endpoint;
  readonly host: HostName;
  /** `killing`: it still serves whom it serves, but is to get no new connections. */
  readonly state: 'running' | 'killing';
  readonly healthy: boolean;
}

/** The VIPs that a task serves. */
export function vipsOf({ vip, sibling }: Task): readonly Endpoint[] {
  return sibling === undefined ? [vip] : [vip, sibling];
}
