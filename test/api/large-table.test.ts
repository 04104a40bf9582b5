import test from 'ava';
import { Api } from '../../src/api/server.js';
import { backend, FakeStatus } from './fake-status.js';

const VIPS = 10_000;
const BACKENDS = 10;

function largeTable(): FakeStatus {
  const status = new FakeStatus();
  const recent = { count: 100, p50Ms: 0.123, p95Ms: 0.456, p99Ms: 0.789, maxMs: 1.5 };
  for (let i = 0; i < VIPS; i += 1) {
    const at = `${Math.floor(i / 250)}.${i % 250}`;
    const backends = Array.from({ length: BACKENDS }, (_, b) =>
      backend(`10.${100 + b}.${at}:8080`, { ewmaMs: 0.5, recent, available: b > 0 }),
    );
    status.add(`10.1.${at}:5000`, ...backends);
  }
  return status;
}

/**
 * How long the turns of the event loop are while `work` runs, in milliseconds of this process's own time: what
 * other programs on the machine take in between says nothing about us.
 */
async function turnsDuring(work: () => Promise<unknown>): Promise<{ p95Ms: number; turns: number }> {
  const spentMs = (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  };
  const gaps: number[] = [];
  let running = true;
  let lastMs = spentMs();
  const look = () => {
    const nowMs = spentMs();
    gaps.push(nowMs - lastMs);
    lastMs = nowMs;
    if (running) setImmediate(look);
  };
  setImmediate(look);
  await work();
  running = false;
  gaps.sort((a, b) => a - b);
  return { p95Ms: gaps[Math.floor(gaps.length * 0.95)]!, turns: gaps.length };
}

for (const path of ['/vips', '/metrics', '/backend/10.105.3.7:8080']) {
  test.serial(
    `api: ${path} of ${VIPS} VIPs with ${BACKENDS} backends lets the event loop turn`,
    async (t) => {
      const node = { name: 'n1', address: undefined };
      const api = new Api(
        largeTable(),
        { address: '127.0.0.1', port: 0, node, version: '1' },
        { event: () => {} },
      );
      t.teardown(() => api.close());
      const url = await api.listen();
      await (await fetch(url + path)).arrayBuffer();
      const bodies: string[] = [];
      const { p95Ms, turns } = await turnsDuring(async () => {
        const get = async () => {
          bodies.push(await (await fetch(url + path)).text());
        };
        await Promise.all([get(), get(), get()]);
      });
      t.log(
        `turns ${turns}, p95 of their length ${p95Ms.toFixed(2)} ms, ${(bodies[0]!.length / 1e6).toFixed(1)} MB each`,
      );
      t.true(turns > 20, `only ${turns} turns`);
      t.true(p95Ms < 20, `a turn of the event loop took ${p95Ms} ms`);
      if (path === '/vips') {
        const { vips } = JSON.parse(bodies[2]!) as { vips: Record<string, object> };
        t.is(Object.keys(vips).length, VIPS);
        t.is(Object.keys(vips['10.1.39.249:5000']!).length, BACKENDS);
      } else if (path === '/metrics') {
        t.regex(bodies[2]!, /^minuteman_backends\{state="available"\} 90000$/m);
        t.regex(bodies[2]!, /^minuteman_backends\{state="unavailable"\} 10000$/m);
        t.true(bodies[2]!.length < 50_000);
      } else {
        t.deepEqual(Object.keys((JSON.parse(bodies[2]!) as { vips: object }).vips), ['10.1.3.7:5000']);
      }
    },
  );
}
