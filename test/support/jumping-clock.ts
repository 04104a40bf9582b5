/**
 * Loaded before a daemon (`--import`): at each SIGUSR2 what its JavaScript takes for the time of day jumps, a day ahead
 * and back in turn. Namespaces share the kernel's own, which is not ours to set.
 */
const DAY_MS = 86_400_000;
const realNow = Date.now.bind(Date);
let offsetMs = 0;
Date.now = () => realNow() + offsetMs;
process.on('SIGUSR2', () => {
  offsetMs = offsetMs === 0 ? DAY_MS : 0;
  process.stderr.write(`the clock is ${offsetMs} ms ahead\n`);
});
