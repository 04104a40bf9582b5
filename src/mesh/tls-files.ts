import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';

/** Where the certificate of this node, its private key and the authority that signs all nodes' certificates are: PEM files. */
export interface TlsPaths {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** What those files hold. */
export interface TlsIdentity {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer;
}

export type TlsFiles =
  | { readonly ok: true; readonly identity: TlsIdentity }
  | { readonly ok: false; readonly which: keyof TlsPaths; readonly fault: string };

/** Reads the files and tries them; the fault says which one is to blame. */
export function readTlsFiles(paths: TlsPaths): TlsFiles {
  const contents: Partial<Record<keyof TlsPaths, Buffer>> = {};
  for (const which of ['cert', 'key', 'ca'] as const) {
    try {
      contents[which] = readFileSync(paths[which]);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
      return {
        ok: false,
        which,
        fault: `${paths[which]} cannot be read (${code}); check path and permissions`,
      };
    }
  }
  const identity = contents as TlsIdentity;
  const attempts = [
    ['ca', { ca: identity.ca }, 'is no PEM file of certificates'],
    ['cert', { cert: identity.cert }, 'is no PEM file of a certificate'],
    ['key', { key: identity.key }, 'is no PEM file of a private key without a passphrase'],
    ['key', { cert: identity.cert, key: identity.key }, `does not belong to the certificate ${paths.cert}`],
  ] as const;
  for (const [which, options, what] of attempts) {
    try {
      // Node takes text without any certificate for no authority at all.
      if (which === 'ca' && !identity.ca.includes('-----BEGIN CERTIFICATE-----')) throw new Error('no PEM');
      createSecureContext(options);
    } catch (error) {
      return { ok: false, which, fault: `${paths[which]} ${what} (${(error as Error).message})` };
    }
  }
  return { ok: true, identity };
}
