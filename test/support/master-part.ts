import { type Behaviour, FakeMaster } from '../../testbed/fake-master.js';

/** What a fake master is to do, to be called inside a namespace of the test bed. */
export interface MasterPart {
  readonly address: string;
  readonly port: number;
  /** The state document. */
  readonly state: unknown;
  readonly behaviour: Behaviour;
}

/** Plays it until it is killed; says `listening`. */
export async function playMaster({ address, port, state, behaviour }: MasterPart): Promise<void> {
  const master = new FakeMaster(state);
  await master.start(address, port);
  await master.behave(behaviour);
  process.stdout.write('listening\n');
  await new Promise(() => setInterval(() => {}, 60_000));
}
