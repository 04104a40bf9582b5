import { type Endpoint, formatEndpoint } from '../../core/endpoint.js';
import type { HostName } from '../engine/journal.js';
import type { Connection } from './connections.js';
import { MACHINE_TROUBLE, NETWORK_TROUBLE, type Trouble } from './disturbances.js';
import { type Eyes, eyesOn } from './eyes.js';
import type { Invariant } from './invariant.js';
import { isSetExchanged } from './kernel-set.js';
import { keepsAwaited } from './vip-tables.js';

/** What may end a connection that stands, whatever the data plane does. */
const BREAKING: readonly Trouble[] = [
  ...MACHINE_TROUBLE,
  ...NETWORK_TROUBLE,
  // Without any rule that tracks connections the kernel translates none.
  'all-rules-flushed',
  'backend-refuses',
  'backend-silent',
];

/** How long an answer may take: the network, a slow backend, and segments sent again. */
const ANSWERED_MOST_MS = 5_000;

export const establishedSurvives: Invariant = {
  name: 'established-survives',
  promise:
    'a connection that stands goes on whatever happens to daemons, VIPs, sets and tables: only its machines, its network or its backend end it',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);

    const excused = (connection: Connection): boolean => {
      const fromMs = connection.connectedMs! - 1_000;
      return (
        endsOf(eyes, connection).some((name) =>
          eyes.disturbances.between(fromMs, eyes.nowMs, BREAKING, name),
        ) || !fleet.orchestrator.tasks().some((task) => task.backend === connection.backend)
      );
    };

    const stillUnanswered = (connection: Connection, askedMs: number): void => {
      if (connection.askedMs !== askedMs || eyes.connections.open.get(connection.id) !== connection) return;
      if (excused(connection)) return;
      verdicts.broken(`${nameOf(connection)} finds no answer any more`, connection.host);
    };

    return {
      hears: ['asked', 'closed'],
      happened: (news, atMs) => {
        if (news.kind === 'asked') {
          const connection = eyes.connections.open.get(news.id);
          if (connection === undefined) return;
          eyes.at(atMs + ANSWERED_MOST_MS, () => stillUnanswered(connection, atMs));
        } else if (news.kind === 'closed' && (news.why === 'reset' || news.why === 'timeout')) {
          const connection = eyes.connections.closed;
          if (connection?.id !== news.id || connection.connectedMs === undefined || excused(connection))
            return;
          const stoodMs = Math.round(atMs - connection.connectedMs);
          verdicts.broken(`${nameOf(connection)} stood for ${stoodMs} ms, then: ${news.why}`, news.host);
        }
      },
    };
  },
};

function endsOf(eyes: Eyes, { host, backend }: Connection): readonly HostName[] {
  const other = backend === undefined ? undefined : eyes.hostAt(backend);
  return other === undefined || other === host ? [host] : [host, other];
}

/** Rumours of dead backends and new VIPs take up to 11 s, daemons up to 8 s to come up. */
const WELL_AFTER_MS = 13_000;
/** How long a connection may take then: a retry or two. */
const CONNECTED_MOST_MS = 4_000;

export const connectsWhenWell: Invariant = {
  name: 'connects-when-well',
  promise: 'when nothing was wrong anywhere for 13 s, every new connection to a VIP with backends succeeds',
  watch: (fleet, verdicts) => {
    const eyes = eyesOn(fleet);
    const { orchestrator } = fleet;
    let changedMs = 0;

    /** Whether the connection began in quiet times, towards backends that were there all the time. */
    const shouldSucceed = ({ beganMs, vip, host }: Connection): boolean => {
      const fromMs = beganMs - WELL_AFTER_MS;
      if (fromMs < 0 || changedMs > fromMs || eyes.disturbances.any(fromMs, eyes.nowMs)) return false;
      if (isSetExchanged(eyes, eyes.host(host)) || keepsAwaited(eyes, eyes.host(host), vip)) return false;
      return (orchestrator.vips.get(vip)?.size ?? 0) > 0;
    };

    return {
      hears: ['desired', 'closed'],
      happened: (news, atMs) => {
        if (news.kind === 'desired') changedMs = atMs;
        if (news.kind !== 'closed' || news.why === 'done' || news.why === 'host-ended') return;
        const connection = eyes.connections.closed;
        if (connection?.id !== news.id || connection.connectedMs !== undefined) return;
        if (shouldSucceed(connection)) verdicts.broken(`${nameOf(connection)}: ${news.why}`, news.host);
      },
      healed: () => {
        for (const connection of eyes.connections.open.values()) {
          if (connection.connectedMs !== undefined || eyes.nowMs - connection.beganMs < CONNECTED_MOST_MS)
            continue;
          if (!shouldSucceed(connection)) continue;
          const waitedMs = Math.round(eyes.nowMs - connection.beganMs);
          verdicts.broken(`${nameOf(connection)}: no answer for ${waitedMs} ms`, connection.host);
        }
      },
    };
  },
};

function nameOf({ client, vip, backend }: Connection): string {
  const to = backend === undefined ? '' : `, at ${formatEndpoint(backend)}`;
  return `${formatEndpoint(client as Endpoint)} to ${formatEndpoint(vip)}${to}`;
}
