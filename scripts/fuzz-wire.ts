import { fuzzDecode } from '../test/core/cluster/wire-fuzz.js';

/**
 * Fuzzes the decoder of the mesh's frames: `node build/js/scripts/fuzz-wire.js [FRAMES] [SEED]`. A short run of the same is
 * among the tests of the wire.
 */
const [frames = '1000000', seed = 'frames'] = process.argv.slice(2);
const startedMs = performance.now();
const { inputs, accepted, mostPerOctet, slowestMs } = fuzzDecode(Number(frames), seed);
const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
console.log(
  `${inputs} frames, ${accepted} of them accepted, at most ${mostPerOctet.toFixed(2)} numbers an octet, ` +
    `slowest ${slowestMs.toFixed(1)} ms: no fault in ${seconds} s`,
);
if (mostPerOctet > 1) {
  console.error('a frame made the decoder hold more numbers than it has octets');
  process.exitCode = 1;
}
