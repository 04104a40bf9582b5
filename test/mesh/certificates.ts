import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { TlsPaths } from '../../src/mesh/tls-files.js';

/** Why no certificates can be made here, or undefined. */
export function missingForCertificates(): string | undefined {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'openssl is not installed';
  }
}

/** A test that needs certificates; where none can be made it is skipped, and under `CI=true` fails. */
export function tlsTest(title: string, run: (t: ExecutionContext) => Promise<void> | void): void {
  const missing = missingForCertificates();
  if (missing === undefined) test(title, run);
  else if (process.env.CI === 'true') test(title, (t) => t.fail(`cannot run: ${missing}`));
  else test.skip(`${title} (skipped: ${missing})`, run);
}

/** An authority in `directory`, which signs certificates for addresses. */
export class Authority {
  readonly #directory: string;
  readonly #name: string;

  constructor(directory: string, name: string) {
    this.#directory = directory;
    this.#name = name;
    openssl(
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ],
      ...['-subj', `/CN=${name}`, '-keyout', this.#path('ca.key'), '-out', this.#path('ca.pem')],
    );
  }

  /** A certificate for the address, with its key. `days` below 1: it has expired. */
  issue(address: string, days = 1): TlsPaths {
    const stem = `${address}${days < 1 ? '-expired' : ''}`;
    const [key, request, cert, extension] = ['key', 'csr', 'pem', 'ext'].map((kind) =>
      this.#path(`${stem}.${kind}`),
    );
    openssl(
      ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=node'],
      ...['-keyout', key!, '-out', request!],
    );
    writeFileSync(extension!, `subjectAltName=IP:${address}\n`);
    openssl(
      ...['x509', '-req', '-in', request!, '-CA', this.#path('ca.pem'), '-CAkey', this.#path('ca.key')],
      ...['-CAcreateserial', '-days', String(days), '-extfile', extension!, '-out', cert!],
    );
    return { cert: cert!, key: key!, ca: this.#path('ca.pem') };
  }

  #path(file: string): string {
    return join(this.#directory, `${this.#name}-${file}`);
  }
}

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' });
}
