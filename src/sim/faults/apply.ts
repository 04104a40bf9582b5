import type { HostName } from '../engine/journal.js';
import type { Fleet } from '../fleet/fleet.js';
import type { Machine } from '../fleet/machine.js';
import type { KernelFaults } from '../kernel/faults.js';
import { MEMBERS_FILE } from '../mesh/disk-members.js';
import type { Fault } from '../plan/plan.js';
import { startLying } from './liar.js';

/** Takes a fault back. To be called once; in what order several are called does not matter. */
export type Undo = () => void;

const NOTHING: Undo = () => {};

/**
 * Lets a fault happen to the fleet. Throws for a fault that names what the plan does not have.
 */
export function applyFault(fleet: Fleet, fault: Fault): Undo {
  const { network, orchestrator, master, backends } = fleet;
  switch (fault.kind) {
    case 'panic':
      return machine(fleet, fault.host).end('silent', fault.wiped);
    case 'host-killed':
      return machine(fleet, fault.host).end('reset', fault.wiped);
    case 'host-paused':
      return machine(fleet, fault.host).pause();
    case 'daemon-killed':
      return machine(fleet, fault.host).endDaemon('killed');
    case 'daemon-stopped':
      return machine(fleet, fault.host).endDaemon('stopped');
    case 'daemon-paused':
      return machine(fleet, fault.host).pauseDaemon();
    case 'slow-cpu':
      return machine(fleet, fault.host).slow(fault.factor);
    case 'clock-drift': {
      const { clock } = machine(fleet, fault.host).host;
      clock.drift(fault.rate);
      return () => clock.drift(1);
    }
    case 'clock-jump': {
      const { clock } = machine(fleet, fault.host).host;
      clock.jump(fault.byMs);
      return () => clock.jump(-fault.byMs);
    }
    case 'loss':
      return network.faults.loss(fault);
    case 'delay':
      return network.faults.delay(fault);
    case 'bandwidth':
      return network.faults.bandwidth(fault);
    case 'partition':
      return network.faults.partition(fault);
    case 'cut': {
      const [a, b] = [machine(fleet, fault.a), machine(fleet, fault.b)];
      // The client of a VIP knows not where its backend is; the backend knows where its client is.
      a.kernel.severConnections(b.host.address);
      b.kernel.severConnections(a.host.address);
      return network.faults.cut(fault);
    }
    case 'half-open':
      machine(fleet, fault.host).kernel.forgetConnections();
      return network.faults['half-open'](fault);
    case 'connect-blackhole':
      return network.faults['connect-blackhole'](fault);
    case 'mesh-liar':
      return startLying(fleet, machine(fleet, fault.host), fault.how);
    case 'disk-rolled-back': {
      const at = machine(fleet, fault.host);
      const { disk } = at.host;
      const before = disk.get(MEMBERS_FILE);
      at.endDaemon('killed')();
      return () => {
        const start = at.endDaemon('killed');
        if (before === undefined) disk.delete(MEMBERS_FILE);
        else disk.set(MEMBERS_FILE, before);
        start();
      };
    }
    case 'disk-read-only': {
      const { host } = machine(fleet, fault.host);
      host.diskReadOnly += 1;
      return () => {
        host.diskReadOnly -= 1;
      };
    }
    case 'same-name': {
      const at = machine(fleet, fault.host);
      fleet.renamed.set(at.name, fault.as);
      at.endDaemon('killed')();
      return () => {
        fleet.renamed.delete(at.name);
        at.endDaemon('killed')();
      };
    }
    case 'kernel-error':
      return kernel(fleet, fault.host).failRequests(fault.port, fault.code, fault.count);
    case 'events-lost':
      return kernel(fleet, fault.host).loseEvents(fault.share, fault.told);
    case 'queue-limit':
      return kernel(fleet, fault.host).limitQueues(fault.length);
    case 'rules-flushed':
      kernel(fleet, fault.host).flushRules(fault.table);
      return NOTHING;
    case 'set-spoilt':
      kernel(fleet, fault.host).spoilSet(fault.how);
      return NOTHING;
    case 'conntrack-full':
      return kernel(fleet, fault.host).fillConntrack();
    case 'slow-tools':
      return kernel(fleet, fault.host).slowTools(fault.tookMs);
    case 'backend-refuses':
    case 'backend-silent':
    case 'backend-slow':
      return backends.fault(fault);
    case 'master':
      // A plan whose VIPs come from files has no master that could fail.
      return master?.fault(fault) ?? NOTHING;
    case 'tasks':
      return orchestrator.tasksFault(fault);
    case 'actor-crash':
      return crashActor(machine(fleet, fault.host), fault);
  }
}

function kernel(fleet: Fleet, name: HostName): KernelFaults {
  return machine(fleet, name).kernel.faults;
}

function machine(fleet: Fleet, name: HostName): Machine {
  const found = fleet.machine(name);
  if (found === undefined) throw new Error(`a fault names ${name}, which the plan does not have`);
  return found;
}

/** The actor throws at one message of the daemon that runs now; at its `nth` from now on. */
function crashActor(at: Machine, fault: Extract<Fault, { kind: 'actor-crash' }>): Undo {
  const { daemon } = at;
  if (daemon === undefined) return NOTHING;
  let left = fault.nth;
  const watch = (path: string, when: 'before' | 'after'): void => {
    if (when !== fault.when || !path.includes(fault.actor)) return;
    left -= 1;
    if (left > 0) return;
    daemon.watches.delete(watch);
    throw new Error(`the plan lets ${path} crash ${when} a message`);
  };
  daemon.watches.add(watch);
  return () => daemon.watches.delete(watch);
}
