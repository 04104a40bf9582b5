import type { Endpoint } from '../../core/endpoint.js';
import type { Happening, HostName } from '../engine/journal.js';

type ConnectionNews = Extract<
  Happening,
  { kind: 'connecting' | 'syn' | 'mapped' | 'connected' | 'asked' | 'answered' | 'closed' }
>;

/** A connection as its client sees it. */
export interface Connection {
  readonly id: number;
  readonly host: HostName;
  readonly client: Endpoint;
  readonly vip: Endpoint;
  readonly beganMs: number;
  syns: number;
  /** Where the daemon placed it last. */
  placed: Endpoint | undefined;
  connectedMs: number | undefined;
  /** Since when it waits for an answer; undefined while it does not. */
  askedMs: number | undefined;
  /** Where it ended up, as the backend said. */
  backend: Endpoint | undefined;
}

/** The clients' connections that are open or being opened, by id and by flow. */
export class Connections {
  readonly open = new Map<number, Connection>();
  /** The one that closed last. */
  closed: Connection | undefined;
  private readonly byVip = new Map<Endpoint, Map<Endpoint, Connection>>();

  hear(news: ConnectionNews, atMs: number): void {
    switch (news.kind) {
      case 'connecting': {
        const connection: Connection = {
          id: news.id,
          host: news.host,
          client: news.client as Endpoint,
          vip: news.vip as Endpoint,
          beganMs: atMs,
          syns: 0,
          placed: undefined,
          connectedMs: undefined,
          askedMs: undefined,
          backend: undefined,
        };
        this.open.set(news.id, connection);
        let flows = this.byVip.get(connection.vip);
        if (flows === undefined) {
          flows = new Map();
          this.byVip.set(connection.vip, flows);
        }
        flows.set(connection.client, connection);
        break;
      }
      case 'syn': {
        const connection = this.open.get(news.id);
        if (connection !== undefined) connection.syns += 1;
        break;
      }
      case 'mapped': {
        if (news.outcome !== 'made') break;
        const connection = this.find(news.client as Endpoint, news.vip as Endpoint);
        if (connection?.host === news.host) connection.placed = news.backend as Endpoint;
        break;
      }
      case 'connected': {
        const connection = this.open.get(news.id);
        if (connection === undefined) break;
        connection.connectedMs = atMs;
        connection.backend = news.backend as Endpoint;
        break;
      }
      case 'asked':
      case 'answered': {
        const connection = this.open.get(news.id);
        if (connection !== undefined) connection.askedMs = news.kind === 'asked' ? atMs : undefined;
        break;
      }
      case 'closed': {
        const connection = this.open.get(news.id);
        if (connection === undefined) break;
        this.open.delete(news.id);
        this.closed = connection;
        const flows = this.byVip.get(connection.vip);
        if (flows?.get(connection.client) === connection) flows.delete(connection.client);
        break;
      }
    }
  }

  find(client: Endpoint, vip: Endpoint): Connection | undefined {
    return this.byVip.get(vip)?.get(client);
  }
}
