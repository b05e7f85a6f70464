package dev.outpost.offsite.emulator;

import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.DType;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.Rounding;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.layer.Dense;
import dev.outpost.transformer.layer.QueryKeyValue;
import dev.outpost.transformer.layer.SelfAttention;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Projection;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What a fused projection holds side by side.
 *
 * @param fused the projection
 * @param rows of each part: which of the outputs are its own, in its order
 * @param outer biases that the projection leaves to others, or null
 */
record Parts(Dense fused, List<int[]> rows, QueryKeyValue.@Nullable OuterBiases outer) {
  /** Queries, keys and values. */
  static Parts of(String path, QueryKeyValue.Fused f, SelfAttention a) {
    int d = a.headDim();
    int q = a.heads() * d;
    int kv = a.kvHeads() * d;
    List<int[]> rows =
        f.interleaved() == 0
            ? List.of(range(0, q), range(q, q + kv), range(q + kv, q + 2 * kv))
            : List.of(
                turns(f.interleaved(), d, 0),
                turns(f.interleaved(), d, 1),
                turns(f.interleaved(), d, 2));
    return new Parts(dense(path, f.qkv()), rows, f.biases());
  }

  /** Gate and up. */
  static Parts halves(String path, Projection both) {
    int f = both.out() / 2;
    return new Parts(dense(path, both), List.of(range(0, f), range(f, 2 * f)), null);
  }

  private static Dense dense(String path, Projection p) {
    if (p instanceof Dense d) return d;
    throw new IllegalArgumentException(
        "step rank-compress: "
            + path
            + " is a "
            + p.getClass().getSimpleName()
            + ", whose parts cannot be cut; merge it first");
  }

  private static int[] range(int from, int to) {
    return IntStream.range(from, to).toArray();
  }

  /** Columns ordered by head, and in each by what they are. */
  private static int[] turns(int heads, int d, int which) {
    return IntStream.range(0, heads * d).map(i -> (i / d * 3 + which) * d + i % d).toArray();
  }

  /** Part {@code i}, [out, in]. */
  Tensor matrix(int i) {
    Tensor all = outIn(fused);
    int[] from = rows.get(i);
    Tensor t = Tensor.zeros(from.length, all.cols());
    for (int r = 0; r < from.length; r++)
      System.arraycopy(
          all.data(), all.offset() + from[r] * all.cols(), t.data(), r * t.cols(), t.cols());
    return t;
  }

  /** Its bias: zeros for keys that have none where queries have. */
  @Nullable Parameter bias(int i) {
    if (outer != null)
      return switch (i) {
        case 0 -> outer.q();
        case 2 -> outer.v();
        default -> Parameter.frozen(HeapWeight.of(Tensor.zeros(rows.get(i).length)));
      };
    Parameter all = fused.bias();
    if (all == null) return null;
    Tensor from = all.weight().toTensor();
    Tensor b = Tensor.zeros(rows.get(i).length);
    for (int r = 0; r < b.size(); r++) b.data()[r] = from.get(rows.get(i)[r]);
    return Parameter.frozen(HeapWeight.of(b));
  }

  /** The fused projection with these in place of its parts. */
  Dense join(List<Tensor> parts) {
    return dense(stacked(parts), fused.bias(), fused);
  }

  /** Whether these are of the parts' sizes. */
  boolean fits(List<Projection> parts) {
    return parts.size() == rows.size()
        && IntStream.range(0, parts.size())
            .allMatch(
                i -> parts.get(i).out() == rows.get(i).length && parts.get(i).in() == fused.in());
  }

  /** Projections of the parts' sizes side by side in f32, with their biases where they have any. */
  Dense joined(List<Dense> parts) {
    Tensor w = stacked(parts.stream().map(Parts::outIn).toList());
    return like(fused, w, parts.stream().allMatch(p -> p.bias() == null) ? null : biases(parts));
  }

  private Parameter biases(List<Dense> parts) {
    Tensor all = Tensor.zeros(fused.out());
    for (int i = 0; i < parts.size(); i++) {
      Parameter b = parts.get(i).bias();
      if (b == null) continue;
      Tensor from = b.weight().toTensor();
      for (int r = 0; r < from.size(); r++) all.data()[rows.get(i)[r]] = from.get(r);
    }
    return Parameter.frozen(HeapWeight.of(all));
  }

  /** A projection of this matrix [out, in] in f32, turned as {@code other} is. */
  static Dense like(Dense other, Tensor outIn, @Nullable Parameter bias) {
    Tensor w = other.layout() == Linear.Layout.OUT_IN ? outIn : Rows.transposed(outIn);
    return new Dense(Parameter.frozen(HeapWeight.of(w)), bias, other.layout());
  }

  private Tensor stacked(List<Tensor> parts) {
    Tensor all = Tensor.zeros(fused.out(), fused.in());
    for (int i = 0; i < parts.size(); i++) {
      Tensor p = parts.get(i);
      int[] to = rows.get(i);
      for (int r = 0; r < to.length; r++)
        System.arraycopy(
            p.data(), p.offset() + r * p.cols(), all.data(), to[r] * all.cols(), all.cols());
    }
    return all;
  }

  /** The matrix of a projection, [out, in], copied. */
  static Tensor outIn(Dense d) {
    Tensor w = d.weight().weight().toTensor();
    return d.layout() == Linear.Layout.OUT_IN ? w : Rows.transposed(w);
  }

  /** A projection of this matrix [out, in], stored as {@code like} is; block types become F32. */
  static Dense dense(Tensor outIn, @Nullable Parameter bias, Dense like) {
    Tensor w = like.layout() == Linear.Layout.OUT_IN ? outIn : Rows.transposed(outIn);
    return new Dense(Parameter.frozen(Rounding.to(plain(like), w)), bias, like.layout());
  }

  /** The type of a projection's numbers, F32 for a block type. */
  static DType plain(Dense like) {
    DType own = like.weight().weight().dtype();
    return own.isBlocked() ? DType.F32 : own;
  }
}
