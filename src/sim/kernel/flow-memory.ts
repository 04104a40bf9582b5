import type { Endpoint } from '../../core/endpoint.js';
import type { Flow } from '../../ports/conntrack.js';
import { TupleTable } from './tuple-table.js';

const FLOWS_MOST = 65_536;

interface Remembered extends Flow {
  readonly backend: Endpoint;
}

/** Which flow an answer belongs to, by its backend and client. The oldest give way. */
export class FlowMemory {
  private readonly byAnswer = new TupleTable<Remembered>();
  private readonly all = new Set<Remembered>();

  /** `backend` will answer the flow's client. Of two flows whose answers look alike the later one counts. */
  remember(backend: Endpoint, { client, vip }: Flow): void {
    const old = this.byAnswer.find(backend, client);
    if (old !== undefined) this.forget(old);
    if (this.all.size >= FLOWS_MOST)
      for (const oldest of this.all) {
        this.forget(oldest);
        break;
      }
    const flow = { client, vip, backend };
    this.byAnswer.add(backend, client, flow);
    this.all.add(flow);
  }

  /** The flow whose answer this is, once. */
  take(backend: Endpoint, client: Endpoint): Flow | undefined {
    const flow = this.byAnswer.find(backend, client);
    if (flow !== undefined) this.forget(flow);
    return flow;
  }

  private forget(flow: Remembered): void {
    this.byAnswer.remove(flow.backend, flow.client);
    this.all.delete(flow);
  }
}
