package dev.outpost.transformer.peft;

import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.module.Rewriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Puts LoRA on a model's projections, and takes it off by merging. The model given is never
 * changed.
 */
public final class Attach {
  private Attach() {}

  /**
   * LoRA on the target projections of the named slots; everything else is frozen.
   *
   * @param slots names of the slots to attach in
   * @param seed of the fresh {@code A} matrices
   */
  public static TransformerModel lora(
      TransformerModel model, Set<String> slots, LoraConfig config, long seed) {
    List<String> attached = new ArrayList<>();
    List<String> seen = new ArrayList<>();
    TransformerModel result =
        model.rewrite(
            new Rewriter() {
              @Override
              public Parameter parameter(String path, Parameter p) {
                return p.freeze();
              }

              @Override
              public Projection projection(String path, Projection p) {
                seen.add(path);
                if (!matches(path, slots, config)) return p;
                if (p instanceof Lora)
                  throw new IllegalArgumentException(
                      "lora: " + path + " already carries LoRA; merge it first");
                attached.add(path);
                return Lora.on(p, config, path, seed);
              }
            });
    if (attached.isEmpty())
      throw new IllegalArgumentException(
          "lora: targets "
              + config.targets()
              + " match no projection of slots "
              + slots
              + "; the model has "
              + seen);
    return result;
  }

  private static boolean matches(String path, Set<String> slots, LoraConfig config) {
    for (String target : config.targets()) {
      if (path.endsWith("." + target)
          && slots.contains(path.substring(0, path.length() - target.length() - 1))) return true;
    }
    return false;
  }

  /** Every LoRA update added into its projection: a plain model again. */
  public static TransformerModel merge(TransformerModel model, Kernels kernels) {
    return model.rewrite(
        new Rewriter() {
          @Override
          public Projection projection(String path, Projection p) {
            return p instanceof Lora l ? l.merge(kernels) : p;
          }
        });
  }
}
