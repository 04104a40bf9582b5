import type { EntryState } from '../../../src/core/data-plane/existing-entry.js';
import { addressOf, type Endpoint, endpoint, portOf } from '../../../src/core/endpoint.js';
import type {
  Conntrack,
  ConntrackEntry,
  Flow,
  HandshakeEvent,
  MapOutcome,
  Mapping,
} from '../../../src/ports/conntrack.js';
import type { Clock, Timers } from '../../../src/ports/time.js';

interface Entry extends ConntrackEntry {
  state: EntryState;
  /** Whom the backend answers: the client, or the source address put in its place. */
  readonly answers: Endpoint;
}

/** A table of connections, found by the client's tuple and unique by the reply's tuple too. */
export class MemoryConntrack implements Conntrack {
  max = 1_000;
  /** Entries of others, which only take room. */
  others = 0;
  /** The next requests to make an entry fail with these codes. */
  readonly failures: string[] = [];
  /** While true nobody is told of events: the kernel has no room for them. */
  deaf = false;
  readonly #time: Clock & Timers;
  readonly #entries = new Map<string, Entry>();
  readonly #replies = new Set<string>();
  #ids = 0;
  #events: (events: readonly HandshakeEvent[]) => void = () => {};
  #lost: () => void = () => {};

  constructor(time: Clock & Timers) {
    this.#time = time;
  }

  map(mappings: readonly Mapping[]): readonly MapOutcome[] {
    return mappings.map((mapping): MapOutcome => {
      const code = this.failures.shift();
      if (code !== undefined) return { kind: 'error', code };
      if (mapping.instead !== undefined) this.remove([mapping.instead]);
      const entry = this.#entries.get(flowKey(mapping));
      if (entry !== undefined) return { kind: 'exists', entry: { ...entry } };
      if (this.#entries.size + this.others >= this.max) return { kind: 'full' };
      const answers = this.#freeAnswer(mapping);
      if (answers === undefined) return { kind: 'exists', entry: undefined };
      this.#put(mapping, mapping.backend, answers, 'syn-sent', true);
      return { kind: 'made' };
    });
  }

  lookup(flows: readonly Flow[]): readonly (ConntrackEntry | undefined)[] {
    return flows.map((flow) => {
      const entry = this.#entries.get(flowKey(flow));
      return entry && { ...entry };
    });
  }

  remove(entries: readonly ConntrackEntry[]): void {
    for (const { id, client, vip } of entries) {
      const entry = this.#entries.get(flowKey({ client, vip }));
      if (entry?.id === id) this.#delete(entry);
    }
  }

  handshakes(): readonly ConntrackEntry[] {
    return [...this.#entries.values()].filter(({ ours, state }) => ours && state === 'syn-sent');
  }

  observe(events: (events: readonly HandshakeEvent[]) => void, lost: () => void): void {
    this.#events = events;
    this.#lost = lost;
  }

  usage(): { readonly count: number; readonly max: number } {
    return { count: this.#entries.size + this.others, max: this.max };
  }

  removeAll(): number {
    const ours = [...this.#entries.values()].filter((entry) => entry.ours);
    for (const entry of ours) this.#delete(entry);
    return ours.length;
  }

  countOurs(): number {
    return [...this.#entries.values()].filter((entry) => entry.ours).length;
  }

  /** An entry that stands already: `backend` is the VIP itself for one that leads nowhere. */
  stand(flow: Flow, backend: Endpoint, state: EntryState, ours = true): void {
    this.#put(flow, backend, flow.client, state, ours);
  }

  state(flow: Flow): EntryState | undefined {
    return this.#entries.get(flowKey(flow))?.state;
  }

  /** Whom the backend of a flow answers. */
  answers(flow: Flow): Endpoint | undefined {
    return this.#entries.get(flowKey(flow))?.answers;
  }

  /** The backend's SYN-ACK comes by. */
  answer(flow: Flow): void {
    this.#became(flow, 'established', 'answered');
  }

  /** The backend's RST does. */
  refuse(flow: Flow): void {
    this.#became(flow, 'close', 'refused');
  }

  become(flow: Flow, state: EntryState): void {
    const entry = this.#entries.get(flowKey(flow));
    if (entry === undefined) throw new Error('no such connection');
    entry.state = state;
  }

  drop(flow: Flow): void {
    const entry = this.#entries.get(flowKey(flow));
    if (entry !== undefined) this.#delete(entry);
  }

  /** Says that events were dropped. */
  overrun(): void {
    this.#time.start(0, () => this.#lost());
  }

  #became(flow: Flow, state: EntryState, kind: HandshakeEvent['kind']): void {
    this.become(flow, state);
    const { client, vip, backend } = this.#entries.get(flowKey(flow))!;
    const atMs = this.#time.nowMs();
    if (!this.deaf) this.#time.start(0, () => this.#events([{ kind, client, vip, backend, atMs }]));
  }

  #put(flow: Flow, backend: Endpoint, answers: Endpoint, state: EntryState, ours: boolean): void {
    this.#ids += 1;
    const { client, vip } = flow;
    this.#entries.set(flowKey(flow), { client, vip, backend, answers, state, ours, id: this.#ids });
    this.#replies.add(replyKey(backend, answers));
  }

  #delete(entry: Entry): void {
    this.#entries.delete(flowKey(entry));
    this.#replies.delete(replyKey(entry.backend, entry.answers));
  }

  #freeAnswer({ client, backend, source }: Mapping): Endpoint | undefined {
    const first = endpoint(source ?? addressOf(client), portOf(client));
    if (!this.#replies.has(replyKey(backend, first))) return first;
    if (source === undefined) return undefined;
    for (let port = 1024; port < 65536; port += 1) {
      const other = endpoint(source, port);
      if (!this.#replies.has(replyKey(backend, other))) return other;
    }
    return undefined;
  }
}

function flowKey({ client, vip }: Flow): string {
  return `${client} ${vip}`;
}

function replyKey(backend: Endpoint, answers: Endpoint): string {
  return `${backend} ${answers}`;
}
