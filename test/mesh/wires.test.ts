import { withBed } from '../support/bed.js';
import { callInside, startInside } from '../support/inside.js';
import { kernelTest } from '../support/prerequisites.js';
import type { dialAll } from './wire-host.js';

/* What only real wires show: silence, unreachable networks, several addresses on one host. */

const HOST = new URL('./wire-host.js', import.meta.url);

kernelTest('mesh on wires: what a dial fails of is told apart', (t) =>
  withBed(t, async (bed) => {
    const near = await bed.host('near', { address: '10.99.0.1' });
    const far = await bed.host('far', { address: '10.99.0.2' });
    await near.must('ip', ['route', 'add', 'unreachable', '10.97.0.0/16']);
    await near.must('ip', ['route', 'add', 'prohibit', '10.96.0.0/16']);
    const listener = await startInside(far, HOST, 'listen', { at: '10.99.0.2:61420' });
    await listener.waitForLine(/^listening/);
    const to = [
      '10.99.0.2:61420',
      '10.99.0.2:61422',
      '10.97.0.1:61420',
      '10.96.0.1:61420',
      '10.98.0.1:61420',
      '10.99.0.1:61420',
    ];
    type Outcomes = Awaited<ReturnType<typeof dialAll>>;
    const outcomes = await callInside<Outcomes>(near, HOST, 'dialAll', {
      at: '10.99.0.1:61420',
      to,
      timeoutMs: 600,
    });
    t.deepEqual(
      outcomes.map(({ outcome }) => outcome),
      ['opened', 'refused', 'unreachable', 'unreachable', 'timeout', 'refused'],
    );
    const silence = outcomes.find(({ outcome }) => outcome === 'timeout')!.ms;
    t.true(silence > 550 && silence < 6000, `${silence} ms`);
  }),
);

kernelTest('mesh on wires: a node dials from its own address, also where its host has others', (t) =>
  withBed(t, async (bed) => {
    const near = await bed.host('near', { address: '10.99.0.1' });
    const far = await bed.host('far', { address: '10.99.0.2' });
    await near.must('ip', ['addr', 'add', '10.99.0.77/16', 'dev', 'eth0']);
    const called = await startInside(far, HOST, 'firstCaller', { at: '10.99.0.2:61420' });
    await called.waitForLine(/^listening/);
    await callInside(near, HOST, 'dialAll', {
      at: '10.99.0.77:61420',
      to: ['10.99.0.2:61420'],
      timeoutMs: 5000,
    });
    t.is(await called.waitForLine(/^answer/), 'answer: "10.99.0.77"');
  }),
);

kernelTest('mesh on wires: a link whose other end has vanished is closed without lingering', (t) =>
  withBed(t, async (bed) => {
    const near = await bed.host('near', { address: '10.99.0.1' });
    const far = await bed.host('far', { address: '10.99.0.2' });
    const listener = await startInside(far, HOST, 'listen', { at: '10.99.0.2:61420' });
    await listener.waitForLine(/^listening/);
    const dialler = await startInside(near, HOST, 'dialAndClose', {
      at: '10.99.0.1:61420',
      to: '10.99.0.2:61420',
      afterMs: 500,
    });
    await dialler.waitForLine(/^opened/);
    await far.must('ip', ['link', 'set', 'eth0', 'down']);
    const answer = await dialler.waitForLine(/^answer/);
    t.is(answer, 'answer: {"kinds":["opened","closed"],"openSockets":0}');
  }),
);
