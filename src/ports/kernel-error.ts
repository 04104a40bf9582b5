/** What the kernel (or a tool that speaks to it) refused. `code` is the errno's name, or the tool's. */
export class KernelError extends Error {
  override readonly name = 'KernelError';
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
