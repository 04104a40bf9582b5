import assert from 'node:assert/strict';
import type { Address, Endpoint } from '../../src/core/endpoint.js';
import type { Conntrack } from '../../src/ports/conntrack.js';
import type { PacketQueues } from '../../src/ports/packet-queue.js';
import type { Routes } from '../../src/ports/routes.js';
import type { Clock } from '../../src/ports/time.js';

/** What became of a client's attempt to connect. `pending`: its kernel is still trying. */
export type AttemptState = 'pending' | 'connected' | 'refused';

export interface Attempt {
  state(): AttemptState;
  /** The client as the server sees it, once connected and greeted. */
  seenAs(): Endpoint | undefined;
  /** Sends a message, which the server sends back. */
  say(): void;
  /** How many messages came back. */
  heard(): number;
  /** Sends no more. */
  finish(): void;
  /** Ends the attempt or the connection. */
  abandon(): void;
}

/**
 * A host on which a suite plays: the kernel under test, and the world around it. Whatever the kernel is,
 * real or made up, the suites see no difference. SYNs from this host towards a VIP come to `queue`; one
 * that then leaves unmapped is answered with a reset.
 */
export interface Stage {
  readonly queues: PacketQueues;
  /** The same queues, but opened they hold so many packets at most. */
  narrowQueues(length: number): PacketQueues;
  readonly queue: number;
  readonly conntrack: Conntrack;
  readonly routes: Routes;
  readonly clock: Clock;
  /** VIPs, any number of them, from 0. */
  vip(index: number): Endpoint;
  /** An address of this host; clients connect from it. */
  readonly address: Address;
  /** Another address of this host. */
  readonly otherAddress: Address;
  /** A server of this host that takes connections, greets them, and ends them when the client has finished. */
  readonly server: Endpoint;
  /** One that goes on when the client has finished. */
  readonly lingering: Endpoint;
  /** A port of this host where nobody listens. */
  readonly closed: Endpoint;
  /** An endpoint beyond the next router that swallows whatever it is sent. */
  readonly silent: Endpoint;
  /** An address that no route leads to. */
  readonly unroutable: Address;
  connect(to: Endpoint, clientPort?: number): Attempt;
  /** Gives this host one more address, or takes it away. */
  setAddress(address: Address, present: boolean): Promise<void>;
  /** Lets the world run for that long. */
  pass(milliseconds: number): Promise<void>;
}

/** One promise of a port, with the proof that a kernel keeps it. */
export interface Case {
  readonly name: string;
  run(stage: Stage): Promise<void>;
}

/** Lets the world run until the condition holds; fails with `what` if it never does. */
export async function until(stage: Stage, what: string, holds: () => boolean): Promise<void> {
  const steps = 2000;
  for (let step = 0; step < steps; step += 1) {
    if (holds()) return;
    await stage.pass(5);
  }
  assert.fail(`it never came true that ${what}`);
}
