import test from 'ava';
import {
  decideExisting,
  type EntryState,
  type ExistingDecision,
} from '../../../src/core/data-plane/existing-entry.js';

const cases: readonly { state: EntryState; placed: ExistingDecision; unplaced: ExistingDecision }[] = [
  { state: 'none', placed: 'ask', unplaced: 'replace' },
  { state: 'syn-sent', placed: 'ask', unplaced: 'replace' },
  { state: 'syn-sent2', placed: 'ask', unplaced: 'replace' },
  { state: 'syn-recv', placed: 'leave', unplaced: 'leave' },
  { state: 'established', placed: 'leave', unplaced: 'leave' },
  { state: 'fin-wait', placed: 'leave', unplaced: 'leave' },
  { state: 'close-wait', placed: 'leave', unplaced: 'leave' },
  { state: 'last-ack', placed: 'replace', unplaced: 'replace' },
  { state: 'time-wait', placed: 'replace', unplaced: 'replace' },
  { state: 'close', placed: 'replace', unplaced: 'replace' },
];

for (const { state, placed, unplaced } of cases) {
  test(`a SYN that meets an entry in ${state}: ${placed} if it leads to a backend, else ${unplaced}`, (t) => {
    t.is(decideExisting(state, true), placed);
    t.is(decideExisting(state, false), unplaced);
  });
}
