/**
 * An IPv4 address with a TCP port, packed into one number: `address * 65536 + port`.
 *
 * 48 bits fit a double exactly, so an endpoint is its own Map key and costs no allocation on the path of
 * a SYN. VIPs, backends and clients are all endpoints; text is made only at the edges.
 */
export type Endpoint = number & { readonly __endpoint: unique symbol };

/** An IPv4 address as an unsigned 32-bit number in host order: 10.1.2.3 is 0x0a010203. */
export type Address = number;

const PORTS = 65536;

export function endpoint(address: Address, port: number): Endpoint {
  return (address * PORTS + port) as Endpoint;
}

export function addressOf(value: Endpoint): Address {
  return Math.floor(value / PORTS);
}

export function portOf(value: Endpoint): number {
  return value % PORTS;
}

/** Reads dotted-quad text without leading zeros; undefined for anything else. */
export function parseAddress(text: string): Address | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let address = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part)) return undefined;
    const octet = Number(part);
    if (octet > 255) return undefined;
    address = address * 256 + octet;
  }
  return address;
}

/** Reads `A.B.C.D:PORT` with a port of 1 to 65535; undefined for anything else. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  const address = parseAddress(text.slice(0, colon));
  const portText = text.slice(colon + 1);
  if (address === undefined || !/^[1-9]\d{0,4}$/.test(portText)) return undefined;
  const port = Number(portText);
  return port > 65535 ? undefined : endpoint(address, port);
}

export function formatAddress(address: Address): string {
  return `${Math.floor(address / 16777216)}.${Math.floor(address / 65536) % 256}.${Math.floor(address / 256) % 256}.${address % 256}`;
}

export function formatEndpoint(value: Endpoint): string {
  return `${formatAddress(addressOf(value))}:${portOf(value)}`;
}

/** Whether an address is this host's own, wherever it is used. */
export function isLoopback(address: Address): boolean {
  return Math.floor(address / 16777216) === 127;
}

/**
 * Why an address can be no VIP, or undefined if it can: the kernel would never carry a connection to
 * `0.0.0.0/8`, loopback, multicast or broadcast through the rules that place it.
 */
export function whyNoVip(address: Address): string | undefined {
  const first = Math.floor(address / 16777216);
  if (first === 0) return 'is in 0.0.0.0/8, which names no host';
  if (isLoopback(address)) return 'is in 127.0.0.0/8, which never leaves the client';
  if (first >= 224 && first < 240) return 'is multicast';
  if (first >= 240) return 'is in 240.0.0.0/4, reserved or broadcast';
  return undefined;
}

/** Why an address can be no backend, or undefined if it can. Loopback is allowed: a backend on this host. */
export function whyNoBackend(address: Address): string | undefined {
  const first = Math.floor(address / 16777216);
  if (first === 0) return 'is in 0.0.0.0/8, which names no host';
  if (first >= 224 && first < 240) return 'is multicast';
  if (first >= 240) return 'is in 240.0.0.0/4, reserved or broadcast';
  return undefined;
}
