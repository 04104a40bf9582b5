import type { Endpoint } from '../../core/endpoint.js';
import type { HostName } from '../engine/journal.js';
import { ACCEPTING, type Listener, type ListenerBehaviour } from '../kernel/connection.js';
import type { Task } from '../mesos/task.js';
import type { Fault } from '../plan/plan.js';
import type { Site } from './sockets.js';

type BackendFault = Extract<Fault, { kind: 'backend-refuses' | 'backend-silent' | 'backend-slow' }>;

interface Running {
  readonly task: Task;
  readonly listener: Listener;
}

/** The programs of tasks: each listens at its backend's endpoint, echoes, and misbehaves while a fault says so. */
export class Backends {
  private readonly sites: ReadonlyMap<HostName, Site>;
  private readonly running = new Map<Endpoint, Running>();
  /** Faults in force, each with the number of the backend it is about. */
  private readonly faults: BackendFault[] = [];

  constructor(sites: readonly Site[]) {
    this.sites = new Map(sites.map((site) => [site.name, site]));
  }

  /** A task's program begins or has ended, as the orchestrator tells it. */
  onTask(task: Task, phase: 'started' | 'ended'): void {
    this.running.get(task.backend)?.listener.close();
    this.running.delete(task.backend);
    if (phase === 'ended') return;
    const site = this.sites.get(task.host);
    if (site === undefined) throw new Error(`${task.id} is on ${task.host}, which is no host`);
    const listener = site.sockets.listen(task.backend, this.behaviourOf(task.number));
    this.running.set(task.backend, { task, listener });
  }

  /** The programs of a host ended with it; they begin anew by `onTask`. */
  forget(host: HostName): void {
    for (const [backend, { task, listener }] of this.running) {
      if (task.host !== host) continue;
      listener.close();
      this.running.delete(backend);
    }
  }

  /** Puts a fault in force until the answer is called; several of one backend add up. */
  fault(fault: BackendFault): () => void {
    this.faults.push(fault);
    this.apply(fault.backend);
    return () => {
      this.faults.splice(this.faults.indexOf(fault), 1);
      this.apply(fault.backend);
    };
  }

  listenerAt(backend: Endpoint): Listener | undefined {
    return this.running.get(backend)?.listener;
  }

  private apply(number: number): void {
    const behaviour = this.behaviourOf(number);
    for (const running of this.running.values()) {
      if (running.task.number === number) running.listener.become(behaviour);
    }
  }

  private behaviourOf(number: number): ListenerBehaviour {
    let { answer, handshakeMs, echoMs } = ACCEPTING;
    for (const fault of this.faults) {
      if (fault.backend !== number) continue;
      if (fault.kind === 'backend-silent') answer = 'silent';
      else if (fault.kind === 'backend-refuses') answer = answer === 'silent' ? answer : 'refuse';
      else {
        handshakeMs += fault.extraMs;
        echoMs += fault.extraMs;
      }
    }
    return { ...ACCEPTING, answer, handshakeMs, echoMs };
  }
}
