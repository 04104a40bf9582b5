import { connect, createServer, type Server } from 'node:net';
import { CommandFailure, EXIT_FAILURE } from './failure.js';

/**
 * A socket in the abstract namespace, which the kernel keeps per network namespace, as it does rules, sets
 * and the connection table; and which vanishes with its process, however that ends.
 */
const SOCKET = '\0minuteman';
const ANSWER_TIMEOUT_MS = 1000;
const MAX_ANSWER_CHARS = 200;

/** The right to program the kernel of this network namespace; one process has it at a time. */
export class InstanceGuard {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** `holder` is what others are told who has it. Fails, with what to do, when another process does. */
  static async acquire(holder: string): Promise<InstanceGuard> {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.end(`${holder}, pid ${process.pid}`);
    });
    try {
      await new Promise<void>((done, fail) => {
        server.once('error', fail);
        server.listen(SOCKET, done);
      });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'EADDRINUSE') throw error instanceof Error ? error : new Error(message);
      throw new CommandFailure(
        EXIT_FAILURE,
        `another minuteman (${await askHolder()}) runs in this network namespace; stop it first, since both would program the same kernel tables`,
      );
    }
    server.unref();
    return new InstanceGuard(server);
  }

  release(): void {
    this.#server.close();
  }
}

/** Whoever holds the socket need not be one of us, so its answer is bounded, awaited briefly and cleaned. */
function askHolder(): Promise<string> {
  return new Promise((answer) => {
    let text = '';
    const socket = connect(SOCKET);
    const finish = (): void => {
      socket.destroy();
      const clean = text.slice(0, MAX_ANSWER_CHARS).replace(/[^\w .,:/-]/g, '');
      answer(clean === '' ? 'it did not say which' : clean);
    };
    socket.setEncoding('utf8');
    socket.setTimeout(ANSWER_TIMEOUT_MS, finish);
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > MAX_ANSWER_CHARS) finish();
    });
    socket.on('error', finish);
    socket.on('close', finish);
  });
}
