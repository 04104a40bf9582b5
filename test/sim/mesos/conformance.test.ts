import test from 'ava';
import type { Vips } from '../../../src/core/vips.js';
import { FileSource } from '../../../src/sim/mesos/file-source.js';
import { VipFiles } from '../../../src/sim/mesos/vip-files.js';
import { SOURCE_CASES, type SourceSubject } from '../../conformance/source.js';
import { MesosVillage } from './cluster.js';

/** A master may serve a document for five seconds, and a file is everywhere within half of one. */
const SHOWN_MS = 6_000;

/** What both have in common: the orchestrator's truth, and virtual time. */
function worldOf(village: MesosVillage) {
  const pass = (ms: number): Promise<void> => village.run(village.engine.nowMs + ms);
  return {
    truth: (): Vips => village.orchestrator.vips,
    pass,
    change: (): Promise<void> => {
      village.orchestrator.add();
      return pass(SHOWN_MS);
    },
    answer: async <T>(coming: Promise<T>): Promise<T> => {
      let over = false;
      void coming.finally(() => {
        over = true;
      });
      for (let i = 0; i < 20_000 && !over; i += 1) await pass(1);
      return coming;
    },
  };
}

function fileSubject(): SourceSubject {
  const village = new MesosVillage({ file: true });
  const files = new VipFiles(village.engine, village.orchestrator, village.hosts);
  village.begin();
  const file = files.file('n1');
  return {
    ...worldOf(village),
    source: new FileSource(village.processes[0]!, file, 'reader'),
    spoil: async () => file.write(new TextEncoder().encode('{"vips":{"10.')),
    mend: async () => files.restore('n1'),
  };
}

function masterSubject(): SourceSubject {
  const village = new MesosVillage();
  village.begin();
  let mend = (): void => {};
  return {
    ...worldOf(village),
    source: village.source(0),
    spoil: async () => {
      mend = village.master.fault({ kind: 'master', how: 'garbage' });
    },
    mend: async () => mend(),
  };
}

for (const [name, subject] of [
  ['file', fileSubject],
  ['Mesos master', masterSubject],
] as const)
  for (const { title, run } of SOURCE_CASES)
    test(`simulated source, ${name}: ${title}`, (t) => t.notThrowsAsync(run(subject())));
