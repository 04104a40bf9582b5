import { readFileSync } from 'node:fs';

/** CPU time of a process with all its threads, user and system, in milliseconds. */
export function cpuMs(pid: number): number {
  // The second field is the program's name in brackets and may hold blanks; utime and stime are the 14th
  // and 15th, in ticks of 10 ms.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Resident memory, in units of 1,000,000 bytes. */
export function rssMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024) / 1e6;
}
