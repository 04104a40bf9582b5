/** The head of a request as the daemon sends it. */
export function requestHead(host: string): Uint8Array {
  return encode(
    `GET /master/state HTTP/1.1\r\nhost: ${host}\r\naccept: application/json\r\naccept-encoding: gzip\r\n\r\n`,
  );
}

export function answerHead(status: number, length: number, encoding?: string): Uint8Array {
  const packed = encoding === undefined ? '' : `content-encoding: ${encoding}\r\n`;
  return encode(
    `HTTP/1.1 ${status} -\r\ncontent-type: application/json\r\n${packed}content-length: ${length}\r\n\r\n`,
  );
}

export interface MessageHead {
  /** The first line. */
  readonly line: string;
  readonly fields: ReadonlyMap<string, string>;
}

const HEAD_MOST = 16_384;

/** Puts an HTTP/1.1 message together from pieces of any size: a head, then a body. */
export class MessageReader {
  head: MessageHead | undefined;
  /** Octets of the body so far. */
  received = 0;
  private readonly pieces: Uint8Array[] = [];
  private start: Uint8Array = new Uint8Array(0);

  add(bytes: Uint8Array): void {
    if (this.head !== undefined) {
      this.body(bytes);
      return;
    }
    this.start = this.start.length === 0 ? bytes : join([this.start, bytes]);
    const end = endOfHead(this.start);
    if (end === undefined) {
      if (this.start.length > HEAD_MOST) throw new Error('the head of the message has no end');
      return;
    }
    const [line = '', ...fields] = decode(this.start.subarray(0, end - 4)).split('\r\n');
    this.head = {
      line,
      fields: new Map(
        fields.map((field) => {
          const colon = field.indexOf(':');
          return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
        }),
      ),
    };
    this.body(this.start.subarray(end));
  }

  /** What the head announces; undefined without a head. */
  get announced(): number | undefined {
    return this.head === undefined ? undefined : Number(this.head.fields.get('content-length') ?? 0);
  }

  get complete(): boolean {
    return this.head !== undefined && this.received >= this.announced!;
  }

  content(): Uint8Array {
    return this.pieces.length === 1 ? this.pieces[0]! : join(this.pieces);
  }

  private body(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.pieces.push(bytes);
    this.received += bytes.length;
  }
}

function endOfHead(bytes: Uint8Array): number | undefined {
  for (let at = bytes.indexOf(13); at >= 0; at = bytes.indexOf(13, at + 1)) {
    if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at + 4;
  }
  return undefined;
}

function join(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
