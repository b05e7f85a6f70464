package dev.outpost.transformer.load;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.RotaryPairing;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.Spec.Positions.Rotary;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Puts query and key rows of a model that turns neighbours into the order of one that turns halves:
 * the same model, as Hugging Face stores it. Each layer has its own pairs; weights of a head's norm
 * move with its rows.
 */
final class HalvesOrder {
  private static final Pattern TURNED =
      Pattern.compile("blocks\\.(\\d+)\\.attn\\.(?:[qk]|[qk]_norm)\\.(?:weight|bias)");

  private HalvesOrder() {}

  /**
   * The choices of the same model with rows in the order of halves.
   *
   * @throws IllegalArgumentException for queries and keys stored as one projection, which no file
   *     with neighbours has
   */
  static Spec of(Spec spec) {
    boolean turned = IntStream.range(0, spec.layers()).anyMatch(i -> neighbours(spec, i) != null);
    if (!turned) return spec;
    if (spec.attention().inputs() != Spec.Inputs.SEPARATE)
      throw new IllegalArgumentException(
          "model folder: rows that turn as neighbours cannot be put into the order of halves when"
              + " queries, keys and values are one projection");
    return spec.with(RotaryPairing.HALVES);
  }

  /** Parameter {@code name} of a model of {@code spec}, its rows in the order of halves. */
  static Weight of(Spec spec, String name, Weight w) {
    Matcher turned = TURNED.matcher(name);
    if (!turned.matches()) return w;
    Rotary rotary = neighbours(spec, Integer.parseInt(turned.group(1)));
    return rotary == null
        ? w
        : reordered(w, sources(w.shape().dim(0), spec.attention().headDim(), rotary.pairs()));
  }

  private static @Nullable Rotary neighbours(Spec spec, int layer) {
    return spec.positions(layer) instanceof Rotary r && r.pairing() == RotaryPairing.NEIGHBOURS
        ? r
        : null;
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

  static Weight reordered(Tensor t, int[] rowOf) {
    Tensor out = Tensor.zeros(t.shape());
    int width = t.size() / rowOf.length;
    for (int r = 0; r < rowOf.length; r++)
      System.arraycopy(
          t.data(), t.offset() + rowOf[r] * width, out.data(), out.offset() + r * width, width);
    return HeapWeight.of(out);
  }
}
