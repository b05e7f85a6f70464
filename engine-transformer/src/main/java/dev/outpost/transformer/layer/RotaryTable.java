package dev.outpost.transformer.layer;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.RotaryPairing;
import dev.outpost.transformer.Spec;

/**
 * The angles of rotary position embeddings (Su et al. 2021) as cosines and sines: pair i turns by
 * {@code position · theta^(−i/pairs)}. One table serves all blocks of a model; it grows to the
 * positions asked for and is safe to share between threads.
 */
public final class RotaryTable {
  private static final int FEWEST = 64;

  private final float[] frequencies;
  private final RotaryPairing pairing;
  private volatile Tensor table;

  /** Angles of a spec's choice. */
  public RotaryTable(Spec.Positions.Rotary choice) {
    this(choice.theta(), choice.pairs(), choice.pairing());
  }

  /**
   * Angles of {@code pairs} pairs with base {@code theta}. Frequencies and angles are rounded to
   * f32 where the reference rounds them: at position 2000 that moves an angle by 1e-4, and weights
   * were trained with it.
   */
  public RotaryTable(double theta, int pairs, RotaryPairing pairing) {
    this.pairing = pairing;
    frequencies = new float[pairs];
    for (int i = 0; i < pairs; i++)
      frequencies[i] = 1 / (float) Math.pow(theta, (float) (2 * i) / (2 * pairs));
    table = Tensor.zeros(0, 2 * pairs);
  }

  /** Pairs per head. */
  public int pairs() {
    return frequencies.length;
  }

  /** Which numbers of a head make a pair. */
  public RotaryPairing pairing() {
    return pairing;
  }

  /** At least {@code positions} rows of cosines, then sines: [≥ positions, 2·pairs]. Read only. */
  public Tensor angles(int positions) {
    Tensor held = table;
    if (held.rows() >= positions) return held;
    Tensor more = grown(Math.max(FEWEST, Math.max(positions, 2 * held.rows())));
    table = more;
    return more;
  }

  private Tensor grown(int positions) {
    int pairs = frequencies.length;
    Tensor t = Tensor.zeros(positions, 2 * pairs);
    for (int p = 0; p < positions; p++)
      for (int i = 0; i < pairs; i++) {
        float angle = p * frequencies[i];
        t.data()[p * 2 * pairs + i] = (float) Math.cos(angle);
        t.data()[p * 2 * pairs + pairs + i] = (float) Math.sin(angle);
      }
    return t;
  }
}
