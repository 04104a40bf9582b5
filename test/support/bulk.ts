import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';

export interface BulkRun {
  readonly ms: number;
  /** Whether what came back is what was sent. */
  readonly same: boolean;
}

/**
 * Sends so many random bytes to a listener of the test bed, which greets with a line and then echoes, and
 * reads them back meanwhile. To be called inside a host.
 */
export function echoBulk({ to, bytes }: { readonly to: string; readonly bytes: number }): Promise<BulkRun> {
  const [host, port] = to.split(':');
  const block = randomBytes(1 << 20);
  const sent = createHash('sha1');
  const received = createHash('sha1');
  return new Promise((resolve, reject) => {
    const startedMs = performance.now();
    const socket = connect({ host: host!, port: Number(port) });
    let left = bytes;
    let greeted = false;
    const send = (): void => {
      while (left > 0) {
        const piece = block.subarray(0, Math.min(left, block.length));
        left -= piece.length;
        sent.update(piece);
        if (!socket.write(piece)) {
          socket.once('drain', send);
          return;
        }
      }
      socket.end();
    };
    socket.on('connect', send);
    socket.on('data', (chunk) => {
      // The greeting is short and leaves first, so it comes in one piece.
      const from = greeted ? 0 : chunk.indexOf('\n') + 1;
      greeted = true;
      received.update(chunk.subarray(from));
    });
    socket.on('error', reject);
    socket.on('close', () => {
      const same = left === 0 && sent.digest('hex') === received.digest('hex');
      resolve({ ms: performance.now() - startedMs, same });
    });
  });
}
