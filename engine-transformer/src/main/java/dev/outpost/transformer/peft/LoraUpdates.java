package dev.outpost.transformer.peft;

import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.layer.Dense;
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
import org.jspecify.annotations.Nullable;

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
   * @param magnitude [out], the rows' lengths of DoRA; null in plain LoRA
   */
  public record Update(Weight a, Weight b, float scale, @Nullable Weight magnitude) {
    /** Plain LoRA's. */
    public Update(Weight a, Weight b, float scale) {
      this(a, b, scale, null);
    }

    private boolean fits(Projection p) {
      return a.shape().dim(1) == p.in()
          && b.shape().dim(0) == p.out()
          && (magnitude == null || p instanceof Dense && magnitude.shape().size() == p.out());
    }

    private Projection on(Projection p) {
      Lora lora = new Lora(p, frozen(a), frozen(b), scale, 0);
      return magnitude == null ? lora : Dora.of(lora, Attached.dense("dora", p), frozen(magnitude));
    }

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
            if (p instanceof Dora d)
              found.put(
                  path,
                  new Update(
                      d.lora().a().weight(),
                      d.lora().b().weight(),
                      d.lora().scale(),
                      d.magnitude().weight()));
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
                if (u.fits(p)) return u.on(p);
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

  /** Whether any of them is DoRA's. */
  public boolean dora() {
    return updates.values().stream().anyMatch(u -> u.magnitude != null);
  }

  private static Parameter frozen(Weight w) {
    return Parameter.frozen(w instanceof HeapWeight ? w : HeapWeight.of(w.toTensor()));
  }
}
