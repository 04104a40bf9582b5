import { quote } from '../json.js';
import { LastVips, type VipsReading } from '../last-vips.js';
import type { SourceWarning } from '../vips.js';
import type { ArrivedDocument } from './master-reading.js';
import { collectVips, type MesosState, type MesosStateResult } from './state.js';

/**
 * What a reader of one agent's state remembers from one document to the next. The document is the truth about what runs
 * there; whoever it is not of an agent changes nothing.
 */
export class AgentReading {
  readonly #last: LastVips;
  #taken: { readonly digest: string; readonly warnings: readonly SourceWarning[] } | undefined;

  /** `reader` is a name that no other reader has. */
  constructor(reader: string) {
    this.#last = new LastVips(reader);
  }

  take(
    token: string | undefined,
    { digest, read }: ArrivedDocument,
  ): VipsReading | { readonly kind: 'failed'; readonly reason: string } {
    if (this.#taken?.digest === digest) return this.#last.again(token, this.#taken.warnings);
    this.#taken = undefined;
    let result: MesosStateResult;
    try {
      result = read();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { kind: 'failed', reason: `the answer is not JSON, or cut short: ${why}` };
    }
    const reason = result.ok ? whyNoAgent(result.state) : result.reason;
    if (!result.ok || reason !== undefined) return { kind: 'failed', reason: reason! };
    const { served, warnings } = result.state;
    this.#taken = { digest, warnings };
    return this.#last.take(token, collectVips(served.values()), warnings);
  }
}

function whyNoAgent({ writer, election, complete }: MesosState): string | undefined {
  if (writer === 'master')
    return `it is the state of a master, ${quote(election.pid)}; the url must be an agent's`;
  return complete ? undefined : 'the state lacks its list of "frameworks"';
}
