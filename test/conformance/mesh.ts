import assert from 'node:assert/strict';
import type { MeshLink, Peer } from '../../src/core/cluster/peer.js';
import type { Endpoint } from '../../src/core/endpoint.js';
import type { CloseReason, Mesh, MeshEvent } from '../../src/ports/mesh.js';
import type { Case } from './case.js';

/**
 * Another daemon with a mesh of its own, in a process of its own; what it is told to do it does soon. Its links are
 * known by the endpoint at their other end.
 */
export interface FarNode {
  readonly peer: Peer;
  /** What its receiver was delivered so far. */
  events(): Promise<readonly MeshEvent[]>;
  dial(to: Endpoint, timeoutMs: number): void;
  /** Sends frames to `to`, in this order, all at once. */
  send(to: Endpoint, frames: readonly Uint8Array[]): void;
  close(to: Endpoint, reason: CloseReason): void;
  /** Its process dies and its kernel lives. */
  kill(): void;
  /** Its process does nothing any more, its kernel goes on. */
  stall(): void;
}

/** A network with one daemon of ours, and means to have others. */
export interface MeshSubject {
  /** The subject of the suite, without a receiver, and who it is. */
  readonly mesh: Mesh;
  readonly self: Peer;
  /** `stranger`: holds another key than the others. */
  start(kind: 'member' | 'stranger'): Promise<FarNode>;
  /** An address where a kernel lives and nobody listens. */
  readonly deserted: Endpoint;
  /** An address that nothing ever comes back from; undefined where there can be none. */
  readonly silent: Endpoint | undefined;
  /** Lets time pass. */
  pass(ms: number): Promise<void>;
}

export const MESH_CASES: readonly Case<MeshSubject>[] = [
  {
    title: 'a dial opens one link, which both ends know by each other’s identity',
    run: async (subject) => {
      const { near, far } = await pair(subject);
      const link = await near.dialled(far.peer.endpoint);
      assert.deepEqual(link.peer, far.peer);
      assert.equal(link.dialled, true);
      const theirs = await farOpened(subject, far);
      assert.deepEqual(theirs.peer, subject.self);
      assert.equal(theirs.dialled, false);
      assert.deepEqual(subject.mesh.links(), [link]);
      assert.deepEqual(near.kinds(), ['opened']);
    },
  },
  {
    title: 'a link that the other side dialled opens in the same way',
    run: async (subject) => {
      const { near, far } = await pair(subject);
      far.dial(subject.self.endpoint, 10_000);
      const { link } = await near.one('opened');
      assert.deepEqual([link.peer, link.dialled], [far.peer, false]);
    },
  },
  {
    title: 'no event comes from inside a call',
    run: async (subject) => {
      const { near, far } = await pair(subject);
      const calls: (() => void)[] = [];
      const act = (call: () => void) => {
        const before = near.events.length;
        call();
        calls.push(call);
        assert.equal(near.events.length, before);
      };
      act(() => subject.mesh.dial(subject.deserted, 1000));
      act(() => subject.mesh.dial(subject.self.endpoint, 1000));
      act(() => subject.mesh.dial(far.peer.endpoint, 10_000));
      const { link } = await near.one('opened');
      act(() => subject.mesh.send(link.id, octets('x')));
      act(() => subject.mesh.close(link.id, 'ended'));
      await near.one('closed');
      assert.equal(calls.length, 5);
    },
  },
  {
    title: 'frames arrive whole, once, in order, from the empty to the longest, both ways',
    run: async (subject) => {
      const { near, far } = await pair(subject);
      const link = await near.dialled(far.peer.endpoint);
      const frames = [
        ...lengths(subject.mesh.maxFrameBytes),
        ...Array.from({ length: 50 }, (_, i) => 1000 + i),
      ];
      const sent = frames.map((length, index) => new Uint8Array(length).fill(index + 1));
      for (const frame of sent) subject.mesh.send(link.id, frame.slice());
      await farOpened(subject, far);
      far.send(
        subject.self.endpoint,
        sent.map((frame) => frame.slice()),
      );
      const arrived = await near.many('frame', sent.length);
      assert.deepEqual(
        arrived.map(({ frame }) => Buffer.from(frame)),
        sent.map((frame) => Buffer.from(frame)),
      );
      const theirs = await farFrames(subject, far, sent.length);
      assert.deepEqual(theirs.map(digest), sent.map(digest));
    },
  },
  {
    title: 'a frame may be kept: what arrives later does not change it',
    run: async (subject) => {
      const { near, far } = await pair(subject);
      await near.dialled(far.peer.endpoint);
      await farOpened(subject, far);
      const { endpoint } = subject.self;
      far.send(endpoint, [octets('first'), octets('second')]);
      const [first] = await near.many('frame', 2);
      far.send(
        endpoint,
        Array.from({ length: 100 }, () => new Uint8Array(5000).fill(255)),
      );
      await near.many('frame', 102);
      assert.equal(Buffer.from(first!.frame).toString(), 'first');
    },
  },
  {
    title: 'frames are stamped with a time that never goes back',
    run: async (subject) => {
      const { near, far } = await pair(subject);
      await near.dialled(far.peer.endpoint);
      await farOpened(subject, far);
      far.send(subject.self.endpoint, [octets('a'), octets('b')]);
      await near.many('frame', 2);
      await subject.pass(50);
      far.send(subject.self.endpoint, [octets('c')]);
      const [a, b, c] = await near.many('frame', 3);
      assert.ok(a!.atMs <= b!.atMs, `${a!.atMs} ${b!.atMs}`);
      assert.ok(c!.atMs - b!.atMs > 25, `${b!.atMs} ${c!.atMs}`);
    },
  },
  {
    title: 'every link has another id, also to the same peer',
    run: async (subject) => {
      const { near, far } = await pair(subject);
      const first = await near.dialled(far.peer.endpoint);
      subject.mesh.close(first.id, 'ended');
      const second = await near.dialled(far.peer.endpoint);
      assert.notEqual(second.id, first.id);
      assert.deepEqual(subject.mesh.links(), [second]);
      subject.mesh.send(first.id, octets('stale'));
      subject.mesh.send(second.id, octets('new'));
      const [frame] = await farFrames(subject, far, 1);
      assert.equal(Buffer.from(frame!).toString(), 'new');
    },
  },
  {
    title: 'two nodes that dial each other at once have two links, and each end knows which is which',
    run: async (subject) => {
      const { near, far } = await pair(subject);
      far.dial(subject.self.endpoint, 10_000);
      subject.mesh.dial(far.peer.endpoint, 10_000);
      const opened = await near.many('opened', 2);
      assert.deepEqual(opened.map(({ link }) => link.dialled).sort(), [false, true]);
      const mine = opened.find(({ link }) => link.dialled)!.link;
      subject.mesh.close(mine.id, 'refused');
      await subject.pass(300);
      const left = subject.mesh.links();
      assert.deepEqual(
        left.map(({ dialled }) => dialled),
        [false],
      );
      const theirs = await eventually(
        subject,
        () => far.events(),
        (events) => events.some(isClosed),
      );
      assert.deepEqual(
        theirs.filter(isClosed).map(({ reason }) => reason),
        ['refused'],
      );
    },
  },
  {
    title: 'nothing is delivered of a link that was closed here, except that',
    run: async (subject) => {
      const { near, far } = await pair(subject);
      const link = await near.dialled(far.peer.endpoint);
      await farOpened(subject, far);
      far.send(
        subject.self.endpoint,
        Array.from({ length: 200 }, () => octets('noise')),
      );
      await near.many('frame', 1);
      subject.mesh.close(link.id, 'silent');
      const before = near.events.length;
      assert.deepEqual(subject.mesh.links(), []);
      subject.mesh.close(link.id, 'ended');
      subject.mesh.send(link.id, octets('nobody'));
      await subject.pass(300);
      assert.deepEqual(near.events.slice(before), [{ kind: 'closed', id: link.id, reason: 'silent' }]);
    },
  },
  {
    title: 'the other side hears of an orderly end after what was sent before it',
    run: async (subject) => {
      const { near, far } = await pair(subject);
      const link = await near.dialled(far.peer.endpoint);
      await farOpened(subject, far);
      for (let i = 0; i < 20; i++) subject.mesh.send(link.id, octets(`frame ${i}`));
      subject.mesh.close(link.id, 'ended');
      const events = await eventually(
        subject,
        () => far.events(),
        (all) => all.some(isClosed),
      );
      assert.deepEqual(
        events.map(({ kind }) => kind),
        ['opened', ...Array.from({ length: 20 }, () => 'frame'), 'closed'],
      );
      assert.deepEqual(
        events.filter(isClosed).map(({ reason }) => reason),
        ['ended'],
      );
    },
  },
  {
    title: 'a peer whose process is killed is reset, within a moment',
    run: async (subject) => {
      const { near, far } = await pair(subject);
      const link = await near.dialled(far.peer.endpoint);
      await subject.pass(50);
      far.kill();
      assert.deepEqual(await near.one('closed'), { kind: 'closed', id: link.id, reason: 'reset' });
      assert.deepEqual(subject.mesh.links(), []);
    },
  },
  {
    title: 'a peer that takes nothing is cut as slow, and buffered for no longer',
    run: async (subject) => {
      const { near, far } = await pair(subject);
      const link = await near.dialled(far.peer.endpoint);
      await farOpened(subject, far);
      far.stall();
      await subject.pass(20);
      const frame = new Uint8Array(subject.mesh.maxFrameBytes);
      for (let i = 0; i < 1000 && near.events.every(({ kind }) => kind !== 'closed'); i++) {
        subject.mesh.send(link.id, frame.slice());
        if (i % 50 === 0) await subject.pass(1);
      }
      assert.deepEqual(await near.one('closed'), { kind: 'closed', id: link.id, reason: 'slow' });
      assert.equal(subject.mesh.traffic().slowLinks, 1);
    },
  },
  {
    title: 'who is dialled where nobody listens is refused',
    run: async (subject) => {
      const near = new Near(subject);
      subject.mesh.dial(subject.deserted, 10_000);
      assert.deepEqual(await near.one('dial-failed'), failed(subject.deserted, 'refused'));
    },
  },
  {
    title: 'a dial into silence fails when its time is over, and not before',
    run: async (subject) => {
      if (subject.silent === undefined) return;
      const near = new Near(subject);
      subject.mesh.dial(subject.silent, 400);
      await subject.pass(250);
      assert.deepEqual(near.events, []);
      assert.deepEqual(await near.one('dial-failed'), failed(subject.silent, 'timeout'));
      await subject.pass(200);
      assert.equal(near.events.length, 1);
    },
  },
  {
    title: 'a node that does nothing lets a dial time out, although its kernel accepts',
    run: async (subject) => {
      const { near, far } = await pair(subject);
      far.stall();
      await subject.pass(20);
      subject.mesh.dial(far.peer.endpoint, 300);
      assert.deepEqual(await near.one('dial-failed'), failed(far.peer.endpoint, 'timeout'));
    },
  },
  {
    title: 'a node of another key is dialled in vain',
    run: async (subject) => {
      const near = new Near(subject);
      const stranger = await subject.start('stranger');
      subject.mesh.dial(stranger.peer.endpoint, 10_000);
      assert.deepEqual(await near.one('dial-failed'), failed(stranger.peer.endpoint, 'unauthenticated'));
      assert.deepEqual(await stranger.events(), []);
    },
  },
  {
    title: 'a node of another key dials in vain: it is counted, and nothing else',
    run: async (subject) => {
      const near = new Near(subject);
      const stranger = await subject.start('stranger');
      stranger.dial(subject.self.endpoint, 10_000);
      const events = await eventually(
        subject,
        () => stranger.events(),
        (all) => all.length > 0,
      );
      assert.deepEqual(events, [failed(subject.self.endpoint, 'unauthenticated')]);
      await eventually(
        subject,
        () => subject.mesh.traffic().unauthenticated,
        (count) => count === 1,
      );
      assert.deepEqual(near.events, []);
    },
  },
  {
    title: 'each of several dials at once has its own answer',
    run: async (subject) => {
      const { near, far } = await pair(subject);
      for (let i = 0; i < 3; i++) subject.mesh.dial(far.peer.endpoint, 10_000);
      for (let i = 0; i < 2; i++) subject.mesh.dial(subject.deserted, 10_000);
      await near.many('opened', 3);
      await near.many('dial-failed', 2);
      await subject.pass(100);
      assert.equal(near.events.length, 5);
    },
  },
  {
    title: 'oneself cannot be dialled',
    run: async (subject) => {
      const near = new Near(subject);
      subject.mesh.dial(subject.self.endpoint, 10_000);
      assert.deepEqual(await near.one('dial-failed'), failed(subject.self.endpoint, 'refused'));
      assert.deepEqual(near.kinds(), ['dial-failed']);
    },
  },
  {
    title: 'a receiver that replaces another hears only news, and asks for the links',
    run: async (subject) => {
      const { near, far } = await pair(subject);
      const link = await near.dialled(far.peer.endpoint);
      const second = new Near(subject);
      await subject.pass(50);
      assert.deepEqual(second.events, []);
      assert.deepEqual(subject.mesh.links(), [link]);
      await farOpened(subject, far);
      far.send(subject.self.endpoint, [octets('news')]);
      await second.one('frame');
      assert.deepEqual(near.kinds(), ['opened']);
    },
  },
  {
    title: 'traffic counts frames and their octets, both ways',
    run: async (subject) => {
      const { near, far } = await pair(subject);
      const link = await near.dialled(far.peer.endpoint);
      await farOpened(subject, far);
      subject.mesh.send(link.id, new Uint8Array(10));
      subject.mesh.send(link.id, new Uint8Array(300));
      far.send(subject.self.endpoint, [new Uint8Array(7)]);
      await near.one('frame');
      const { sentBytes, sentFrames, receivedBytes, receivedFrames } = subject.mesh.traffic();
      assert.deepEqual(
        { sentBytes, sentFrames, receivedBytes, receivedFrames },
        {
          sentBytes: 310,
          sentFrames: 2,
          receivedBytes: 7,
          receivedFrames: 1,
        },
      );
    },
  },
];

type EventOf<Kind extends MeshEvent['kind']> = Extract<MeshEvent, { readonly kind: Kind }>;

/** Receives for the subject. */
class Near {
  readonly events: MeshEvent[] = [];
  readonly #subject: MeshSubject;

  constructor(subject: MeshSubject) {
    this.#subject = subject;
    subject.mesh.receive((events) => this.events.push(...events));
  }

  kinds(): readonly string[] {
    return this.events.map(({ kind }) => kind);
  }

  /** The first `count` events of a kind, once there are so many. */
  async many<Kind extends MeshEvent['kind']>(kind: Kind, count: number): Promise<readonly EventOf<Kind>[]> {
    const of = () => this.events.filter((event): event is EventOf<Kind> => event.kind === kind);
    await eventually(this.#subject, of, (events) => events.length >= count);
    return of();
  }

  async one<Kind extends MeshEvent['kind']>(kind: Kind): Promise<EventOf<Kind>> {
    const [first] = await this.many(kind, 1);
    return first!;
  }

  /** Dials and answers the new link. */
  async dialled(to: Endpoint): Promise<MeshLink> {
    const before = this.events.filter(({ kind }) => kind === 'opened').length;
    this.#subject.mesh.dial(to, 10_000);
    const opened = await this.many('opened', before + 1);
    return opened[before]!.link;
  }
}

async function pair(subject: MeshSubject): Promise<{ readonly near: Near; readonly far: FarNode }> {
  const near = new Near(subject);
  return { near, far: await subject.start('member') };
}

/** The far end of the first link it knows, once there is one. */
async function farOpened(subject: MeshSubject, far: FarNode): Promise<MeshLink> {
  const events = await eventually(
    subject,
    () => far.events(),
    (all) => all.some(({ kind }) => kind === 'opened'),
  );
  return events.find((event) => event.kind === 'opened')!.link;
}

async function farFrames(subject: MeshSubject, far: FarNode, count: number): Promise<readonly Uint8Array[]> {
  const frames = (all: readonly MeshEvent[]) => all.filter((event) => event.kind === 'frame');
  const events = await eventually(
    subject,
    () => far.events(),
    (all) => frames(all).length >= count,
  );
  return frames(events).map(({ frame }) => frame);
}

async function eventually<T>(
  subject: MeshSubject,
  ask: () => T | Promise<T>,
  fits: (answer: T) => boolean,
): Promise<T> {
  for (let passedMs = 0; ; passedMs += 10) {
    const answer = await ask();
    if (fits(answer)) return answer;
    assert.ok(passedMs < 20_000, `not in twenty seconds, at last ${JSON.stringify(answer)?.slice(0, 1000)}`);
    await subject.pass(10);
  }
}

function isClosed(event: MeshEvent): event is EventOf<'closed'> {
  return event.kind === 'closed';
}

function failed(to: Endpoint, reason: EventOf<'dial-failed'>['reason']): MeshEvent {
  return { kind: 'dial-failed', to, reason };
}

/** Where length fields of framings change their size. */
function lengths(max: number): readonly number[] {
  return [0, 1, 125, 126, 127, 255, 256, 65_535, 65_536, max].filter((length) => length <= max);
}

function octets(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function digest(frame: Uint8Array): string {
  return `${frame.length} x ${frame[0]}, ${frame.every((octet) => octet === frame[0])}`;
}
