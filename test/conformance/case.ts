/**
 * One promise of a port, as a test that any implementation of the port must pass: it gets a fresh subject,
 * and throws (`node:assert`) when the promise is broken.
 */
export interface Case<Subject> {
  readonly title: string;
  run(subject: Subject): Promise<void>;
}

/** Turns a port's callback into a promise; a second answer is an error of the implementation. */
export function answerOf<T>(ask: (done: (answer: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    let answered = false;
    ask((answer) => {
      if (answered) reject(new Error('answered twice'));
      answered = true;
      resolve(answer);
    });
    if (answered) reject(new Error('answered before the call returned'));
  });
}
