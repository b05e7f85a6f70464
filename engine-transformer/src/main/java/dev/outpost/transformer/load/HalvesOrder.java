package dev.outpost.transformer.load;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.RotaryPairing;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.Spec.Positions.Rotary;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Puts query and key rows of a model that turns neighbours into the order of one that turns halves:
 * the same model, as Hugging Face stores it.
 */
final class HalvesOrder {
  private static final Pattern TURNED = Pattern.compile(".*\\.attn\\.[qk]\\.(weight|bias)");

  private HalvesOrder() {}

  /** The choices of the same model with rows in the order of halves. */
  static Spec of(Spec spec) {
    return neighbours(spec).map(r -> spec.with(r.with(RotaryPairing.HALVES))).orElse(spec);
  }

  /** Parameter {@code name} of a model of {@code spec}, its rows in the order of halves. */
  static Weight of(Spec spec, String name, Weight w) {
    if (!TURNED.matcher(name).matches()) return w;
    return neighbours(spec)
        .map(r -> reordered(w, sources(w.shape().dim(0), spec.attention().headDim(), r.pairs())))
        .orElse(w);
  }

  private static Optional<Rotary> neighbours(Spec spec) {
    return spec.positions() instanceof Rotary r && r.pairing() == RotaryPairing.NEIGHBOURS
        ? Optional.of(r)
        : Optional.empty();
  }

  /** Number i of a head's first or second half is the first or second of its pair i. */
  private static int[] sources(int rows, int headDim, int pairs) {
    int[] rowOf = new int[rows];
    for (int r = 0; r < rows; r++) {
      int d = r % headDim;
      rowOf[r] = d < 2 * pairs ? r - d + 2 * (d % pairs) + d / pairs : r;
    }
    return rowOf;
  }

  private static Weight reordered(Weight w, int[] rowOf) {
    return switch (w) {
      case MappedWeight m when w.shape().rank() == 2 -> m.reordered(rowOf);
      case MappedWeight m -> reordered(m.toTensor(), rowOf);
      case HeapWeight h -> reordered(h.tensor(), rowOf);
    };
  }

  private static Weight reordered(Tensor t, int[] rowOf) {
    Tensor out = Tensor.zeros(t.shape());
    int width = t.size() / rowOf.length;
    for (int r = 0; r < rowOf.length; r++)
      System.arraycopy(
          t.data(), t.offset() + rowOf[r] * width, out.data(), out.offset() + r * width, width);
    return HeapWeight.of(out);
  }
}
