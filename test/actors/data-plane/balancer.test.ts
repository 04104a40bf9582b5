import test from 'ava';
import { type BalancerMessage, vipBalancer } from '../../../src/actors/data-plane/balancer.js';
import { Directory, type DirectoryEntry } from '../../../src/actors/data-plane/directory.js';
import { Telemetry } from '../../../src/core/telemetry.js';
import type { Syn } from '../../../src/ports/packet-queue.js';
import { at } from '../../support/endpoints.js';
import { MemoryConntrack } from '../../support/memory-kernel/conntrack.js';
import { Inbox, Stage } from '../../support/stage.js';

const VIP = at('10.1.0.1:80');
const BACKEND = at('10.2.0.1:80');
const LIMITS = { failureThreshold: 5, failureWindowMs: 300_000, backoffMs: 30_000, connectTimeoutMs: 400 };

const client = (port: number) => at(`10.9.0.1:${port}`);

class BalancerStage extends Stage<BalancerMessage> {
  readonly telemetry = new Telemetry();
  readonly placed = new Inbox<unknown>();

  async start(): Promise<this> {
    const entry: DirectoryEntry = {
      vip: VIP,
      backends: new Set([BACKEND]),
      mailbox: new Inbox<BalancerMessage>(),
      balancer: undefined,
    };
    await this.play(
      vipBalancer({
        entry,
        directory: new Directory(),
        limits: LIMITS,
        telemetry: this.telemetry,
        departed: new Map(),
        conntrack: new MemoryConntrack(this.time),
        clock: this.time,
        random: { next: () => 0.5 },
        log: this.log,
      }),
    );
    return this;
  }

  async place(port: number): Promise<void> {
    const syn = { client: client(port), vip: VIP } as Syn;
    await this.send({ kind: 'place', syns: [syn], replyTo: this.placed });
  }

  async answer(port: number): Promise<void> {
    const event = {
      kind: 'answered',
      client: client(port),
      vip: VIP,
      backend: BACKEND,
      atMs: this.time.nowMs(),
    } as const;
    await this.send({ kind: 'observed', events: [event] });
  }
}

test('a handshake that finished is not waited for any more', async (t) => {
  const stage = await new BalancerStage().start();
  await stage.place(1);
  t.is(stage.time.pending, 1);
  await stage.answer(1);
  t.is(stage.time.pending, 0);
  await stage.pass(1_000);
  await stage.place(2);
  await stage.send({ kind: 'release', clients: [client(2)] });
  t.is(stage.time.pending, 0);
  t.is(stage.telemetry.handshakes.timedOut, 0);
});

test('while another is in flight it is waited for that one, from its own beginning', async (t) => {
  const stage = await new BalancerStage().start();
  await stage.place(1);
  await stage.pass(300);
  await stage.place(2);
  await stage.answer(1);
  await stage.pass(399);
  t.is(stage.telemetry.handshakes.timedOut, 0);
  await stage.pass(1);
  t.is(stage.telemetry.handshakes.timedOut, 1);
  t.is(stage.time.pending, 0);
});

test('clients that follow each other are waited for with one timer', async (t) => {
  const stage = await new BalancerStage().start();
  for (let port = 1; port <= 5; port += 1) {
    await stage.place(port);
    await stage.answer(port);
    t.is(stage.time.pending, port === 1 ? 0 : 1);
    await stage.pass(50);
  }
  await stage.pass(400);
  t.is(stage.time.pending, 0);
});
