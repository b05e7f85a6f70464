package dev.outpost.tensor.kernel;

/** Which two numbers of a head turn together. */
public enum RotaryPairing {
  /** Number i with number {@code pairs + i}: Hugging Face's order. */
  HALVES,
  /** Number 2i with number 2i + 1: the paper's order, and that of Llama models in GGUF files. */
  NEIGHBOURS;

  /** Where the first number of pair {@code i} of {@code pairs} is. */
  public int first(int i) {
    return this == HALVES ? i : 2 * i;
  }

  /** How far behind the first number of a pair the second is. */
  public int apart(int pairs) {
    return this == HALVES ? pairs : 1;
  }
}
