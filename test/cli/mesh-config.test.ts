import test from 'ava';
import { describeMesh, effectiveMesh, meshSection } from '../../src/cli/mesh-config.js';

const directory = '/etc/minuteman';

test('mesh configuration: what is not said has its default, and paths count from the file', (t) => {
  t.deepEqual(effectiveMesh(meshSection.parse({ keyFile: 'mesh.key' }), directory), {
    port: 61420,
    contacts: [],
    keyFile: '/etc/minuteman/mesh.key',
    tls: undefined,
    maxFrameBytes: 65_536,
    stateFile: '/var/lib/minuteman/members.json',
    forgetAfterMs: 86_400_000,
    detector: { intervalMs: 1000, missLeastMs: 250, graceLeastMs: 300, reping: true },
  });
});

test('mesh configuration: everything said is kept, and read back it is the same', (t) => {
  const mesh = effectiveMesh(
    meshSection.parse({
      port: 7000,
      contacts: ['10.0.0.2:7000', '10.0.0.3:7000'],
      tls: { cert: 'tls/cert.pem', key: '/secret/key.pem', ca: 'tls/ca.pem' },
      maxFrameBytes: 131_072,
      stateFile: 'members.json',
      forgetAfter: '90m',
      detector: { interval: '2s', miss: '660ms', grace: '660ms', reping: false },
    }),
    directory,
  );
  t.deepEqual(mesh, {
    port: 7000,
    contacts: ['10.0.0.2:7000', '10.0.0.3:7000'],
    keyFile: undefined,
    tls: { cert: '/etc/minuteman/tls/cert.pem', key: '/secret/key.pem', ca: '/etc/minuteman/tls/ca.pem' },
    maxFrameBytes: 131_072,
    stateFile: '/etc/minuteman/members.json',
    forgetAfterMs: 5_400_000,
    detector: { intervalMs: 2000, missLeastMs: 660, graceLeastMs: 660, reping: false },
  });
  t.deepEqual(
    effectiveMesh(meshSection.parse(JSON.parse(JSON.stringify(describeMesh(mesh)))), '/elsewhere'),
    mesh,
  );
});
