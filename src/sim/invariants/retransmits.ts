import type { BalancerMessage, PlacedAgainMessage } from '../../actors/data-plane/balancer.js';
import type { NfqueueWorkerMessage } from '../../actors/data-plane/nfqueue-worker.js';
import { type Endpoint, formatEndpoint } from '../../core/endpoint.js';
import type { Syn } from '../../ports/packet-queue.js';
import { SYN_SENT } from '../kernel/tcp-states.js';
import { eyesOn, type HostEyes } from './eyes.js';
import type { Invariant } from './invariant.js';

interface Question {
  readonly existing: Endpoint;
  readonly looksAlive: boolean;
  readonly others: number;
}

/** What a client's retry is for: it heals what the first attempt met. */
export const retryKeepsOrMoves: Invariant = {
  name: 'retry-keeps-or-moves',
  promise:
    'a retransmitted SYN keeps its backend while that looks alive, and moves to another when it does not',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    const questions = new WeakMap<Syn, Question>();

    const answered = (
      host: HostEyes,
      { syn, entry, backend }: PlacedAgainMessage,
      question: Question,
    ): void => {
      const who = `${formatEndpoint(syn.client)} to ${formatEndpoint(syn.vip)}`;
      const { existing, looksAlive, others } = question;
      if (looksAlive && backend !== existing) {
        verdicts.broken(`${who}: moved away from ${formatEndpoint(existing)}, which looks alive`, host.name);
      } else if (!looksAlive && backend === existing && others > 0) {
        verdicts.broken(`${who}: kept ${formatEndpoint(existing)}, which does not look alive`, host.name);
      }
      verdicts.sometimes(
        backend === existing ? 'a retry kept its backend' : 'a retry moved to another backend',
      );
      if (backend === undefined) return;
      eyes.soon(() => {
        // Settled already by an earlier answer, or not at all while the kernel refuses.
        const now = host.kernel.entryOf(syn.client, syn.vip);
        if (now === undefined || now.backend === backend || now.backend !== entry.backend) return;
        if (now.state !== SYN_SENT || eyes.connectionOf(syn.client, syn.vip)?.connectedMs !== undefined)
          return;
        if (!eyes.servedWell(host, eyes.nowMs - 1, ['kernel-error/conntrack-map', 'conntrack-full'])) return;
        verdicts.broken(`${who}: moved to ${formatEndpoint(backend)}, and its entry did not`, host.name);
      });
    };

    eyes.onMessage('balancer', 'before', ({ host, message }) => {
      const question = message as BalancerMessage;
      if (question.kind !== 'retransmitted') return;
      const { syn, entry } = question;
      const backends = [...(host.daemon?.node.status.vip(syn.vip)?.backends() ?? [])];
      const existing = backends.find(({ backend }) => backend === entry.backend);
      questions.set(syn, {
        existing: entry.backend,
        looksAlive: existing?.reachable === true && existing.consecutiveFailures === 0,
        others: backends.length - (existing === undefined ? 0 : 1),
      });
    });
    eyes.onMessage('nfqueue', 'before', ({ host, message }) => {
      const answer = message as NfqueueWorkerMessage;
      if (answer.kind !== 'placed-again') return;
      const question = questions.get(answer.syn);
      if (question !== undefined) answered(host, answer, question);
    });
    return {};
  },
};
