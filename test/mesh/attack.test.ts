import { randomBytes } from 'node:crypto';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { WebSocketServer } from 'ws';
import { addressOf, type Endpoint, formatAddress, formatEndpoint, portOf } from '../../src/core/endpoint.js';
import { DiallerHandshake } from '../../src/mesh/handshake.js';
import { MESH_PATH } from '../../src/mesh/settings.js';
import type { WsMesh } from '../../src/mesh/ws-mesh.js';
import type { MeshEvent } from '../../src/ports/mesh.js';
import { eventually } from '../support/eventually.js';
import { RecordingLog } from '../support/recording-log.js';
import { freshEndpoint, freshPeer, KEY, type NodeOptions, openMesh } from './loopback.js';
import { clientFrame, leaveAll, poke, rawConnection, strange, strangeSocket, UPGRADE } from './stranger.js';

/** How long a machine that is busy with other things may take for what is otherwise done at once. */
const PATIENCE_MS = 15_000;

function soon<T>(what: string, ask: () => T, fits: (answer: T) => boolean) {
  return eventually(what, ask, fits, PATIENCE_MS);
}

interface Node {
  readonly mesh: WsMesh;
  readonly self: ReturnType<typeof freshPeer>;
  readonly events: MeshEvent[];
  readonly log: RecordingLog;
}

const opened: WsMesh[] = [];
const servers: Server[] = [];
test.afterEach.always(async () => {
  for (const server of servers.splice(0)) server.close();
  leaveAll();
  await Promise.all(opened.splice(0).map((mesh) => mesh.stop()));
});

async function node(name: string, options: NodeOptions = {}): Promise<Node> {
  const self = options.self ?? freshPeer(name);
  const log = new RecordingLog();
  const mesh = await openMesh({ self, log, ...options });
  opened.push(mesh);
  const events: MeshEvent[] = [];
  mesh.receive((batch) => events.push(...batch));
  return { mesh, self, events, log };
}

function listening(server: Server, at: Endpoint): Promise<void> {
  servers.push(server);
  return new Promise((resolve) => server.listen(portOf(at), formatAddress(addressOf(at)), resolve));
}

const kindsOf = (events: readonly MeshEvent[]) => events.map((event) => event.kind);
const isUp = (events: readonly MeshEvent[]) => kindsOf(events).includes('opened');

/** Who is turned away may know it before the victim has counted it. */
async function counted(victim: Node, count: number): Promise<void> {
  const ask = () => victim.mesh.traffic().unauthenticated;
  await soon('the strangers are counted', ask, (n) => n === count);
}

/** A node is well if it can still be joined. */
async function stillServes(attacked: Node): Promise<void> {
  const friend = await node('friend');
  friend.mesh.dial(attacked.self.endpoint, PATIENCE_MS);
  await soon('a link to the node attacked', () => friend.events, isUp);
}

/** A stranger's web socket that knows the key: a member that turned. */
async function traitor(victim: Node) {
  const self = freshPeer('traitor');
  const socket = strangeSocket(victim.self.endpoint);
  const handshake = new DiallerHandshake(
    { self, keys: [KEY], binding: new Uint8Array() },
    victim.self.endpoint,
  );
  const step = handshake.receive(await socket.frame(0));
  if (step.kind !== 'send') throw new Error(step.kind);
  socket.ws.send(step.frame);
  await socket.frame(1);
  await soon('a link to the traitor', () => victim.events, isUp);
  return socket;
}

const requests: readonly { title: string; octets: string | Uint8Array; answer: RegExp }[] = [
  {
    title: 'a plain request at the path',
    octets: `GET ${MESH_PATH} HTTP/1.1\r\nHost: x\r\n\r\n`,
    answer: /^HTTP\/1.1 426 /,
  },
  {
    title: 'a plain request elsewhere',
    octets: 'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    answer: /^HTTP\/1.1 404 /,
  },
  { title: 'an upgrade elsewhere', octets: UPGRADE.replace(MESH_PATH, '/other'), answer: /^HTTP\/1.1 404 / },
  { title: 'an upgrade by POST', octets: UPGRADE.replace('GET', 'POST'), answer: /^HTTP\/1.1 405 / },
  {
    title: 'an upgrade of another version',
    octets: UPGRADE.replace(': 13', ': 7'),
    answer: /^HTTP\/1.1 400 /,
  },
  {
    title: 'a head that is too long',
    octets: `GET / HTTP/1.1\r\nX: ${'x'.repeat(5000)}\r\n\r\n`,
    answer: /^HTTP\/1.1 400 /,
  },
  { title: 'no HTTP at all', octets: 'SSH-2.0-OpenSSH_9.2\r\n', answer: /^HTTP\/1.1 400 / },
  { title: 'a TLS hello', octets: Buffer.from('16030100c8010000c40303', 'hex'), answer: /^HTTP\/1.1 400 / },
];

for (const { title, octets, answer } of requests) {
  test.serial(`mesh attacked: ${title} gets a short answer and the end`, async (t) => {
    const victim = await node('victim');
    const seen = await poke(victim.self.endpoint, octets);
    t.regex(seen.text, answer);
    t.true(seen.text.length < 300, seen.text);
    t.true(seen.closed);
    await counted(victim, 1);
    t.deepEqual(victim.events, []);
  });
}

test.serial('mesh attacked: random octets at every stage', async (t) => {
  const victim = await node('victim', { limits: { maxWaitingPerAddress: 1000, handshakeTimeoutMs: 3000 } });
  const pokes: Promise<unknown>[] = [];
  for (let i = 0; i < 60; i++) {
    const noise = randomBytes(1 + (i % 40) * 50);
    pokes.push(poke(victim.self.endpoint, noise));
    pokes.push(poke(victim.self.endpoint, Buffer.concat([Buffer.from(UPGRADE), noise])));
    pokes.push(
      poke(
        victim.self.endpoint,
        Buffer.concat([Buffer.from(UPGRADE), clientFrame(2, noise.subarray(0, 150))]),
      ),
    );
  }
  await Promise.all(pokes);
  t.deepEqual(victim.events, []);
  await counted(victim, 180);
  t.true(victim.log.events.length <= 10, 'the log must not grow with the attack');
  await stillServes(victim);
});

const strangersFrames: readonly { title: string; octets: Uint8Array }[] = [
  { title: 'a frame that claims 60 kB', octets: clientFrame(2, randomBytes(1000), 60_000) },
  { title: 'a frame that claims 4 GB', octets: clientFrame(2, randomBytes(1000), 2 ** 32) },
  { title: 'text', octets: clientFrame(1, Buffer.from('hello')) },
  { title: 'a ping', octets: clientFrame(9, Buffer.alloc(0)) },
  { title: 'a frame that is not masked', octets: Buffer.from([0x82, 1, 0]) },
  { title: 'a reserved operation', octets: clientFrame(3, Buffer.alloc(4)) },
  {
    title: 'a thousand empty pieces of a frame',
    octets: Buffer.alloc(6000, Buffer.from([0x02, 0x80, 0, 0, 0, 0])),
  },
  { title: 'a closing frame with a bad status', octets: clientFrame(8, Buffer.from([0, 1])) },
];

for (const { title, octets } of strangersFrames) {
  test.serial(`mesh attacked: ${title} instead of a hello ends the connection before its time`, async (t) => {
    const victim = await node('victim');
    const seen = await poke(victim.self.endpoint, Buffer.concat([Buffer.from(UPGRADE), octets]));
    t.true(seen.closed);
    t.true(seen.ms < PATIENCE_MS, `${seen.ms} ms`);
    t.deepEqual(victim.events, []);
  });
}

test.serial(
  'mesh attacked: who says nothing, drips, or stops after the upgrade is gone after the time for a handshake',
  async (t) => {
    const victim = await node('victim', { limits: { handshakeTimeoutMs: 400 } });
    const silent = poke(victim.self.endpoint, '');
    const upgraded = poke(victim.self.endpoint, UPGRADE);
    const startedMs = performance.now();
    const socket = rawConnection(victim.self.endpoint);
    socket.write(`GET ${MESH_PATH} HTTP/1.1\r\nX: `);
    const drip = setInterval(() => socket.write('x'), 20);
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(drip);
    for (const ms of [performance.now() - startedMs, (await silent).ms, (await upgraded).ms]) {
      t.true(ms > 100 && ms < PATIENCE_MS, `${ms} ms`);
    }
    t.true((await silent).closed && (await upgraded).closed);
    await counted(victim, 3);
  },
);

test.serial('mesh attacked: a thousand connections that say nothing lock nobody out', async (t) => {
  const victim = await node('victim', { limits: { handshakeTimeoutMs: 60_000 } });
  const sockets = Array.from({ length: 1000 }, (_, i) =>
    rawConnection(victim.self.endpoint, `127.99.${i % 50}.1`),
  );
  await soon(
    'they are turned away',
    () => victim.mesh.traffic().unauthenticated,
    (n) => n >= 700,
  );
  await stillServes(victim);
  // Those that were let in and are left over: 50 addresses with 16 each are more than 256.
  const left = () => sockets.filter((socket) => !socket.destroyed).length;
  await soon('no more than the limit is left', left, (n) => n <= 256);
  t.true(left() >= 200, `${left()}`);
});

test.serial('mesh attacked: a flood from the address of a peer does not keep the peer out', async (t) => {
  const victim = await node('victim', { limits: { handshakeTimeoutMs: 60_000 } });
  const friend = await node('friend');
  const from = formatAddress(addressOf(friend.self.endpoint));
  for (let i = 0; i < 100; i++) rawConnection(victim.self.endpoint, from);
  friend.mesh.dial(victim.self.endpoint, PATIENCE_MS);
  await soon(
    'a link',
    () => friend.events,
    (events) => events.length > 0,
  );
  t.deepEqual(kindsOf(friend.events), ['opened']);
});

test.serial('mesh attacked: a recorded handshake, played again, opens nothing', async (t) => {
  const victim = await node('victim');
  const friend = await node('friend');
  // A wire that records what the friend sends.
  const recorded: Buffer[] = [];
  const tap = createServer((inner) => {
    const outer = rawConnection(victim.self.endpoint);
    inner.on('error', () => {});
    inner.on('data', (chunk) => {
      recorded.push(chunk);
      outer.write(chunk);
    });
    outer.pipe(inner);
  });
  const at = freshEndpoint();
  await listening(tap, at);
  friend.mesh.dial(at, PATIENCE_MS);
  await soon(
    'an answer',
    () => friend.events,
    (events) => events.length > 0,
  );
  // The friend dialled the wire's address, which the victim is not: a relay gains nothing.
  t.deepEqual(friend.events, [{ kind: 'dial-failed', to: at, reason: 'unauthenticated' }]);
  const hello = Buffer.concat(recorded);
  t.true(hello.length > 200);
  t.true((await poke(victim.self.endpoint, hello)).closed);
  t.deepEqual(victim.events, []);
  await counted(victim, 2);
});

test.serial('mesh attacked: a hello that opened a link opens no second one', async (t) => {
  const victim = await node('victim');
  const credentials = { self: freshPeer('friend'), keys: [KEY], binding: new Uint8Array() };
  const first = strangeSocket(victim.self.endpoint);
  const step = new DiallerHandshake(credentials, victim.self.endpoint).receive(await first.frame(0));
  if (step.kind !== 'send') return t.fail();
  first.ws.send(step.frame);
  await soon('the first link', () => victim.events, isUp);
  const second = strangeSocket(victim.self.endpoint);
  await second.frame(0);
  second.ws.send(step.frame);
  t.is(await second.closed, 4401);
  t.deepEqual(kindsOf(victim.events), ['opened']);
});

test.serial('mesh attacked: a challenge reflected to its author opens nothing', async (t) => {
  const victim = await node('victim');
  // The attacker listens, and passes the victim's own challenge back to it.
  const at = freshEndpoint();
  const http = createHttpServer();
  const server = new WebSocketServer({ noServer: true });
  const heard: Buffer[] = [];
  http.on('upgrade', (request, socket, head) =>
    server.handleUpgrade(request, socket, head, async (ws) => {
      const mirror = strangeSocket(victim.self.endpoint);
      const facing = strange(ws);
      ws.send(await mirror.frame(0));
      const hello = await facing.frame(0);
      heard.push(hello);
      mirror.ws.send(hello);
      const code = await mirror.closed;
      heard.push(Buffer.from(`${code}`));
      ws.send(hello);
    }),
  );
  await listening(http, at);
  victim.mesh.dial(at, PATIENCE_MS);
  await soon(
    'an answer',
    () => victim.events,
    (events) => events.length > 0,
  );
  t.deepEqual(victim.events, [{ kind: 'dial-failed', to: at, reason: 'unauthenticated' }]);
  t.is(heard[1]?.toString(), '4401');
});

const breaches: readonly { title: string; act: (ws: ReturnType<typeof strangeSocket>['ws']) => void }[] = [
  { title: 'text', act: (ws) => ws.send('hello') },
  {
    title: 'a flood of pings',
    act: (ws) => Array.from({ length: 10_000 }, () => ws.ping(Buffer.alloc(125))),
  },
  { title: 'a frame above the limit', act: (ws) => ws.send(new Uint8Array(70_000)) },
];

for (const { title, act } of breaches) {
  test.serial(`mesh attacked: a member that sends ${title} loses its link`, async (t) => {
    const victim = await node('victim');
    const socket = await traitor(victim);
    act(socket.ws);
    await soon(
      'the end of the link',
      () => kindsOf(victim.events),
      (kinds) => kinds.includes('closed'),
    );
    t.like(victim.events.at(-1), { kind: 'closed', reason: 'protocol' });
    t.deepEqual(kindsOf(victim.events), ['opened', 'closed']);
    t.not(await socket.closed, 1000);
  });
}

test.serial('mesh attacked: a member that never reads is cut, whatever it sends', async (t) => {
  const victim = await node('victim');
  const socket = await traitor(victim);
  socket.ws.pause();
  const { link } = victim.events.find((event) => event.kind === 'opened')!;
  const chatter = setInterval(() => socket.ws.send(new Uint8Array(12)), 5);
  const frame = new Uint8Array(65_536);
  for (let i = 0; i < 2000 && !kindsOf(victim.events).includes('closed'); i++) {
    victim.mesh.send(link.id, frame);
    if (i % 20 === 0) await sleep(1);
  }
  clearInterval(chatter);
  t.like(victim.events.at(-1), { kind: 'closed', reason: 'slow' });
  t.is(victim.log.named('mesh-link-slow').length, 1);
  socket.ws.terminate();
});

test.serial('mesh attacked: a listener that is no mesh is not waited for', async (t) => {
  const rows: readonly { answer: string; reason: string }[] = [
    { answer: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', reason: 'unauthenticated' },
    { answer: 'SSH-2.0-OpenSSH_9.2\r\n', reason: 'unauthenticated' },
    {
      answer: `HTTP/1.1 101 Switching Protocols\r\nX: ${'x'.repeat(10_000)}\r\n\r\n`,
      reason: 'unauthenticated',
    },
    { answer: 'HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n', reason: 'unauthenticated' },
    { answer: '', reason: 'refused' },
  ];
  const caller = await node('caller');
  for (const { answer, reason } of rows) {
    const at = freshEndpoint();
    const server = createServer((socket) => {
      socket.on('error', () => {});
      if (answer === '') socket.resetAndDestroy();
      else socket.write(answer);
    });
    await listening(server, at);
    const before = caller.events.length;
    caller.mesh.dial(at, PATIENCE_MS);
    await soon(
      'an answer',
      () => caller.events,
      (events) => events.length > before,
    );
    t.like(caller.events.at(-1), { kind: 'dial-failed', to: at, reason }, answer.slice(0, 40));
  }
});

test.serial('mesh: another node of the same address is told of by name, and both run on', async (t) => {
  const first = await node('first');
  const socket = strangeSocket(first.self.endpoint);
  const twin = { ...freshPeer('twin'), endpoint: first.self.endpoint };
  const handshake = new DiallerHandshake(
    { self: twin, keys: [KEY], binding: new Uint8Array() },
    first.self.endpoint,
  );
  const step = handshake.receive(await socket.frame(0));
  if (step.kind === 'send') socket.ws.send(step.frame);
  t.is(await socket.closed, 4401);
  const [told] = first.log.named('mesh-peer-refused');
  t.regex(told?.message ?? '', /which calls itself twin, claims our own address and port/);
  await stillServes(first);
});

test.serial('mesh: keys are exchanged under way, and links that stand stay', async (t) => {
  const [old, fresh] = [Buffer.alloc(32, 'old'), Buffer.alloc(32, 'new')];
  const keys = { a: [old], b: [old] };
  const a = await node('a', { keys: () => keys.a });
  const b = await node('b', { keys: () => keys.b });
  const link = async (from: Node, to: Node) => {
    const before = from.events.length;
    from.mesh.dial(to.self.endpoint, PATIENCE_MS);
    await soon(
      'an answer',
      () => from.events,
      (events) => events.length > before,
    );
    return from.events.at(-1)!.kind;
  };
  t.is(await link(a, b), 'opened');
  keys.a = [old, fresh];
  t.is(await link(a, b), 'opened');
  t.is(await link(b, a), 'opened');
  keys.b = [fresh, old];
  t.is(await link(a, b), 'opened');
  t.is(await link(b, a), 'opened');
  keys.a = [fresh];
  t.is(await link(a, b), 'opened');
  t.is(await link(b, a), 'opened');
  keys.b = [fresh];
  t.is(await link(a, b), 'opened');
  keys.a = [old];
  t.is(await link(a, b), 'dial-failed');
  t.is(await link(b, a), 'dial-failed');
  t.is(a.mesh.links().length, 8);
  t.is(b.mesh.links().length, 8);
});

test.serial('mesh: a port that is taken, and an address of another host, are told in words', async (t) => {
  const first = await node('first');
  await t.throwsAsync(openMesh({ self: freshPeer('second', first.self.endpoint) }), {
    message: `mesh: another program listens at ${formatEndpoint(first.self.endpoint)}; set mesh.port to another port on all nodes, or end that program`,
  });
  const elsewhere = freshPeer('third', (0x08080808 * 65_536 + 61_420) as typeof first.self.endpoint);
  await t.throwsAsync(openMesh({ self: elsewhere }), {
    message: 'mesh: this host has no address of 8.8.8.8:61420; set node.address to one of its own',
  });
});

test.serial('mesh: after stop the port is free, and peers hear of an orderly end', async (t) => {
  const a = await node('a');
  const b = await node('b');
  a.mesh.dial(b.self.endpoint, PATIENCE_MS);
  await soon('a link', () => b.events, isUp);
  const startedMs = performance.now();
  await b.mesh.stop();
  t.true(performance.now() - startedMs < 5000);
  await soon(
    'the end',
    () => kindsOf(a.events),
    (kinds) => kinds.includes('closed'),
  );
  t.like(a.events.at(-1), { kind: 'closed', reason: 'ended' });
  a.mesh.dial(b.self.endpoint, PATIENCE_MS);
  await soon(
    'an answer',
    () => kindsOf(a.events),
    (kinds) => kinds.includes('dial-failed'),
  );
  t.like(a.events.at(-1), { reason: 'refused' });
  t.deepEqual(a.mesh.links(), []);
});
