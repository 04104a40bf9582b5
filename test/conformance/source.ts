import assert from 'node:assert/strict';
import type { Vips } from '../../src/core/vips.js';
import type { Source, SourceReading } from '../../src/ports/sources.js';
import { asText, Follower } from '../sources/reading.js';
import type { Case } from './case.js';

/** A place that VIPs come from, and a reader of it. */
export interface SourceSubject {
  readonly source: Source;
  /** What the place says, when it can be read. */
  truth(): Vips;
  /** Makes it say something else; when this is over a reading shows it. */
  change(): Promise<void>;
  /** Makes it impossible to read, or to understand; and possible again. */
  spoil(): Promise<void>;
  mend(): Promise<void>;
  /** Lets the world run until the answer is there. */
  answer<T>(coming: Promise<T>): Promise<T>;
  /** Lets the world run for so long. */
  pass(ms: number): Promise<void>;
}

/** What any `Source` must do. */
export const SOURCE_CASES: readonly Case<SourceSubject>[] = [
  {
    title: 'without a token everything is told, later what changed, or that nothing did',
    run: async (subject) => {
      const { poll, follower } = following(subject);
      assert.equal(kindOf(await poll()), 'reset');
      for (let i = 0; i < 3; i += 1) {
        assert.equal(asText(follower.vips), asText(subject.truth()));
        assert.equal(kindOf(await poll()), 'unchanged');
        await subject.change();
        assert.equal(kindOf(await poll()), 'changed');
      }
      assert.equal(asText(follower.vips), asText(subject.truth()));
    },
  },
  {
    title: 'a token that the reader does not know is answered with everything',
    run: async (subject) => {
      const { poll, follower } = following(subject);
      await poll();
      follower.token = 'of another reader';
      assert.equal(kindOf(await poll()), 'reset');
      assert.equal(asText(follower.vips), asText(subject.truth()));
    },
  },
  {
    title: 'no answer comes from inside the call, and none twice',
    run: async (subject) => {
      const answers: SourceReading[] = [];
      const coming = new Promise<void>((resolve) =>
        subject.source.read(undefined, (reading) => {
          answers.push(reading);
          resolve();
        }),
      );
      assert.equal(answers.length, 0);
      await subject.answer(coming);
      await subject.pass(300);
      assert.equal(answers.length, 1);
    },
  },
  {
    title: 'what cannot be read is said with a reason, and takes nothing away',
    run: async (subject) => {
      const { poll, follower } = following(subject);
      await poll();
      const before = asText(follower.vips);
      await subject.spoil();
      for (let i = 0; i < 2; i += 1) {
        const reading = await poll();
        assert.equal(kindOf(reading), 'failed');
        assert.ok(reading.kind === 'failed' && reading.reason.length > 10);
        assert.equal(asText(follower.vips), before);
      }
      await subject.mend();
      await subject.change();
      assert.notEqual(kindOf(await poll()), 'failed');
      assert.equal(asText(follower.vips), asText(subject.truth()));
    },
  },
  {
    title: 'a source that is closed while it is read answers that it failed',
    run: async (subject) => {
      const { poll } = following(subject);
      const coming = poll();
      subject.source.close();
      assert.equal(kindOf(await coming), 'failed');
    },
  },
];

function following(subject: SourceSubject) {
  const follower = new Follower(subject.source);
  return { follower, poll: (): Promise<SourceReading> => subject.answer(follower.poll()) };
}

function kindOf(reading: SourceReading): string {
  return reading.kind === 'changed' && reading.reset ? 'reset' : reading.kind;
}
