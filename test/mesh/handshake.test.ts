import { createHmac, randomBytes } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import type { Peer } from '../../src/core/cluster/peer.js';
import { DiallerHandshake, type HandshakeStep, ListenerHandshake } from '../../src/mesh/handshake.js';
import {
  decodeHandshake,
  encodeWelcome,
  isPeerName,
  MAX_HANDSHAKE_BYTES,
  PROOF_BYTES,
} from '../../src/mesh/hello.js';
import { freshPeer, KEY, OTHER_KEY } from './loopback.js';

const [a, b, m] = [freshPeer('a'), freshPeer('b'), freshPeer('m')];
const none = new Uint8Array();
const holding = (self: Peer, keys: readonly Uint8Array[] = [KEY], binding: Uint8Array = none) => ({
  self,
  keys,
  binding,
});

function sent(step: HandshakeStep): Uint8Array {
  if (step.kind === 'send') return step.frame;
  if (step.kind === 'done' && step.frame !== undefined) return step.frame;
  throw new Error(`sent nothing: ${JSON.stringify(step)}`);
}

/** How both sides end. A side that never got so far is `waiting`. */
function meet(
  dialler: DiallerHandshake,
  listener: ListenerHandshake,
  /** Does to each frame what it likes; undefined drops it. */
  between: (frame: Uint8Array, index: number) => Uint8Array | undefined = (frame) => frame,
): readonly string[] {
  const outcome = (step: HandshakeStep) =>
    step.kind === 'failed' ? step.fault : step.kind === 'done' ? `with ${step.peer.name}` : 'waiting';
  const challenge = between(listener.challenge, 0);
  if (challenge === undefined) return ['waiting', 'waiting'];
  const answered = dialler.receive(challenge);
  if (answered.kind !== 'send') return [outcome(answered), 'waiting'];
  const hello = between(answered.frame, 1);
  if (hello === undefined) return ['waiting', 'waiting'];
  const heard = listener.receive(hello);
  if (heard.kind !== 'done') return ['waiting', outcome(heard)];
  const welcome = between(heard.frame!, 2);
  return [welcome === undefined ? 'waiting' : outcome(dialler.receive(welcome)), outcome(heard)];
}

const old = Buffer.alloc(32, 'old');
const fresh = Buffer.alloc(32, 'new');

const meetings: readonly {
  title: string;
  dialler: readonly Uint8Array[];
  listener: readonly Uint8Array[];
  ends: readonly string[];
}[] = [
  { title: 'one key in common', dialler: [KEY], listener: [KEY], ends: ['with b', 'with a'] },
  { title: 'another key', dialler: [OTHER_KEY], listener: [KEY], ends: ['waiting', 'key'] },
  {
    title: 'the dialler got the new key first',
    dialler: [old, fresh],
    listener: [old],
    ends: ['with b', 'with a'],
  },
  {
    title: 'the listener got the new key first',
    dialler: [old],
    listener: [old, fresh],
    ends: ['with b', 'with a'],
  },
  {
    title: 'the dialler signs with the new key already',
    dialler: [fresh, old],
    listener: [old, fresh],
    ends: ['with b', 'with a'],
  },
  {
    title: 'the listener signs with the new key already, which the dialler lacks',
    dialler: [old],
    listener: [fresh, old],
    ends: ['with b', 'with a'],
  },
  {
    title: 'the dialler signs with a key that the listener lacks',
    dialler: [fresh, old],
    listener: [old],
    ends: ['waiting', 'key'],
  },
  { title: 'the old key was taken away', dialler: [old], listener: [fresh], ends: ['waiting', 'key'] },
  {
    title: 'a key that is the other one cut short',
    dialler: [KEY.subarray(0, 31)],
    listener: [KEY],
    ends: ['waiting', 'key'],
  },
];

for (const { title, dialler, listener, ends } of meetings) {
  test(`handshake: ${title}`, (t) => {
    t.deepEqual(
      meet(
        new DiallerHandshake(holding(a, dialler), b.endpoint),
        new ListenerHandshake(holding(b, listener)),
      ),
      ends,
    );
  });
}

test('handshake: both know all of each other', (t) => {
  const dialler = new DiallerHandshake(holding(a), b.endpoint);
  const listener = new ListenerHandshake(holding(b));
  const heard = listener.receive(sent(dialler.receive(listener.challenge)));
  t.deepEqual(heard.kind === 'done' && heard.peer, a);
  const done = dialler.receive(sent(heard));
  t.deepEqual(done, { kind: 'done', peer: b, frame: undefined });
});

test('handshake: the frames it was given may be overwritten afterwards', (t) => {
  const dialler = new DiallerHandshake(holding(a), b.endpoint);
  const listener = new ListenerHandshake(holding(b));
  const challenge = new Uint8Array(listener.challenge);
  const step = dialler.receive(challenge);
  challenge.fill(0);
  t.is(dialler.receive(sent(listener.receive(sent(step)))).kind, 'done');
});

test('handshake: a recorded hello is worth nothing on another connection', (t) => {
  const hello = sent(
    new DiallerHandshake(holding(a), b.endpoint).receive(new ListenerHandshake(holding(b)).challenge),
  );
  const again = new ListenerHandshake(holding(b)).receive(hello);
  t.like(again, { kind: 'failed', fault: 'key' });
});

test('handshake: a recorded welcome is worth nothing to another dial', (t) => {
  const challenge = new ListenerHandshake(holding(b));
  const recorded = sent(
    challenge.receive(sent(new DiallerHandshake(holding(a), b.endpoint).receive(challenge.challenge))),
  );
  const dialler = new DiallerHandshake(holding(a), b.endpoint);
  dialler.receive(challenge.challenge);
  t.like(dialler.receive(recorded), { kind: 'failed', fault: 'key' });
});

test('handshake: what a node says is not taken from its own mouth', (t) => {
  // The stranger was dialled by a, and a's listener challenges it: it gives the challenge to a's dialler.
  const listener = new ListenerHandshake(holding(a));
  const dialler = new DiallerHandshake(holding(a), m.endpoint);
  const reflected = listener.receive(sent(dialler.receive(listener.challenge)));
  t.like(reflected, { kind: 'failed', fault: 'self' });
  // And as a listener it gives back what it was sent.
  const other = new DiallerHandshake(holding(a), m.endpoint);
  const hello = sent(other.receive(new ListenerHandshake(holding(b)).challenge));
  t.like(other.receive(hello), { kind: 'failed', fault: 'garbage' });
});

test('handshake: who is dialled and passes everything on to another node does not become a peer', (t) => {
  // a dials the stranger m; m has b challenge it and hands that on.
  const ends = meet(new DiallerHandshake(holding(a), m.endpoint), new ListenerHandshake(holding(b)));
  t.deepEqual(ends, ['waiting', 'misdirected']);
});

/** A proof with the key of all, as the protocol has it. */
function proofOf(label: string, ...frames: readonly Uint8Array[]): Buffer {
  const parts = [Buffer.from(label), none, ...frames];
  const octets = parts.flatMap((part) => [Buffer.from([part.length >> 8, part.length & 255]), part]);
  return createHmac('sha256', KEY).update(Buffer.concat(octets)).digest();
}

test('handshake: a member that answers for another address is not taken for the one dialled', (t) => {
  const { challenge } = new ListenerHandshake(holding(m));
  const dialler = new DiallerHandshake(holding(a), b.endpoint);
  const hello = sent(dialler.receive(challenge));
  const signed = hello.subarray(0, -PROOF_BYTES);
  t.deepEqual(
    Buffer.from(hello.subarray(-PROOF_BYTES)),
    proofOf('minuteman mesh dialler', challenge, signed),
  );
  const welcome = encodeWelcome(m);
  const proof = proofOf('minuteman mesh listener', challenge, signed, welcome);
  t.deepEqual(dialler.receive(Buffer.concat([welcome, proof])), {
    kind: 'failed',
    fault: 'misdirected',
    peer: m,
  });
});

test('handshake: proofs of one TLS session are worth nothing on another', (t) => {
  const dialler = new DiallerHandshake(holding(a, [KEY], Buffer.alloc(32, 1)), b.endpoint);
  const listener = new ListenerHandshake(holding(b, [KEY], Buffer.alloc(32, 2)));
  t.deepEqual(meet(dialler, listener), ['waiting', 'key']);
});

test('handshake: any octet changed on the way, in any frame, ends it', (t) => {
  for (const index of [0, 1, 2]) {
    for (let at = 0; at < MAX_HANDSHAKE_BYTES; at++) {
      let changed = false;
      const ends = meet(
        new DiallerHandshake(holding(a), b.endpoint),
        new ListenerHandshake(holding(b)),
        (frame, i) => {
          if (i !== index || at >= frame.length) return frame;
          const other = new Uint8Array(frame);
          other[at]! ^= 1 << (at % 8);
          changed = true;
          return other;
        },
      );
      if (changed) t.false(ends[0]!.startsWith('with'), `frame ${index}, octet ${at}: ${ends}`);
    }
  }
});

test('handshake: every frame cut short or made longer is garbage', (t) => {
  for (const index of [0, 1, 2]) {
    for (const change of [
      (frame: Uint8Array) => frame.subarray(0, -1),
      (frame: Uint8Array) => Buffer.concat([frame, Buffer.alloc(1)]),
      () => new Uint8Array(),
    ]) {
      const ends = meet(
        new DiallerHandshake(holding(a), b.endpoint),
        new ListenerHandshake(holding(b)),
        (frame, i) => (i === index ? change(frame) : frame),
      );
      t.true(ends.includes('garbage'), `frame ${index}: ${ends}`);
    }
  }
});

test('handshake: another version is told from garbage', (t) => {
  const { challenge } = new ListenerHandshake(holding(b));
  const next = new Uint8Array(challenge);
  next[4] = 2;
  t.like(new DiallerHandshake(holding(a), b.endpoint).receive(next), { kind: 'failed', fault: 'version' });
});

test('handshake: random frames never throw, and never prove anything', (t) => {
  const listener = () => new ListenerHandshake(holding(b));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 0, max: 3 }), (octets, kind) => {
      const framed = Buffer.concat([Buffer.from([...Buffer.from('MMsh'), 1, kind]), octets]);
      for (const frame of [octets, framed]) {
        decodeHandshake(frame);
        t.is(listener().receive(frame).kind, 'failed');
        const dialler = new DiallerHandshake(holding(a), b.endpoint);
        dialler.receive(listener().challenge);
        t.is(dialler.receive(frame).kind, 'failed');
      }
    }),
    { numRuns: 2000, seed: 1 },
  );
  t.is(decodeHandshake(randomBytes(MAX_HANDSHAKE_BYTES + 1)), 'garbage');
});

test('handshake: names of the longest and shortest kind pass, others are no names', (t) => {
  for (const name of ['a', 'A'.repeat(64), 'n1.rack-2_x']) {
    const long = { ...a, name };
    t.deepEqual(meet(new DiallerHandshake(holding(long), b.endpoint), new ListenerHandshake(holding(b))), [
      'with b',
      `with ${name}`,
    ]);
  }
  for (const name of ['', 'A'.repeat(65), ' a', 'a b', 'é', 'a\n', '"', '.a'])
    t.false(isPeerName(name), name);
});
