import type { Host } from '../../testbed/host.js';

/** SYNs as nobody's kernel sends them: from a raw socket, to any tuple and as fast as it goes. */
const PROGRAM = `
import random, socket, struct, sys, time
source, target = sys.argv[1], sys.argv[2]
first, count, repeat, pause_ms = (int(text) for text in sys.argv[3:])
host, port = target.split(':')
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 24)
def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
a, b = socket.inet_aton(source), socket.inet_aton(host)
sent = 0
for own in range(first, first + count):
    tcp = struct.pack('!HHIIBBHHH', own, int(port), random.getrandbits(32), 0, 5 << 4, 2, 64240, 0, 0)
    tcp = tcp[:16] + struct.pack('!H', checksum(a + b + struct.pack('!BBH', 0, 6, len(tcp)) + tcp)) + tcp[18:]
    ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 40, 0, 0, 64, 6, 0, a, b)
    for _ in range(repeat):
        try:
            raw.sendto(ip + tcp, (host, 0))
            sent += 1
        except OSError: pass
        if pause_ms: time.sleep(pause_ms / 1000)
print(sent)
`;

export interface RawSyns {
  /** `10.99.0.1`: whose SYNs they seem to be. */
  readonly source: string;
  readonly to: string;
  readonly firstPort: number;
  /** From so many ports in a row; 1. */
  readonly count?: number;
  /** Each so often; 1. */
  readonly repeat?: number;
  /** Between two of them; 0. */
  readonly pauseMs?: number;
}

/** Sends them from `host`; answers how many its kernel took. */
export async function sendSyns(host: Host, syns: RawSyns): Promise<number> {
  const { source, to, firstPort, count = 1, repeat = 1, pauseMs = 0 } = syns;
  const args = ['-c', PROGRAM, source, to, ...[firstPort, count, repeat, pauseMs].map(String)];
  return Number(await host.must('python3', args, { timeoutMs: 60_000 }));
}
