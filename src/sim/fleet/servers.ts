import type { Endpoint } from '../../core/endpoint.js';
import type { HostName } from '../engine/journal.js';
import type { Listener, ListenerBehaviour } from '../kernel/connection.js';
import type { Task } from '../mesos/task.js';
import type { Machine } from './machine.js';

type Change = Partial<ListenerBehaviour>;

/** The programs of the tasks: a listener each, on the machine where the task runs. */
export class Servers {
  private readonly machineOf: (host: HostName) => Machine;
  private readonly listeners = new Map<Endpoint, Listener>();
  /** How the programs of a task behave, by its number; the last change counts. */
  private readonly behaviours = new Map<number, Change[]>();
  private readonly numbers = new Map<number, Endpoint>();

  constructor(machineOf: (host: HostName) => Machine) {
    this.machineOf = machineOf;
  }

  /** A task's program begins or has ended. */
  onTask(task: Task, phase: 'started' | 'ended'): void {
    const { backend, host, number } = task;
    this.listeners.get(backend)?.close();
    this.listeners.delete(backend);
    if (phase === 'ended') return;
    this.listeners.set(backend, this.machineOf(host).kernel.listen(backend, this.behaviour(number)));
    this.numbers.set(number, backend);
  }

  /** All programs of a machine ended with it. */
  forget(host: HostName): void {
    const { address } = this.machineOf(host).host;
    for (const [backend, listener] of this.listeners) {
      if (Math.floor(backend / 65536) !== address) continue;
      listener.close();
      this.listeners.delete(backend);
    }
  }

  listens(backend: Endpoint): boolean {
    return this.listeners.has(backend);
  }

  /** The programs of a task behave differently until the answer is called. */
  change(number: number, change: Change): () => void {
    const changes = this.behaviours.get(number) ?? [];
    this.behaviours.set(number, changes);
    changes.push(change);
    this.apply(number);
    return () => {
      changes.splice(changes.indexOf(change), 1);
      this.apply(number);
    };
  }

  private apply(number: number): void {
    const backend = this.numbers.get(number);
    if (backend !== undefined) this.listeners.get(backend)?.become(this.behaviour(number));
  }

  private behaviour(number: number): ListenerBehaviour {
    const usual: ListenerBehaviour = { answer: 'accept', handshakeMs: 0, echoMs: 0, staysOpen: false };
    return Object.assign({ ...usual }, ...(this.behaviours.get(number) ?? []));
  }
}
