import { type Endpoint, formatEndpoint } from '../../core/endpoint.js';
import { MasterReading } from '../../core/mesos/master-reading.js';
import type { Source, SourceReading } from '../../ports/sources.js';
import type { Timer } from '../../ports/time.js';
import type { Host } from '../engine/host.js';
import type { Process } from '../engine/process.js';
import type { ByteStream } from '../network/byte-stream.js';
import type { Network } from '../network/network.js';
import type { Documents } from './documents.js';
import { MessageReader, requestHead } from './http-message.js';
import { OneReading } from './one-reading.js';

export interface MasterSourceOptions {
  readonly network: Network;
  readonly host: Host;
  readonly process: Process;
  readonly master: Endpoint;
  readonly documents: Documents;
  /** The defaults of the production configuration unless given. */
  readonly timeoutMs?: number;
  readonly connectTimeoutMs?: number;
}

const TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 3_000;
/** What a reader thread takes for a document of so many octets (gzip), and at least. */
const READ_MS = 0.3;
const OCTETS_A_MS = 10_000;

/** VIPs of the simulated Mesos cluster: one request a reading, over the network, with the production's judgement. */
export class MasterSource implements Source {
  readonly name: string;
  private readonly options: MasterSourceOptions;
  private readonly url: string;
  private readonly state: MasterReading;
  private readonly reading: OneReading;
  private stream: ByteStream | undefined;
  private timers: Timer[] = [];

  constructor(options: MasterSourceOptions) {
    this.options = options;
    this.url = `http://${formatEndpoint(options.master)}/master/state`;
    this.name = `mesos-master:${this.url}`;
    this.state = new MasterReading(options.documents.reader());
    this.reading = new OneReading(this.name);
  }

  read(token: string | undefined, done: (reading: SourceReading) => void): void {
    const { network, host, process, master, documents } = this.options;
    const { timeoutMs = TIMEOUT_MS, connectTimeoutMs = CONNECT_TIMEOUT_MS } = this.options;
    const answer = this.reading.begin(done);
    const message = new MessageReader();
    let over = false;
    const end = (): void => {
      over = true;
      for (const timer of this.timers.splice(0)) timer.cancel();
      this.stream?.abort();
      this.stream = undefined;
    };
    const fail = (what: string): void => {
      if (over) return;
      end();
      answer({ kind: 'failed', reason: `${this.url}: ${what}` });
    };
    const complete = (): void => {
      if (over) return;
      end();
      const status = message.head?.line.split(' ')[1];
      if (status !== '200') {
        answer({ kind: 'failed', reason: `${this.url}: answered ${status}, not 200` });
        return;
      }
      const document = documents.of(message.content(), message.head?.fields.get('content-encoding'));
      process.start(READ_MS + message.received / OCTETS_A_MS, () => {
        const reading = this.state.take(token, document, host.clock.nowMs());
        if (reading.kind === 'failed') answer({ kind: 'failed', reason: `${this.url}: ${reading.reason}` });
        else answer(reading);
      });
    };
    const connecting = process.start(connectTimeoutMs, () =>
      fail(`no connection within ${connectTimeoutMs} ms; is the address right and no firewall between?`),
    );
    const total = process.start(timeoutMs, () =>
      fail(`no complete answer within ${timeoutMs} ms; the master is overloaded or the way to it is bad`),
    );
    this.timers = [connecting, total];
    this.stream = network.dial(host, process, master, {
      connected: () => {
        connecting.cancel();
        this.stream?.send(requestHead(formatEndpoint(master)));
      },
      failed: (why) =>
        fail(why === 'refused' ? 'connection refused (ECONNREFUSED)' : `no way to it (${why})`),
      data: (bytes) => {
        message.add(bytes);
        if (message.complete) complete();
      },
      closed: (why) => fail(why === 'end' ? 'the answer was cut short' : `the connection ended (${why})`),
    });
  }

  /** There is nothing to watch. */
  watch(): void {}

  close(): void {
    for (const timer of this.timers.splice(0)) timer.cancel();
    this.stream?.abort();
    this.reading.close();
  }
}
