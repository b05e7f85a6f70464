package dev.outpost;

/** How the hidden states of a text's tokens become one. */
public enum Pooling {
  /** Their mean. */
  MEAN,
  /** The last one, which has seen all others. */
  LAST
}
