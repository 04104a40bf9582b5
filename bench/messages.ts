import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { dispatch, type Ref, spawn, start, stop } from 'nact';
import { type ActorSpec, actor, type Behavior } from '../src/actors/supervision/actor.js';
import { supervisor } from '../src/actors/supervision/supervisor.js';
import { type System, startSystem } from '../src/actors/supervision/system.js';

export interface MessageCosts {
  /** One hop between two bare nact actors, two supervisors deep. */
  readonly bareNs: number;
  /** The same hop under our supervision. */
  readonly supervisedNs: number;
  /** A message of many that wait together, under our supervision: the cost of a turn is shared. */
  readonly queuedNs: number;
}

/** The aim: what supervision may add to a hop. */
export const ADDED_NS_MOST = 2500;

/** Measures `hops` hops each way. */
export async function measureMessages(hops: number): Promise<MessageCosts> {
  return {
    bareNs: await bare(hops),
    supervisedNs: await pingPong(hops),
    queuedNs: await queued(hops),
  };
}

let systems = 0;

async function bare(hops: number): Promise<number> {
  systems += 1;
  const system = start({ name: `messages${systems}` } as unknown as string);
  const inner = spawn(
    spawn(system, () => null, 'root'),
    () => null,
    'inner',
  );
  const perHop = await new Promise<number>((resolve) => {
    const beganMs = performance.now();
    const pass = (to: () => Ref<number>) => (state: null, left: number) => {
      if (left === 0) resolve(nanosecondsEach(beganMs, hops));
      else dispatch(to(), left - 1);
      return state;
    };
    const a: Ref<number> = spawn(
      inner,
      pass(() => b),
      'a',
      { initialState: null },
    );
    const b: Ref<number> = spawn(
      inner,
      pass(() => a),
      'b',
      { initialState: null },
    );
    dispatch(a, hops);
  });
  stop(system);
  return perHop;
}

/** Actors and their first message; whoever handles the last one calls `done`. */
type Scene = (done: () => void) => { readonly actors: readonly ActorSpec<number>[]; begin(): void };

function pingPong(hops: number): Promise<number> {
  return timed(hops, (done) => {
    const pass = (to: () => ActorSpec<number>): Behavior<number, null> => ({
      init: () => null,
      handle: (state, left) => {
        if (left === 0) done();
        else to().mailbox.send(left - 1);
        return state;
      },
    });
    const a: ActorSpec<number> = actor(
      'a',
      pass(() => b),
    );
    const b: ActorSpec<number> = actor(
      'b',
      pass(() => a),
    );
    return { actors: [a, b], begin: () => a.mailbox.send(hops) };
  });
}

function queued(messages: number): Promise<number> {
  return timed(messages, (done) => {
    const behavior: Behavior<number, null> = {
      init: () => null,
      handle: (state, left) => {
        if (left === 0) done();
        return state;
      },
    };
    const a = actor('a', behavior, { mailboxLimit: messages });
    const begin = () => {
      for (let left = messages - 1; left >= 0; left -= 1) a.mailbox.send(left);
    };
    return { actors: [a], begin };
  });
}

async function timed(count: number, scene: Scene): Promise<number> {
  let done: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    done = resolve;
  });
  const { actors, begin } = scene(done);
  const strategy = 'one-for-one';
  const root = supervisor('root', { strategy }, [supervisor('inner', { strategy }, actors)]);
  const system = startSystem(root, {
    name: 'messages',
    clock: { nowMs: () => performance.now(), wallMs: () => performance.timeOrigin + performance.now() },
    timers: { start: () => ({ cancel: () => undefined }) },
    log: { event: () => undefined },
    onExit: ({ error }) => {
      throw error;
    },
  });
  await idle(system);
  const beganMs = performance.now();
  begin();
  await finished;
  const each = nanosecondsEach(beganMs, count);
  await new Promise<void>((resolve) => system.stop(resolve));
  return each;
}

async function idle(system: System): Promise<void> {
  while (system.inFlight() > 0) await setImmediate();
}

function nanosecondsEach(beganMs: number, count: number): number {
  return ((performance.now() - beganMs) * 1e6) / count;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await measureMessages(20_000);
  for (let round = 1; round <= 5; round += 1) {
    const { bareNs, supervisedNs, queuedNs } = await measureMessages(200_000);
    const addedNs = supervisedNs - bareNs;
    console.log(
      `bare nact ${bareNs.toFixed(0)} ns a hop, supervised ${supervisedNs.toFixed(0)} ns ` +
        `(${addedNs.toFixed(0)} ns more; at most ${ADDED_NS_MOST} wanted), waiting together ${queuedNs.toFixed(0)} ns`,
    );
  }
}
