import type { HostName } from '../engine/journal.js';

/** What a port of one host's kernel can be made to answer. */
export type KernelErrorCode = 'ENOBUFS' | 'ENOENT' | 'ENOMEM' | 'EPERM' | 'EINTR' | 'EBUSY' | 'EEXIST';

/** What a lying member of the mesh says. */
export type Lie =
  /** Everybody else has no neighbours any more. */
  | 'all-dead'
  /** Records in others' names, with links that there are not, of now and of epochs to come. */
  | 'in-others-names'
  /** Everybody's records as they once were. */
  | 'old-records'
  /** It hears nothing of anybody: alarms without end. */
  | 'alarms'
  /** There are members that nobody ever saw. */
  | 'phantoms'
  /** More than anybody can take. */
  | 'flood';

/** What may go wrong, and where. Plain data: a plan can be written to a file, edited and run again. */
export type Fault =
  /** The machine goes silent: no FIN, no RST. It comes back when the fault ends, `wiped` without its disk. */
  | { readonly kind: 'panic'; readonly host: HostName; readonly wiped: boolean }
  /** The machine's programs are killed; its kernel resets their connections. They are started again at the end. */
  | { readonly kind: 'host-killed'; readonly host: HostName; readonly wiped: boolean }
  /** The daemon alone is killed (kill -9), and started again at the end. */
  | { readonly kind: 'daemon-killed'; readonly host: HostName }
  /** The daemon is stopped in order (SIGTERM), and started again at the end. */
  | { readonly kind: 'daemon-stopped'; readonly host: HostName }
  /** The daemon stands still (SIGSTOP). */
  | { readonly kind: 'daemon-paused'; readonly host: HostName }
  /** The whole machine stands still (a hypervisor's pause); its clocks run on. */
  | { readonly kind: 'host-paused'; readonly host: HostName }
  /** The daemon gets little CPU: everything it does takes `factor` times as long. */
  | { readonly kind: 'slow-cpu'; readonly host: HostName; readonly factor: number }
  /** The host's monotonic clock runs at `rate`. */
  | { readonly kind: 'clock-drift'; readonly host: HostName; readonly rate: number }
  /** The host's wall clock jumps by `byMs`, and back at the end. */
  | { readonly kind: 'clock-jump'; readonly host: HostName; readonly byMs: number }
  /** Packets from `from` to `to` are lost with `probability`; undefined means any host. */
  | {
      readonly kind: 'loss';
      readonly from: HostName | undefined;
      readonly to: HostName | undefined;
      readonly probability: number;
    }
  /** Packets from `from` to `to` take `extraMs` to twice that longer. */
  | {
      readonly kind: 'delay';
      readonly from: HostName | undefined;
      readonly to: HostName | undefined;
      readonly extraMs: number;
    }
  /** Links carry so much at most. */
  | { readonly kind: 'bandwidth'; readonly host: HostName; readonly bytesPerMs: number }
  /** `side` and everybody else cannot reach each other; with `oneWay` packets from `side` still pass. */
  | { readonly kind: 'partition'; readonly side: readonly HostName[]; readonly oneWay: boolean }
  /** Connections between two hosts are cut with a RST at the beginning of the fault. */
  | { readonly kind: 'cut'; readonly a: HostName; readonly b: HostName }
  /** The connections of a host that stand are forgotten by its peer: half-open. */
  | { readonly kind: 'half-open'; readonly host: HostName }
  /** New connections to the host find no answer; those that stand go on. */
  | { readonly kind: 'connect-blackhole'; readonly host: HostName }
  /** A member that holds the key sends what is well-formed and untrue, on all its links, for so long. */
  | { readonly kind: 'mesh-liar'; readonly host: HostName; readonly how: Lie }
  /** The daemon is killed and started again; at the end once more, remembering what it did at the beginning: a snapshot. */
  | { readonly kind: 'disk-rolled-back'; readonly host: HostName }
  /** What the daemon writes to its disk is lost. */
  | { readonly kind: 'disk-read-only'; readonly host: HostName }
  /** The daemon is started again under the name of another one, and under its own at the end. */
  | { readonly kind: 'same-name'; readonly host: HostName; readonly as: HostName }
  /** The kernel refuses the next `count` requests of one port with an error. */
  | {
      readonly kind: 'kernel-error';
      readonly host: HostName;
      readonly port:
        | 'conntrack-map'
        | 'conntrack-lookup'
        | 'verdict'
        | 'ipset'
        | 'iptables'
        | 'heartbeat'
        | 'routes';
      readonly code: KernelErrorCode;
      readonly count: number;
    }
  /** What tells of handshakes overruns: events are lost while it lasts. `told`: the reader hears of it. */
  | { readonly kind: 'events-lost'; readonly host: HostName; readonly share: number; readonly told: boolean }
  /** The queue holds `length` packets at most. */
  | { readonly kind: 'queue-limit'; readonly host: HostName; readonly length: number }
  /** Somebody flushes rules: a table, or all. */
  | {
      readonly kind: 'rules-flushed';
      readonly host: HostName;
      readonly table: 'raw' | 'mangle' | 'filter' | 'nat' | undefined;
    }
  /** Somebody destroys, empties or edits the set. */
  | { readonly kind: 'set-spoilt'; readonly host: HostName; readonly how: 'destroyed' | 'emptied' | 'edited' }
  /** Others fill the connection table up to its limit. */
  | { readonly kind: 'conntrack-full'; readonly host: HostName }
  /** Tools (iptables, ipset) take so long each: somebody holds the lock. */
  | { readonly kind: 'slow-tools'; readonly host: HostName; readonly tookMs: number }
  | { readonly kind: 'backend-refuses'; readonly backend: number }
  | { readonly kind: 'backend-silent'; readonly backend: number }
  | { readonly kind: 'backend-slow'; readonly backend: number; readonly extraMs: number }
  | {
      readonly kind: 'master';
      readonly how:
        | 'down'
        | 'hanging'
        /** Answers seconds later, or never in time. */
        | 'late'
        /** Sends its answer a little at a time, for seconds. */
        | 'dripping'
        | 'error-500'
        | 'truncated'
        | 'garbage'
        | 'empty'
        | 'stale'
        | 'standby'
        | 'fail-over';
    }
  /** The orchestrator moves, kills or adds that many tasks at once, or lets their health checks fail. */
  | {
      readonly kind: 'tasks';
      readonly how: 'move' | 'kill' | 'add' | 'unhealthy' | 'remove-vip';
      readonly count: number;
    }
  /** An actor throws at its `nth` message from the beginning of the fault on, before or after it took effect. */
  | {
      readonly kind: 'actor-crash';
      readonly host: HostName;
      /** A part of its path, e.g. `nfqueue-50` or `balancers/`. */
      readonly actor: string;
      readonly nth: number;
      readonly when: 'before' | 'after';
    };

export interface TimedFault {
  readonly atMs: number;
  /** 0: it happens at an instant, and nothing needs healing. */
  readonly durationMs: number;
  readonly fault: Fault;
}

/** A run as data: the same plan gives the same run, bit for bit. */
export interface Plan {
  readonly seed: number;
  readonly scenario: string;
  readonly nodes: number;
  /** Virtual time of the whole run. Faults end before `healMs`; from then on everything must get well. */
  readonly durationMs: number;
  readonly healMs: number;
  readonly vips: number;
  /** Over all VIPs. */
  readonly backends: number;
  /** New connections per second, over all clients. */
  readonly connectionsPerSecond: number;
  /** Connections that stay and exchange a message every second. */
  readonly longConnections: number;
  /** Whether the daemons form a mesh, and so know whose machine is gone. */
  readonly mesh: boolean;
  /** Where VIPs come from. */
  readonly source: 'file' | 'mesos-master';
  readonly faults: readonly TimedFault[];
}
