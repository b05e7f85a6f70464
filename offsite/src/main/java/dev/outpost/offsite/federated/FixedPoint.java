package dev.outpost.offsite.federated;

import dev.outpost.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * An adapter's numbers times its samples as whole numbers modulo 2⁶⁴, so that masks cancel and sums
 * are exact; the last number is the samples.
 *
 * @param fractionBits binary digits after the point
 */
public record FixedPoint(int fractionBits) {
  /** 24 digits: steps of 6e-8. */
  public static final FixedPoint DEFAULT = new FixedPoint(24);

  public FixedPoint {
    if (fractionBits < 1 || fractionBits > 40)
      throw new IllegalArgumentException(
          "fixed point: digits must be from 1 to 40, got " + fractionBits);
  }

  /** Values times samples; refused where a sum of 2¹⁶ such parties could overflow. */
  public long[] encode(AdapterValues values, long samples) {
    if (samples < 1) throw new IllegalArgumentException("fixed point: samples must be positive");
    long[] out = new long[Math.toIntExact(values.count()) + 1];
    double factor = Math.scalb(1.0, fractionBits) * samples;
    int at = 0;
    for (var e : values.tensors().entrySet())
      for (int i = 0; i < e.getValue().size(); i++) {
        double v = e.getValue().get(i) * factor;
        if (!(Math.abs(v) < 0x1p46))
          throw new IllegalArgumentException(
              "fixed point: "
                  + e.getKey()
                  + " holds "
                  + e.getValue().get(i)
                  + " at element "
                  + i
                  + ", too large beside "
                  + samples
                  + " samples; use fewer digits");
        out[at++] = Math.round(v);
      }
    out[at] = samples;
    return out;
  }

  /** The mean by samples from the sum of what parties encoded; shapes as {@code like}. */
  public AdapterValues mean(long[] sum, AdapterValues like) {
    if (sum.length != like.count() + 1)
      throw new IllegalArgumentException(
          "fixed point: " + sum.length + " numbers for an adapter of " + like.count());
    double factor = Math.scalb(1.0, -fractionBits) / sum[sum.length - 1];
    Map<String, Tensor> out = new LinkedHashMap<>();
    int at = 0;
    for (var e : like.tensors().entrySet()) {
      Tensor t = Tensor.zeros(e.getValue().shape());
      for (int i = 0; i < t.size(); i++) t.data()[i] = (float) (sum[at++] * factor);
      out.put(e.getKey(), t);
    }
    return new AdapterValues(out);
  }
}
