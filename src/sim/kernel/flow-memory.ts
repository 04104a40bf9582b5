import type { Endpoint } from '../../core/endpoint.js';
import type { Flow } from '../../ports/conntrack.js';
import { TupleTable } from './tuple-table.js';

const FLOWS_MOST = 65_536;

interface Remembered extends Flow {
  readonly backend: Endpoint;
  readonly seen: Endpoint;
}

/** Which flow an answer belongs to, by the addresses the answer has on its way. The oldest give way. */
export class FlowMemory {
  private readonly byAnswer = new TupleTable<Remembered>();
  private readonly all = new Set<Remembered>();

  /** `backend` will answer `seen`, and that will be `flow`'s answer. */
  remember(backend: Endpoint, seen: Endpoint, { client, vip }: Flow): void {
    const old = this.byAnswer.find(backend, seen);
    if (old !== undefined) {
      // Two connections whose answers would look alike: which of them got another port cannot be told from here.
      if (old.client !== client || old.vip !== vip) this.forget(old);
      return;
    }
    if (this.all.size >= FLOWS_MOST)
      for (const oldest of this.all) {
        this.forget(oldest);
        break;
      }
    const flow = { client, vip, backend, seen };
    this.byAnswer.add(backend, seen, flow);
    this.all.add(flow);
  }

  /** The flow whose answer this is, once. */
  take(backend: Endpoint, seen: Endpoint): Flow | undefined {
    const flow = this.byAnswer.find(backend, seen);
    if (flow !== undefined) this.forget(flow);
    return flow;
  }

  private forget(flow: Remembered): void {
    this.byAnswer.remove(flow.backend, flow.seen);
    this.all.delete(flow);
  }
}
