import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { endpoint, parseAddress, parseEndpoint, portOf } from '../../src/core/endpoint.js';
import { CONNTRACK_DEFAULTS, nativeConntrack } from '../../src/native/conntrack.js';
import { nativePacketQueues, PACKET_QUEUE_DEFAULTS } from '../../src/native/packet-queue.js';
import { nativeRoutes } from '../../src/native/routes.js';
import { KernelError } from '../../src/ports/kernel-error.js';
import type { Syn } from '../../src/ports/packet-queue.js';

/*
 * What only the real addon can show, on the kernel of the namespace this process is in: `lifecycle-host
 * SCENARIO ADDRESS QUEUE`. Prints `done` when all held; anything else is a failure.
 */
const [scenario, address, queueText] = process.argv.slice(2) as [string, string, string];
const queue = Number(queueText);
const ADDON = fileURLToPath(new URL('../../../Release/minuteman.node', import.meta.url));

function attempt(port: number): Socket {
  const socket = connect({ host: '10.1.2.3', port: 5000, localAddress: address, localPort: port });
  socket.on('error', () => {});
  return socket;
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let step = 0; step < 1000; step += 1) {
    if (holds()) return;
    await sleep(5);
  }
  assert.fail(`it never came true that ${what}`);
}

/** What stays open: the collector closes what nobody holds. */
const held: unknown[] = [];

/** Opens one of everything and leaves it open. */
function openAll(number: number): void {
  const packets = nativePacketQueues().open(number);
  packets.receive(() => {});
  const conntrack = nativeConntrack({ ...CONNTRACK_DEFAULTS, logGroup: number });
  conntrack.observe(
    () => {},
    () => {},
  );
  const routes = nativeRoutes();
  routes.onChange(() => {});
  held.push(packets, conntrack, routes);
}

async function thread(number: number): Promise<Worker> {
  const worker = new Worker(new URL(import.meta.url), {
    argv: process.argv.slice(2),
    workerData: { number },
  });
  await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  return worker;
}

const scenarios: Record<string, () => Promise<void> | void> = {
  'two-threads': async () => {
    openAll(queue);
    const first = await thread(queue + 1);
    const second = await thread(queue + 2);
    await first.terminate();
    second.postMessage('end');
    await new Promise((resolve) => second.once('exit', resolve));
    // Their queues are free again, and this thread's own is not.
    nativePacketQueues()
      .open(queue + 1)
      .close();
    nativePacketQueues()
      .open(queue + 2)
      .close();
    assert.throws(() => nativePacketQueues().open(queue), KernelError);
    const third = await thread(queue + 1);
    await third.terminate();
  },

  twice: () => {
    const folder = mkdtempSync(join(tmpdir(), 'minuteman-'));
    try {
      for (const [i, name] of ['one.node', 'two.node'].entries()) {
        copyFileSync(ADDON, join(folder, name));
        const loaded = createRequire(import.meta.url)(join(folder, name));
        const bound = new loaded.PacketQueue(queue + i, 16, 1 << 16);
        assert.deepEqual(bound.counters(), { received: 0, unreadable: 0, overruns: 0 });
      }
      openAll(queue + 2);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },

  'ends-when-closed': async () => {
    const bound = nativePacketQueues().open(queue);
    bound.receive(() => {});
    const conntrack = nativeConntrack();
    conntrack.observe(
      () => {},
      () => {},
    );
    const routes = nativeRoutes();
    routes.onChange(() => {});
    await sleep(10);
    bound.close();
    bound.close();
    assert.deepEqual(bound.outstanding(), []);
    bound.verdict([1], 'accept');
    conntrack.close();
    routes.close();
    process.exitCode = 0;
  },

  unprivileged: () => {
    process.setgroups?.([]);
    process.setuid?.(65534);
    assert.throws(
      () => nativePacketQueues().open(queue),
      (error) =>
        error instanceof KernelError && error.code === 'EPERM' && /CAP_NET_ADMIN/.test(error.message),
    );
    const conntrack = nativeConntrack();
    assert.throws(
      () => conntrack.countOurs(),
      (error) => error instanceof KernelError && error.code === 'EPERM',
    );
    const client = endpoint(1, 1);
    const [outcome] = conntrack.map([{ client, vip: client, backend: client, source: undefined }]);
    assert.deepEqual(outcome, { kind: 'error', code: 'EPERM' });
  },

  'full-queue-passes': async () => {
    const bound = nativePacketQueues({ ...PACKET_QUEUE_DEFAULTS, maxLength: 4 }).open(queue);
    const syns: Syn[] = [];
    bound.receive((batch) => syns.push(...batch));
    let refused = 0;
    for (let i = 0; i < 10; i += 1) attempt(43000 + i).on('error', () => (refused += 1));
    await until('six of ten passed and were refused', () => refused === 6);
    assert.equal(syns.length, 4);
    assert.equal(bound.counters().depth, 4);
    bound.verdict(
      syns.map((syn) => syn.id),
      'accept',
    );
    await until('the others were refused, too', () => refused === 10);
  },

  'small-buffer-reads-on': async () => {
    const bound = nativePacketQueues({ ...PACKET_QUEUE_DEFAULTS, receiveBytes: 1 }).open(queue);
    const syns: Syn[] = [];
    bound.receive((batch) => syns.push(...batch));
    // Connections are made without the event loop turning, so that nobody reads meanwhile.
    const started = Array.from({ length: 40 }, (_, i) => attempt(43100 + i));
    let ended = 0;
    for (const socket of started) socket.on('close', () => (ended += 1));
    await until('some came and the others passed', () => syns.length > 0 && syns.length + ended >= 40);
    assert.ok(bound.counters().overruns > 0);
    const before = syns.length;
    attempt(43200);
    await until('the next SYN came', () => syns.length > before);
    bound.verdict(
      syns.map((syn) => syn.id),
      'accept',
    );
    await until('nothing is held', () => bound.counters().depth === 0);
  },

  'lost-events-are-told': async () => {
    const server = createServer((socket) => socket.on('error', () => {}).resume());
    await new Promise<void>((resolve) => server.listen(8080, address, 4096, resolve));
    const conntrack = nativeConntrack({ ...CONNTRACK_DEFAULTS, logGroup: queue, logBytes: 1 });
    let told = 0;
    let lost = 0;
    conntrack.observe(
      (events) => {
        told += events.length;
      },
      () => {
        lost += 1;
      },
    );
    const bound = nativePacketQueues().open(queue);
    const held: Syn[] = [];
    bound.receive((syns) => held.push(...syns));
    const place = (): void => {
      conntrack.map(
        held.map((syn) => ({ ...syn, backend: parseEndpoint(`${address}:8080`)!, source: undefined })),
      );
      bound.verdict(
        held.splice(0).map((syn) => syn.id),
        'accept',
      );
    };
    const batch = Array.from({ length: 50 }, (_, i) => attempt(43300 + i));
    let connected = 0;
    for (const socket of batch) socket.on('connect', () => (connected += 1));
    await until('the SYNs came', () => held.length === 50);
    place();
    await until('all connected', () => connected === 50);
    await until('the loss was told', () => lost > 0);
    assert.ok(told < 50);
    // One at a time there is room again.
    for (let i = 0; i < 20; i += 1) {
      const before = told;
      attempt(43400 + i);
      await until('its SYN came', () => held.length === 1);
      place();
      await until('its answer was told', () => told > before);
    }
  },

  'bulk-with-window-scale': async () => {
    const total = 64 << 20;
    const server = createServer((socket) => socket.on('error', () => {}).end(Buffer.alloc(total)));
    await new Promise<void>((resolve) => server.listen(8080, address, 4096, resolve));
    const conntrack = nativeConntrack();
    const bound = nativePacketQueues().open(queue);
    bound.receive((syns) => {
      for (const syn of syns) assert.equal(portOf(syn.vip), 5000);
      conntrack.map(
        syns.map((syn) => ({ ...syn, backend: parseEndpoint(`${address}:8080`)!, source: undefined })),
      );
      bound.verdict(
        syns.map((syn) => syn.id),
        'accept',
      );
    });
    let received = 0;
    attempt(43500).on('data', (bytes) => {
      received += bytes.length;
    });
    await until('all bytes came', () => received === total);
    assert.equal(
      conntrack.lookup([
        { client: endpoint(parseAddress(address)!, 43500), vip: endpoint(parseAddress('10.1.2.3')!, 5000) },
      ])[0]?.ours,
      true,
    );
  },
};

if (isMainThread) {
  await scenarios[scenario]?.();
  console.log('done');
  // The one scenario that must end by itself.
  if (scenario !== 'ends-when-closed') process.exit();
} else {
  openAll((workerData as { readonly number: number }).number);
  parentPort!.once('message', () => process.exit());
  parentPort!.postMessage('open');
}
