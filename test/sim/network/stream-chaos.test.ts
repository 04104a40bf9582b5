import test from 'ava';
import fc from 'fast-check';
import { couple, type Ear, Village } from './village.js';

const ENDS = new Set(['end', 'reset', 'timeout', 'refused', 'unreachable']);

type Action =
  | { readonly does: 'send'; readonly from: 'client' | 'server'; readonly octets: number }
  | { readonly does: 'close' | 'abort'; readonly from: 'client' | 'server' }
  | { readonly does: 'kill' | 'pause' | 'resume' | 'panic' | 'boot' | 'half-open'; readonly host: 0 | 1 }
  | { readonly does: 'part' | 'part-one-way' | 'lose' | 'delay' | 'narrow' | 'heal' | 'cut' };

const side = fc.constantFrom('client' as const, 'server' as const);
const host = fc.constantFrom(0 as const, 1 as const);
const send = fc.record({
  does: fc.constant('send' as const),
  from: side,
  octets: fc.oneof(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 200_000 })),
});
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 12, arbitrary: send },
  {
    weight: 1,
    arbitrary: fc.record({ does: fc.constantFrom('close' as const, 'abort' as const), from: side }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ does: fc.constantFrom('pause' as const, 'resume' as const), host }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constantFrom('kill' as const, 'panic' as const, 'boot' as const, 'half-open' as const),
      host,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      does: fc.constantFrom(
        'part' as const,
        'part-one-way' as const,
        'lose' as const,
        'delay' as const,
        'narrow' as const,
        'heal' as const,
        'heal' as const,
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('cut' as const) }) },
);

/** What one end said, as octets that tell their place, and how it ended by its own will. */
class Mouth {
  said = 0;
  own: 'close' | 'abort' | undefined;

  /** `count` octets more of the endless sequence that this end says. */
  next(count: number): Uint8Array {
    const bytes = Uint8Array.from({ length: count }, (_, at) => (this.said + at) % 251);
    this.said += count;
    return bytes;
  }
}

function whatIsWrong(name: string, ear: Ear, own: Mouth, other: Mouth): string | undefined {
  const { heard, octets } = ear;
  const firstEnd = heard.findIndex((word) => ENDS.has(word));
  if (firstEnd >= 0 && firstEnd !== heard.length - 1) return `${name} heard ${heard.at(-1)} after its end`;
  if (heard.length > 0 && heard[0] !== 'connected' && firstEnd !== 0)
    return `${name} heard ${heard[0]} first`;
  if (octets.length > other.said) return `${name} heard more than was said`;
  if (octets.some((octet, at) => octet !== at % 251)) return `${name} heard other octets than were said`;
  const whole = heard.at(-1) === 'end' && other.own === 'close' && own.own === undefined;
  if (whole && octets.length !== other.said) return `${name} heard ${octets.length} of ${other.said} octets`;
  return undefined;
}

test('whatever happens, each end hears a beginning, a prefix of what was said, and one end at most', async (t) => {
  const reached = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 1e6 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 3_000 }), action), { minLength: 3, maxLength: 40 }),
      async (seed, actions) => {
        const village = new Village(2, seed);
        const { network, hosts, processes } = village;
        const ears = couple(village);
        const mouths = { client: new Mouth(), server: new Mouth() };
        let undos: (() => void)[] = [];
        const killed = new Set<string>();
        let atMs = 0;
        for (const [waitMs, todo] of actions) {
          atMs += waitMs;
          await village.run(atMs);
          switch (todo.does) {
            case 'send': {
              const stream = ears[todo.from].stream;
              const mouth = mouths[todo.from];
              if (stream !== undefined && mouth.own === undefined) stream.send(mouth.next(todo.octets));
              break;
            }
            case 'close':
            case 'abort': {
              const mouth = mouths[todo.from];
              if (ears[todo.from].stream === undefined || mouth.own !== undefined) break;
              mouth.own = todo.does;
              ears[todo.from].stream![todo.does]();
              break;
            }
            case 'kill':
              processes[todo.host]!.end();
              killed.add(todo.host === 0 ? 'client' : 'server');
              break;
            case 'pause':
            case 'resume':
              processes[todo.host]![todo.does]();
              break;
            case 'panic':
              network.setUp(hosts[todo.host]!, false);
              processes[todo.host]!.end();
              killed.add(todo.host === 0 ? 'client' : 'server');
              break;
            case 'boot':
              network.setUp(hosts[todo.host]!, true);
              break;
            case 'half-open':
              network.faults['half-open']({ kind: 'half-open', host: hosts[todo.host]!.name });
              break;
            case 'part':
            case 'part-one-way':
              undos.push(
                network.faults.partition({ kind: 'partition', side: ['n1'], oneWay: todo.does !== 'part' }),
              );
              break;
            case 'lose':
              undos.push(
                network.faults.loss({ kind: 'loss', from: undefined, to: undefined, probability: 0.3 }),
              );
              break;
            case 'delay':
              undos.push(network.faults.delay({ kind: 'delay', from: 'n1', to: undefined, extraMs: 300 }));
              break;
            case 'narrow':
              undos.push(network.faults.bandwidth({ kind: 'bandwidth', host: 'n1', bytesPerMs: 100 }));
              break;
            case 'heal':
              for (const undo of undos) undo();
              undos = [];
              break;
            case 'cut':
              network.faults.cut({ kind: 'cut', a: 'n1', b: 'n2' });
              break;
          }
        }
        for (const undo of undos) undo();
        for (const [at, each] of hosts.entries()) {
          network.setUp(each, true);
          processes[at]!.resume();
        }
        await village.run(atMs + 2_000_000);
        for (const ear of [ears.client, ears.server]) {
          const last = ear.heard.at(-1) ?? 'nothing';
          reached.set(last, (reached.get(last) ?? 0) + 1);
        }
        const { client, server } = mouths;
        // A killed program may have said things that its kernel never sent.
        const wrong =
          whatIsWrong(
            'the client',
            ears.client,
            client,
            killed.has('server') ? new Talker(server) : server,
          ) ??
          whatIsWrong('the server', ears.server, server, killed.has('client') ? new Talker(client) : client);
        if (wrong !== undefined) throw new Error(wrong);
        // Two ends that both stand and were not disturbed for so long hold nothing back.
        const calm = killed.size === 0 && client.own === undefined && server.own === undefined;
        const stand = [ears.client, ears.server].every(({ heard }) => heard.every((word) => !ENDS.has(word)));
        if (calm && stand && ears.server.stream !== undefined) {
          if (ears.client.octets.length !== server.said) throw new Error('octets are missing at the client');
          if (ears.server.octets.length !== client.said) throw new Error('octets are missing at the server');
          if (ears.client.stream!.buffered + ears.server.stream.buffered > 0) throw new Error('held back');
        }
      },
    ),
    { numRuns: 250, seed: 5 },
  );
  for (const end of ['end', 'reset']) t.true((reached.get(end) ?? 0) > 0, end);
});

/** One of which nobody knows how it would have ended. */
class Talker extends Mouth {
  constructor(like: Mouth) {
    super();
    this.said = like.said;
  }
}
