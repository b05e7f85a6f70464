package dev.outpost.transformer.load;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.family.Bloom;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.family.Llama;
import java.util.List;

/**
 * Puts the numbers of a model from a GGUF file into the order of a Hugging Face folder: the same
 * model, its projections turned as the family's folders have them.
 *
 * @param from the model's choices
 * @param to what the folder's {@code config.json} says
 */
record FolderOrder(Spec from, Spec to) {
  /** Fields of our own that say an order no folder has. */
  static final List<String> FIELDS = List.of(Llama.NEIGHBOURS, Gpt2.OUT_IN, Bloom.BY_KIND);

  /** What a folder says of the same model. */
  static JsonObject config(JsonObject config) {
    JsonObject c = config;
    for (String field : FIELDS) c = c.without(field);
    return c;
  }

  /** The choices of the same model in the folder's order. */
  Spec spec() {
    Spec s = HalvesOrder.of(from);
    if (transposed()) s = s.with(to.layout());
    return byHead() ? s.with(to.attention().inputs()) : s;
  }

  private boolean transposed() {
    return from.layout() != to.layout();
  }

  private boolean byHead() {
    return from.attention().inputs() == Spec.Inputs.FUSED
        && to.attention().inputs() == Spec.Inputs.INTERLEAVED;
  }

  /** Parameter {@code name} in the folder's order. */
  Weight weight(String name, Weight w) {
    boolean projection = name.startsWith("blocks.") && w.shape().rank() == 2;
    if (transposed() && projection) return transpose(w);
    if (byHead() && name.contains(".attn.qkv."))
      return rows(w, rows(from.attention().heads(), from.attention().headDim()));
    return HalvesOrder.of(from, name, w);
  }

  /** Source of each row by head, query, key, value in rows by query, key, value, head. */
  private static int[] rows(int heads, int headDim) {
    int[] rowOf = new int[3 * heads * headDim];
    for (int r = 0; r < rowOf.length; r++) {
      int head = r / (3 * headDim);
      int kind = r / headDim % 3;
      rowOf[r] = (kind * heads + head) * headDim + r % headDim;
    }
    return rowOf;
  }

  private static Weight rows(Weight w, int[] rowOf) {
    if (w instanceof MappedWeight m && w.shape().rank() == 2) return m.reordered(rowOf);
    return HalvesOrder.reordered(w.toTensor(), rowOf);
  }

  private static Weight transpose(Weight w) {
    Tensor t = w.toTensor();
    int rows = t.shape().dim(0);
    int cols = t.shape().dim(1);
    Tensor out = Tensor.zeros(Shape.of(cols, rows));
    for (int r = 0; r < rows; r++)
      for (int c = 0; c < cols; c++)
        out.data()[out.offset() + c * rows + r] = t.data()[t.offset() + r * cols + c];
    return HeapWeight.of(out);
  }
}
