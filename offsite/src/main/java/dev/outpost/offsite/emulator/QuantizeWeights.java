package dev.outpost.offsite.emulator;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.io.Rounding;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.Weight;
import java.util.Locale;

/**
 * Matrices of the middle in fewer bits: either the published simulation, whose numbers stay f32, or
 * a storage type that the package keeps and the data owner computes with.
 *
 * @param way which of the two
 * @param targets the matrices
 */
public record QuantizeWeights(Way way, Targets targets) implements EmulatorStep {
  static final String NAME = "quantize";

  /** How numbers lose bits. */
  public sealed interface Way {
    /** A matrix in fewer bits. */
    Weight of(Weight w);
  }

  /**
   * As Xiao et al. 2023 (released utils.py), per matrix: {@code zp = (max + min)/2, s = (max −
   * min)/(2^bits − 1), w ← round((w − zp)/s)·s + zp}, ties to even. Levels lie around zp, so the
   * extremes fall between two of them, and with 1 bit everything becomes zp.
   *
   * @param bits 1 to 8
   */
  public record Simulated(int bits) implements Way {
    public Simulated {
      if (bits < 1 || bits > 8)
        throw new IllegalArgumentException("step quantize: bits must be from 1 to 8, got " + bits);
    }

    @Override
    public Weight of(Weight w) {
      Tensor t = w.toTensor();
      round(t, bits);
      return HeapWeight.of(t);
    }

    static void round(Tensor t, int bits) {
      float min = Float.POSITIVE_INFINITY;
      float max = Float.NEGATIVE_INFINITY;
      for (int i = 0; i < t.size(); i++) {
        min = Math.min(min, t.get(i));
        max = Math.max(max, t.get(i));
      }
      float zp = (max + min) / 2;
      float scale = (max - min) / ((1 << bits) - 1);
      // All equal (or none): there is nothing to round. The released code divides by 0 here.
      if (!(scale > 0)) return;
      for (int i = t.offset(); i < t.offset() + t.size(); i++)
        t.data()[i] = (float) Math.rint((t.data()[i] - zp) / scale) * scale + zp;
    }
  }

  /**
   * As GGUF's Q8_0 or Q4_0, in blocks of 32 numbers of a stored row with one scale each. A matrix
   * whose rows are no whole blocks becomes F16.
   *
   * @param type either
   */
  public record Stored(DType type) implements Way {
    public Stored {
      if (!type.isBlocked() || !Rounding.can(type))
        throw new IllegalArgumentException(
            "step quantize: type must be q8_0 or q4_0, got " + word(type));
    }

    @Override
    public Weight of(Weight w) {
      if (w.dtype() == type) return w;
      boolean whole = w.shape().cols() % type.blockSize() == 0;
      return Rounding.to(whole ? type : DType.F16, w.toTensor());
    }
  }

  static QuantizeWeights read(StepSettings s) {
    if (s.has("bits") == s.has("type"))
      throw s.wrong(
          "bits or type", "must be given, one of them: bits=1 to 8, or type=q8_0 or q4_0");
    Way way =
        s.has("bits")
            ? new Simulated(s.integer("bits", 1, 8))
            : new Stored(
                DType.valueOf(s.choice("type", "q8_0", "q8_0", "q4_0").toUpperCase(Locale.ROOT)));
    return new QuantizeWeights(way, Targets.read(s, Targets.ALL));
  }

  private static String word(DType type) {
    return type.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Draft apply(Draft draft, Workshop shop) {
    return draft.with(targets.weights(draft.middle(), way::of));
  }

  @Override
  public JsonObject describe() {
    JsonObject json = JsonObject.create().put("step", NAME);
    switch (way) {
      case Simulated s -> json.put("bits", s.bits());
      case Stored s -> json.put("type", word(s.type()));
    }
    return json.put("targets", targets.word());
  }
}
