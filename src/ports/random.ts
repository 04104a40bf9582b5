/** A stream of random numbers. Two streams made for different purposes do not influence each other. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
}
