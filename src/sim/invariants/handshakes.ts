import type { ConnectionObserverMessage } from '../../actors/data-plane/connection-observer.js';
import type { NfqueueWorkerMessage } from '../../actors/data-plane/nfqueue-worker.js';
import { type Endpoint, formatEndpoint } from '../../core/endpoint.js';
import { NONE, SYN_SENT } from '../kernel/tcp-states.js';
import { type Eyes, eyesOn, type HostEyes } from './eyes.js';
import type { Invariant, Verdicts } from './invariant.js';
import { IN_FLIGHT_MOST_MS, type Late, lateSynsOf } from './late-syns.js';
import { Sampling } from './sampling.js';

/** A little less than the connect timeout. */
const IN_FLIGHT_LEAST_MS = 390;

export const pendingInFlight: Invariant = {
  name: 'pending-in-flight',
  promise:
    'pending handshakes of a backend are those in flight: never negative, none forgotten, none counted for ever',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    const lates = lateSynsOf(eyes);
    const sampling = new Sampling();

    const later = (late: Late): void => {
      if (late.audit) return;
      late.audit = true;
      eyes.at(eyes.nowMs + IN_FLIGHT_MOST_MS + 10, () => {
        late.audit = false;
        lates.trim(late);
        audit(late);
        if (late.flows.size > 0) later(late);
      });
    };

    const audit = (late: Late): void => {
      if (sampling.isDue()) sampling.looked(auditPending(eyes, late, verdicts));
    };

    eyes.onMessage('nfqueue', 'after', ({ host, message }) => {
      const answer = message as NfqueueWorkerMessage;
      if (answer.kind !== 'placed-again') return;
      eyes.soon(() => audit(lates.of(host.name, answer.syn.vip)));
    });
    return {
      hears: ['mapped'],
      happened: (news) => {
        if (news.kind !== 'mapped' || news.outcome !== 'made') return;
        const late = lates.of(news.host, news.vip as Endpoint);
        eyes.soon(() => audit(late));
        later(late);
      },
    };
  },
};

/** Answers how many backends it looked at. */
function auditPending(eyes: Eyes, { host, vip, flows }: Late, verdicts: Verdicts): number {
  const { nowMs } = eyes;
  const status = host.state === 'ended' ? undefined : host.daemon?.node.status.vip(vip);
  if (status === undefined) return 0;
  let late = 0;
  const inFlight = new Map<Endpoint, number>();
  for (const [client, { queuedMs, placedMs, backend }] of flows) {
    if (nowMs - Math.max(queuedMs, placedMs) <= IN_FLIGHT_MOST_MS) late += 1;
    if (backend === undefined || placedMs <= host.turnedMs || nowMs - placedMs >= IN_FLIGHT_LEAST_MS)
      continue;
    const entry = host.kernel.entryOf(client, vip);
    if (entry === undefined || entry.state !== SYN_SENT || entry.backend !== backend) continue;
    inFlight.set(backend, (inFlight.get(backend) ?? 0) + 1);
  }
  let sum = 0;
  for (const { backend, pending } of status.backends()) {
    sum += pending;
    if (pending < 0) {
      verdicts.broken(`${formatEndpoint(vip)}: ${formatEndpoint(backend)} has ${pending} pending`, host.name);
      return status.backendCount;
    }
    const least = inFlight.get(backend) ?? 0;
    // A backend that left and came back within a handshake may have been forgotten meanwhile.
    if (pending < least && host.learned.changedMs < nowMs - IN_FLIGHT_MOST_MS) {
      verdicts.broken(
        `${formatEndpoint(vip)}: ${formatEndpoint(backend)} has ${pending} pending, and ${least} in flight`,
        host.name,
      );
      return status.backendCount;
    }
  }
  if (sum > late && eyes.ranWell(host, nowMs - 2 * IN_FLIGHT_MOST_MS)) {
    verdicts.broken(`${formatEndpoint(vip)}: ${sum} pending, and ${late} SYNs of late`, host.name);
  }
  return status.backendCount;
}

/** Whoever hears that events were lost looks at the entries, and knows at once what they tell. */
export const lostEventsMadeUp: Invariant = {
  name: 'lost-events-made-up',
  promise: 'when events were lost, no handshake counts as pending any more whose entry shows that it is over',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    const lates = lateSynsOf(eyes);

    const check = (host: HostEyes): void => {
      if (!eyes.ranWell(host, eyes.nowMs - 1)) return;
      if (eyes.disturbances.between(eyes.nowMs - 1, eyes.nowMs, ['kernel-error/conntrack-lookup'], host.name))
        return;
      for (const late of lates.all(host.name)) {
        lates.trim(late);
        const status = host.daemon?.node.status.vip(late.vip);
        if (status === undefined) continue;
        let open = 0;
        for (const client of late.flows.keys()) {
          const entry = host.kernel.entryOf(client, late.vip);
          const state = entry?.state ?? NONE;
          if (state === NONE || state === SYN_SENT || late.flows.get(client)?.backend !== entry?.backend)
            open += 1;
        }
        const pending = status.pending();
        if (pending <= open) continue;
        verdicts.broken(
          `${formatEndpoint(late.vip)}: ${pending} pending after events were lost, and the kernel shows ${open} at most`,
          host.name,
        );
      }
    };

    eyes.onMessage('connection-observer', 'after', ({ host, message }) => {
      if ((message as ConnectionObserverMessage).kind !== 'lost') return;
      verdicts.sometimes('events were lost, and told so');
      eyes.soon(() => check(host));
    });
    return {};
  },
};
