package dev.outpost.transformer.module;

import dev.outpost.autograd.Var;

/**
 * A linear map of the last axis: dense, low-rank, or dense with something attached. The place where
 * PEFT and compression act.
 */
public interface Projection extends Module<Projection> {
  /**
   * Applies the map. x [N, in] → [N, out].
   *
   * @param name this projection's path inside the block, for messages and for dropout streams
   */
  Var apply(Pass pass, String name, Var x);

  /** Columns expected of x. */
  int in();

  /** Columns of the result. */
  int out();
}
