package dev.outpost.transformer.layer;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.RotaryPairing;
import dev.outpost.transformer.RotaryScaling;
import dev.outpost.transformer.Spec;
import org.jspecify.annotations.Nullable;

/**
 * The angles of rotary position embeddings (Su et al. 2021) as cosines and sines: pair i turns by
 * {@code position · theta^(−i/pairs)}, stretched as the model asks. One table serves all blocks
 * that turn alike; it grows to the positions asked for and is safe to share between threads.
 */
public final class RotaryTable {
  private static final int FEWEST = 64;

  private final float[] frequencies;
  private final float length;
  private final RotaryPairing pairing;
  private final Spec.Positions.Rotary choice;
  private volatile Tensor table;

  /** Angles of texts longer than the first training's, where they differ. */
  private final @Nullable RotaryTable far;

  /**
   * Frequencies, angles and what scaling makes of them are rounded to f32 where the reference
   * rounds them: at position 2000 that moves an angle by 1e-4, and weights were trained with it.
   */
  public RotaryTable(Spec.Positions.Rotary choice) {
    this(choice, false);
  }

  private RotaryTable(Spec.Positions.Rotary choice, boolean beyond) {
    this.choice = choice;
    frequencies = frequencies(choice, beyond);
    pairing = choice.pairing();
    length = (float) length(choice.scaling());
    table = Tensor.zeros(0, 2 * choice.pairs());
    far =
        choice.scaling() instanceof RotaryScaling.LongRope && !beyond
            ? new RotaryTable(choice, true)
            : null;
  }

  static double length(RotaryScaling scaling) {
    return switch (scaling) {
      case RotaryScaling.None n -> 1;
      case RotaryScaling.Linear s -> 1;
      case RotaryScaling.Llama3 s -> 1;
      case RotaryScaling.Dynamic s -> 1;
      case RotaryScaling.Yarn s -> s.length();
      case RotaryScaling.LongRope s -> s.length();
    };
  }

  /** Angles of {@code pairs} pairs with base {@code theta}. */
  public RotaryTable(double theta, int pairs, RotaryPairing pairing) {
    this(new Spec.Positions.Rotary(theta, pairs).with(pairing));
  }

  /** Radians per position of each pair, in texts beyond the first training's context or within. */
  static float[] frequencies(Spec.Positions.Rotary choice, boolean beyond) {
    float[] plain = new float[choice.pairs()];
    for (int i = 0; i < plain.length; i++) plain[i] = 1 / power(choice, i);
    return switch (choice.scaling()) {
      case RotaryScaling.None n -> plain;
      case RotaryScaling.Dynamic s -> plain;
      case RotaryScaling.LongRope s -> {
        for (int i = 0; i < plain.length; i++)
          plain[i] = 1 / ((beyond ? s.far() : s.near()).get(i).floatValue() * power(choice, i));
        yield plain;
      }
      case RotaryScaling.Linear s -> {
        for (int i = 0; i < plain.length; i++) plain[i] /= (float) s.factor();
        yield plain;
      }
      case RotaryScaling.Llama3 s -> {
        for (int i = 0; i < plain.length; i++) plain[i] = blended(plain[i], s);
        yield plain;
      }
      case RotaryScaling.Yarn s -> {
        for (int i = 0; i < plain.length; i++) plain[i] = ramped(choice, s, i);
        yield plain;
      }
    };
  }

  private static float power(Spec.Positions.Rotary choice, int i) {
    return (float) Math.pow(choice.theta(), (float) (2 * i) / (2 * choice.pairs()));
  }

  private static float blended(float frequency, RotaryScaling.Llama3 s) {
    float wavelength = (float) (2 * Math.PI) / frequency;
    if (wavelength > (float) (s.original() / s.low())) return frequency / (float) s.factor();
    if (wavelength < (float) (s.original() / s.high())) return frequency;
    float fast = (s.original() / wavelength - (float) s.low()) / (float) (s.high() - s.low());
    return (1 - fast) * frequency / (float) s.factor() + fast * frequency;
  }

  private static float ramped(Spec.Positions.Rotary choice, RotaryScaling.Yarn s, int i) {
    double low = pairTurning(choice, s, s.fast());
    double high = pairTurning(choice, s, s.slow());
    if (s.truncate()) {
      low = Math.floor(low);
      high = Math.ceil(high);
    }
    low = Math.max(low, 0);
    high = Math.min(high, 2 * choice.pairs() - 1);
    if (low == high) high += 0.001;
    float ramp = (i - (float) low) / (float) (high - low);
    float kept = 1 - Math.min(1, Math.max(0, ramp));
    float power = power(choice, i);
    return 1 / ((float) s.factor() * power) * (1 - kept) + 1 / power * kept;
  }

  /** The pair, a fraction, that turns so many times over the original context. */
  private static double pairTurning(
      Spec.Positions.Rotary choice, RotaryScaling.Yarn s, double turns) {
    return 2
        * choice.pairs()
        * Math.log(s.original() / (turns * 2 * Math.PI))
        / (2 * Math.log(choice.theta()));
  }

  /** Pairs per head. */
  public int pairs() {
    return frequencies.length;
  }

  /** Which numbers of a head make a pair. */
  public RotaryPairing pairing() {
    return pairing;
  }

  /**
   * At least {@code positions} rows of cosines, then sines, for a text of so many: [≥ positions,
   * 2·pairs]. Read only.
   */
  public Tensor angles(int positions) {
    if (far != null && choice.scaling().turnsAnew(0, positions)) return far.angles(positions);
    Tensor held = table;
    if (held.rows() >= positions) return held;
    Tensor more = grown(Math.max(FEWEST, Math.max(positions, 2 * held.rows())));
    table = more;
    return more;
  }

  /** Whether the angles of a text's first {@code before} tokens differ where it has more. */
  public boolean turnsAnew(int before, int after) {
    return choice.scaling().turnsAnew(before, after);
  }

  private Tensor grown(int positions) {
    int pairs = frequencies.length;
    Tensor t = Tensor.zeros(positions, 2 * pairs);
    for (int p = 0; p < positions; p++)
      for (int i = 0; i < pairs; i++) {
        float angle = p * frequencies[i];
        t.data()[p * 2 * pairs + i] = (float) Math.cos(angle) * length;
        t.data()[p * 2 * pairs + pairs + i] = (float) Math.sin(angle) * length;
      }
    return t;
  }
}
