import { formatEndpoint } from '../../../src/core/endpoint.js';
import type { Fleet } from '../../../src/sim/fleet/fleet.js';
import { eyesOn, type HostEyes } from '../../../src/sim/invariants/eyes.js';

/**
 * How a fleet stands, as lines of text: each host's VIPs with their backends, its set, its rules, its health and
 * how many handshakes it takes for pending. What depends on the very connections that came is not in it, so that
 * the ends of two runs with the same truth are equal if nothing is wrong.
 */
export function endState(fleet: Fleet): readonly string[] {
  return [...eyesOn(fleet).hosts.values()].flatMap((host) =>
    stateOf(host).map((line) => `${host.name} ${line}`),
  );
}

function stateOf(host: HostEyes): readonly string[] {
  const { daemon, kernel } = host;
  if (daemon === undefined || daemon.ended) return ['its daemon does not run'];
  const { status } = daemon.node;
  let pending = 0;
  const vips = [...status.vips()].map((vip) => {
    const backends = [...vip.backends()];
    for (const backend of backends) pending += backend.pending;
    const texts = backends.map(({ backend }) => formatEndpoint(backend)).sort();
    return `${formatEndpoint(vip.vip)} -> ${texts.join(' ')}`;
  });
  const { ok, reasons } = status.healthy();
  return [
    ...vips.sort(),
    `set: ${[...(kernel.members() ?? [])].map(formatEndpoint).sort().join(' ')}`,
    `rules: ${[...kernel.rules()]
      .map(([name, count]) => `${name} x ${count}`)
      .sort()
      .join(', ')}`,
    ok ? 'healthy' : `unhealthy: ${reasons.join('; ')}`,
    `${pending} pending`,
  ];
}
