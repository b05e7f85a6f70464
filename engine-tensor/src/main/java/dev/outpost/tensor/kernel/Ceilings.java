package dev.outpost.tensor.kernel;

/**
 * What a processor can do at most, as loops with nothing else in them: the denominators of every
 * benchmark. A backend brings its own, in the instructions its kernels use.
 *
 * <p>Both loops are to be timed by the caller; what they return keeps the compiler from leaving
 * them out and means nothing.
 */
public interface Ceilings {
  /** What the loops run on, such as {@code 512-bit vectors}, or why they run on less. */
  String describe();

  /** Widest vector used, in bits; 0 for plain loops. */
  int vectorBits();

  /** Vector registers of that width; 0 for plain loops. */
  int registers();

  /** Floating-point operations of one {@link #multiplyAdd} on a team. */
  double operations(Team team);

  /** Fused multiply-adds on registers alone, on every thread of the team. */
  float multiplyAdd(Team team);

  /** Reads every element once, the team's threads side by side. */
  float read(Team team, float[] data);
}
