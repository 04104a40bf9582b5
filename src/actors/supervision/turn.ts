import { dispatch, type Ref, spawn, start, stop } from 'nact';

/** What turns are opened under. */
export interface TurnParent {
  readonly ref: Ref<never>;
}

/** The only message nact carries for us. */
const YOUR_TURN = { kind: 'turn' } as const;

/** With its sender, of whom nact's types do not know: without one it makes up a nobody for each message. */
const dispatchFrom = dispatch as <M>(to: Ref<M>, message: M, from: Ref<M>) => void;

/**
 * The seam to nact: one nact actor, and the only message it ever gets is that it is its turn.
 *
 * nact schedules turns (one at a time, an immediate each); the messages proper wait in queues of our own.
 * So a restart, which is `stop` and a new `spawn`, cannot lose them, though nact forgets the mailbox of a
 * stopped actor together with the message it had already taken out. A batch of messages costs one turn.
 * nact never sees a fault: `run` must not throw. Of nact's supervision only `stop` is used.
 */
export class Turn implements TurnParent {
  private nactRef: Ref<typeof YOUR_TURN> | undefined;
  private due = false;
  private readonly run: () => void;

  constructor(run: () => void) {
    this.run = run;
  }

  get ref(): Ref<never> {
    if (this.nactRef === undefined) throw new Error('a turn was used before it was opened');
    return this.nactRef;
  }

  open(parent: TurnParent, name: string): void {
    this.due = false;
    const nactRef: Ref<typeof YOUR_TURN> = spawn(
      parent.ref,
      () => {
        // A turn that closed, and perhaps opened anew, is no longer this actor's.
        if (this.nactRef !== nactRef) return;
        this.due = false;
        this.run();
      },
      nactName(name),
    );
    this.nactRef = nactRef;
  }

  /** Asks for a turn; asking twice before it comes gives one. Without effect while closed. */
  ask(): void {
    if (this.due || this.nactRef === undefined) return;
    this.due = true;
    dispatchFrom(this.nactRef, YOUR_TURN, this.nactRef);
  }

  /** Ends the nact actor; may be called from within `run`. nact leaves children running: close them first. */
  close(): void {
    if (this.nactRef === undefined) return;
    stop(this.nactRef);
    this.nactRef = undefined;
    this.due = false;
  }
}

/** nact allows few characters in names; the others are written as `$` and their code, so VIPs can be names. */
function nactName(name: string): string {
  return name.replace(/[^a-z0-9_.-]/gi, (character) => `$${character.charCodeAt(0).toString(16)}.`);
}

let systems = 0;

/** A nact system. nact finds systems by name, and a second of the same name takes over the first one's actors. */
export class TurnSystem implements TurnParent {
  readonly ref: Ref<never>;

  constructor(name: string) {
    systems += 1;
    // nact's types say `start('name')`; its code wants an object, and draws a random name for anything else.
    const named = { name: `${name}#${systems}` } as unknown as string;
    this.ref = start(named);
  }

  close(): void {
    stop(this.ref);
  }
}
