import assert from 'node:assert/strict';
import type { EntryState } from '../../src/core/data-plane/existing-entry.js';
import { type Endpoint, endpoint, portOf } from '../../src/core/endpoint.js';
import type { ConntrackEntry, HandshakeEvent, MapOutcome } from '../../src/ports/conntrack.js';
import type { PacketQueue, Syn } from '../../src/ports/packet-queue.js';
import { type Attempt, type Case, type Stage, until } from './stage.js';

/** What becomes of connections, and of their entries, in any kernel on which the data plane is to work. */
export const CONNECTION_CASES: readonly Case[] = [
  deciding(
    'a SYN that is dropped is sent again after one second, and then after two',
    async (stage, world) => {
      world.decide = () => 'drop';
      const attempt = stage.connect(stage.vip(0), 43001);
      await until(stage, 'it came three times', () => world.syns.length === 3);
      assert.equal(attempt.state(), 'pending');
      const [first, second, third] = world.syns.map((syn) => syn.arrivedMs) as [number, number, number];
      assertAbout(second - first, 1_000);
      assertAbout(third - second, 2_000);
      attempt.abandon();
    },
  ),

  deciding(
    'a SYN that is held is not sent again, and one that is dropped comes at its next turn',
    async (stage, world) => {
      world.decide = () => 'hold';
      const attempt = stage.connect(stage.vip(0), 43002);
      await until(stage, 'it came', () => world.syns.length === 1);
      await stage.pass(2_000);
      assert.equal(world.syns.length, 1);
      world.queue.verdict([world.syns[0]!.id], 'drop');
      world.decide = () => stage.server;
      await until(stage, 'it came again', () => world.syns.length === 2);
      assertAbout(world.syns[1]!.arrivedMs - world.syns[0]!.arrivedMs, 3_000);
      await until(stage, 'the client connected', () => attempt.state() === 'connected');
      attempt.abandon();
    },
  ),

  deciding('the entry of a SYN that finds no answer is there for the next one', async (stage, world) => {
    world.decide = () => stage.silent;
    const attempt = stage.connect(stage.vip(0), 43003);
    await until(stage, 'the SYN came again', () => world.outcomes.length === 2);
    assert.deepEqual(kindsOf(world), ['made', 'exists']);
    assert.equal(stateOf(world.outcomes[1]), 'syn-sent');
    attempt.abandon();
  }),

  deciding(
    'a connection that both sides finish leaves an entry in TIME_WAIT, which makes room',
    async (stage, world) => {
      const [vip, port] = [stage.vip(0), 43004];
      world.decide = () => stage.server;
      const attempt = await connected(stage, vip, port);
      attempt.finish();
      await until(stage, 'both have finished', () => entryOf(stage, vip, port)?.state === 'time-wait');
      world.replacing = true;
      const next = await connected(stage, vip, port);
      assert.deepEqual(kindsOf(world), ['made', 'exists', 'made']);
      assert.equal(stateOf(world.outcomes[1]), 'time-wait');
      next.abandon();
    },
  ),

  deciding(
    'one that only the client finishes is in CLOSE_WAIT, and carries messages',
    async (stage, world) => {
      const [vip, port] = [stage.vip(0), 43005];
      world.decide = () => stage.lingering;
      const attempt = await connected(stage, vip, port);
      attempt.say();
      await until(stage, 'the message came back', () => attempt.heard() === 1);
      attempt.finish();
      await until(stage, 'it is half closed', () => entryOf(stage, vip, port)?.state === 'close-wait');
      attempt.abandon();
      await until(stage, 'it is reset', () => entryOf(stage, vip, port)?.state === 'close');
    },
  ),

  deciding('a reset closes the entry, which makes room', async (stage, world) => {
    const [vip, port] = [stage.vip(0), 43006];
    world.decide = () => stage.server;
    const attempt = await connected(stage, vip, port);
    attempt.abandon();
    await until(stage, 'it is closed', () => entryOf(stage, vip, port)?.state === 'close');
    world.replacing = true;
    const next = await connected(stage, vip, port);
    assert.deepEqual(kindsOf(world), ['made', 'exists', 'made']);
    next.abandon();
  }),

  ...(['finish', 'abandon'] as const).map((end) =>
    deciding(
      `a SYN that nobody decides on is not led astray by what ended with "${end}"`,
      async (stage, world) => {
        const [vip, port] = [stage.vip(0), end === 'finish' ? 43007 : 43008];
        world.decide = () => stage.server;
        const attempt = await connected(stage, vip, port);
        attempt[end]();
        await until(stage, 'it has ended', () =>
          ['time-wait', 'close'].includes(entryOf(stage, vip, port)!.state),
        );
        world.queue.close();
        const next = stage.connect(vip, port);
        await until(stage, 'it was refused', () => next.state() === 'refused');
        assert.notEqual(entryOf(stage, vip, port)?.backend, stage.server);
      },
    ),
  ),

  deciding('an established connection does not mind that nobody holds the queue', async (stage, world) => {
    world.decide = () => stage.server;
    const attempt = await connected(stage, stage.vip(0), 43009);
    world.queue.close();
    attempt.say();
    await until(stage, 'the message came back', () => attempt.heard() === 1);
    attempt.abandon();
  }),

  deciding('a client that is gone when its SYN goes on resets the backend', async (stage, world) => {
    const [vip, port] = [stage.vip(0), 43010];
    world.decide = () => 'hold';
    const attempt = stage.connect(vip, port);
    await until(stage, 'its SYN came', () => world.syns.length === 1);
    attempt.abandon();
    await stage.pass(20);
    world.place(world.syns[0]!, stage.server);
    await until(stage, 'the answer was told', () => world.events.length === 1);
    await until(stage, 'it is closed', () => entryOf(stage, vip, port)?.state === 'close');
  }),
];

/** What a case plays with: somebody who decides on every SYN as told. */
interface World {
  readonly queue: PacketQueue;
  decide: (syn: Syn) => Endpoint | 'drop' | 'hold';
  /** Whether an entry in the way is replaced. */
  replacing: boolean;
  readonly syns: Syn[];
  /** What became of the entries that were asked for. */
  readonly outcomes: MapOutcome[];
  readonly events: HandshakeEvent[];
  place(syn: Syn, backend: Endpoint): void;
}

function deciding(name: string, play: (stage: Stage, world: World) => Promise<void>): Case {
  return {
    name,
    run: async (stage) => {
      const { conntrack } = stage;
      const queue = stage.queues.open(stage.queue);
      const make = ({ client, vip }: Syn, backend: Endpoint, instead?: ConntrackEntry): MapOutcome => {
        const [outcome] = conntrack.map([{ client, vip, backend, source: undefined, instead }]);
        world.outcomes.push(outcome!);
        return outcome!;
      };
      const world: World = {
        queue,
        decide: () => stage.server,
        replacing: false,
        syns: [],
        outcomes: [],
        events: [],
        place: (syn, backend) => {
          const outcome = make(syn, backend);
          if (world.replacing && outcome.kind === 'exists') make(syn, backend, outcome.entry);
          queue.verdict([syn.id], 'accept');
        },
      };
      conntrack.removeAll();
      conntrack.observe(
        (events) => world.events.push(...events),
        () => assert.fail('events were lost'),
      );
      queue.receive((syns) => {
        for (const syn of syns) {
          world.syns.push(syn);
          const decision = world.decide(syn);
          if (decision === 'drop') queue.verdict([syn.id], 'drop');
          else if (decision !== 'hold') world.place(syn, decision);
        }
      });
      try {
        await play(stage, world);
      } finally {
        queue.close();
        conntrack.observe(
          () => {},
          () => {},
        );
        conntrack.removeAll();
      }
    },
  };
}

async function connected(stage: Stage, vip: Endpoint, port: number): Promise<Attempt> {
  const attempt = stage.connect(vip, port);
  await until(stage, `the client from ${port} was greeted`, () => attempt.seenAs() !== undefined);
  assert.equal(portOf(attempt.seenAs()!), port);
  return attempt;
}

function entryOf(stage: Stage, vip: Endpoint, port: number): ConntrackEntry | undefined {
  return stage.conntrack.lookup([{ client: endpoint(stage.address, port), vip }])[0];
}

function kindsOf({ outcomes }: World): readonly string[] {
  return outcomes.map((outcome) => outcome.kind);
}

function stateOf(outcome: MapOutcome | undefined): EntryState | undefined {
  return outcome?.kind === 'exists' ? outcome.entry?.state : undefined;
}

/** Never early, but for the grain of the kernel's clock; a busy machine is late. */
function assertAbout(elapsedMs: number, expectedMs: number): void {
  assert.ok(elapsedMs > expectedMs - 50 && elapsedMs < expectedMs + 1_000, `${elapsedMs} ms`);
}
