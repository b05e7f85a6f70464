package dev.outpost.transformer.peft;

import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.module.Rewriter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The LoRA of a whole model apart from the model: what other tools' adapter files hold.
 *
 * @param updates by the path of their projection, such as {@code blocks.0.attn.q}
 */
public record LoraUpdates(Map<String, Update> updates) {
  /**
   * One projection's.
   *
   * @param a [r, in]
   * @param b [out, r]
   * @param scale factor on b·a
   */
  public record Update(Weight a, Weight b, float scale) {
    /** r. */
    public int rank() {
      return a.shape().dim(0);
    }
  }

  public LoraUpdates {
    updates = Collections.unmodifiableMap(new LinkedHashMap<>(updates));
  }

  /**
   * Those that a model carries.
   *
   * @throws IllegalArgumentException when there are none
   */
  public static LoraUpdates of(TransformerModel model) {
    Map<String, Update> found = new LinkedHashMap<>();
    model.rewrite(
        new Rewriter() {
          @Override
          public Projection projection(String path, Projection p) {
            if (p instanceof Lora l)
              found.put(path, new Update(l.a().weight(), l.b().weight(), l.scale()));
            return p;
          }
        });
    if (found.isEmpty()) throw new IllegalArgumentException("lora: the model carries none");
    return new LoraUpdates(found);
  }

  /**
   * The model with these attached and frozen.
   *
   * @throws IllegalArgumentException with every reason why they do not fit
   */
  public TransformerModel attach(TransformerModel model) {
    List<String> reasons = new ArrayList<>();
    Set<String> left = new LinkedHashSet<>(updates.keySet());
    TransformerModel attached =
        model.rewrite(
            new Rewriter() {
              @Override
              public Projection projection(String path, Projection p) {
                Update u = updates.get(path);
                if (u == null) return p;
                left.remove(path);
                if (u.a.shape().dim(1) == p.in() && u.b.shape().dim(0) == p.out())
                  return new Lora(p, frozen(u.a), frozen(u.b), u.scale, 0);
                reasons.add(
                    path
                        + " is "
                        + p.out()
                        + " by "
                        + p.in()
                        + ", its update "
                        + u.b.shape().dim(0)
                        + " by "
                        + u.a.shape().dim(1));
                return p;
              }
            });
    if (!left.isEmpty()) reasons.add("the model has no projections " + left);
    if (!reasons.isEmpty())
      throw new IllegalArgumentException(
          "lora: does not fit this model: " + String.join("; ", reasons));
    return attached;
  }

  private static Parameter frozen(Weight w) {
    return Parameter.frozen(w instanceof HeapWeight ? w : HeapWeight.of(w.toTensor()));
  }
}
