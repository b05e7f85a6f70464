package dev.outpost.offsite.artifact;

import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.layer.Head;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Rewriter;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.PeftMethod;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Puts a tuned adapter into the owner's full model, by name, shape and fingerprint; never by
 * position.
 */
public final class PlugIn {
  private PlugIn() {}

  /** An adapter that does not belong in a model, with every reason. */
  public static final class RefusedException extends Exception {
    private static final long serialVersionUID = 1L;
    private final transient List<String> reasons;

    RefusedException(List<String> reasons) {
      super("plug-in refused: " + String.join("; ", reasons));
      this.reasons = List.copyOf(reasons);
    }

    /** Each rule that was broken. */
    public List<String> reasons() {
      return reasons;
    }
  }

  /**
   * The model with the adapter in place; what a method attached stays attached (see {@link
   * Attach#merge}). The model given is unchanged.
   *
   * @param base fingerprint of {@code model}
   * @throws RefusedException with all reasons, when anything does not fit; then nothing was built
   */
  public static TransformerModel apply(
      TransformerModel model, BaseFingerprint base, AdapterArtifact artifact)
      throws RefusedException {
    List<String> reasons = new ArrayList<>();
    if (!base.equals(artifact.base()))
      reasons.add(
          "the adapter was tuned for base "
              + artifact.base().brief()
              + "…, this model is "
              + base.brief()
              + "…; plug it into the model its package was made from");
    return fit(model, artifact, reasons);
  }

  /**
   * The package's own model with the adapter in place, for measuring [A', E*]; the emulator is not
   * the base, so only names and shapes are checked.
   */
  public static TransformerModel intoEmulator(OffsitePackage pack, AdapterArtifact artifact)
      throws RefusedException, java.io.IOException {
    List<String> reasons = new ArrayList<>();
    if (!pack.base().equals(artifact.base()))
      reasons.add(
          "the adapter was tuned for base "
              + artifact.base().brief()
              + "…, the package is of base "
              + pack.base().brief()
              + "…");
    return fit(pack.model(), artifact, reasons);
  }

  private static TransformerModel fit(
      TransformerModel model, AdapterArtifact artifact, List<String> reasons)
      throws RefusedException {
    Set<String> slots =
        model.slots().stream().map(Slot::name).collect(Collectors.toCollection(LinkedHashSet::new));
    slots.addAll(Head.slots(model.spec()));
    Set<String> foreign = new LinkedHashSet<>(artifact.slots());
    foreign.removeAll(slots);
    if (!foreign.isEmpty()) reasons.add("the model has no slots named " + foreign);
    TransformerModel target = model;
    boolean full = artifact.method() instanceof PeftMethod.Full;
    if (foreign.isEmpty() && !full) {
      try {
        target = Attach.attach(model, artifact.slots(), artifact.method(), 0);
      } catch (IllegalArgumentException e) {
        reasons.add(e.getMessage());
        throw new RefusedException(reasons);
      }
    }
    Map<String, Parameter> own = target.parameters();
    artifact
        .tensors()
        .forEach((name, w) -> {
          Parameter p = own.get(name);
          if (p == null) reasons.add("the model has no parameter named " + name);
          else if (!p.shape().equals(w.shape()))
            reasons.add(
                name
                    + " has shape "
                    + w.shape()
                    + " in the adapter, "
                    + p.shape()
                    + " in the model");
          else if (full && !within(artifact.slots(), name))
            reasons.add(name + " is outside the adapter's slots " + artifact.slots());
          else if (!full && foreign.isEmpty() && !p.trainable())
            reasons.add(name + " is nothing that " + artifact.method().name() + " trains");
        });
    own.forEach((name, p) -> {
      boolean expected = full ? within(artifact.slots(), name) : p.trainable();
      if (expected && !artifact.tensors().containsKey(name))
        reasons.add("the adapter lacks " + name);
    });
    if (!reasons.isEmpty()) throw new RefusedException(reasons);
    return replace(target, artifact.tensors());
  }

  private static boolean within(Set<String> slots, String name) {
    return slots.stream().anyMatch(s -> name.startsWith(s + "."));
  }

  private static TransformerModel replace(TransformerModel model, Map<String, HeapWeight> values) {
    return model.rewrite(
        new Rewriter() {
          @Override
          public Parameter parameter(String path, Parameter p) {
            HeapWeight w = values.get(path);
            return w == null ? p.freeze() : Parameter.frozen(w);
          }
        });
  }
}
