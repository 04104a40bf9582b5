/** A connection's states in conntrack, as far as a new SYN for its tuple cares, by the kernel's numbers. */
export const ENTRY_STATES = [
  'none',
  'syn-sent',
  'syn-recv',
  'established',
  'fin-wait',
  'close-wait',
  'last-ack',
  'time-wait',
  'close',
  'syn-sent2',
] as const;

export type EntryState = (typeof ENTRY_STATES)[number];

/**
 * What to do with a SYN whose tuple the kernel tracks already.
 *
 * - `ask`: the SYN was sent before and never answered; the balancer decides whether to wait on.
 * - `replace`: both sides are done with the old connection; the SYN opens a new one.
 * - `leave`: the connection lives, or one side may still send. A stray or forged SYN must not break it; if
 *   the client really starts anew, the backend's challenge makes it reset the old connection and its next
 *   SYN finds the entry closed.
 */
export type ExistingDecision = 'ask' | 'replace' | 'leave';

const DECISIONS: Record<EntryState, ExistingDecision> = {
  none: 'ask',
  'syn-sent': 'ask',
  'syn-sent2': 'ask',
  'syn-recv': 'leave',
  established: 'leave',
  'fin-wait': 'leave',
  'close-wait': 'leave',
  'last-ack': 'replace',
  'time-wait': 'replace',
  close: 'replace',
};

/**
 * `placed` is whether the entry leads to a backend. One that does not (a SYN that passed while no daemon
 * decided) is worth nothing before its handshake is done.
 */
export function decideExisting(state: EntryState, placed: boolean): ExistingDecision {
  const decision = DECISIONS[state];
  return decision === 'ask' && !placed ? 'replace' : decision;
}
