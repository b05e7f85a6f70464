package dev.outpost.tensor.kernel;

import java.util.List;

/**
 * A device at work, and its memory, until it is closed. Several threads may use its kernels at
 * once: they take turns, call by call. Nobody may when it is closed.
 */
public interface OpenDevice extends AutoCloseable {
  /** Its kernels. */
  Kernels kernels();

  /** Bytes of its memory that this process took. */
  long memoryBytes();

  /** How much of it holds something now. */
  long usedBytes();

  /**
   * What its kernels leave to the host's: each a phrase such as {@code attention over more than
   * 2,097,120 positions}. Empty where it is nothing.
   */
  List<String> onHost();

  /** What has crossed the bus so far, for people. */
  String traffic();

  /** Gives the memory back. */
  @Override
  void close();
}
