package dev.outpost.offsite.tune;

import dev.outpost.offsite.artifact.AdapterArtifact;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.PeftMethod;
import dev.outpost.transformer.privacy.DpSgd;
import dev.outpost.transformer.train.Examples;
import dev.outpost.transformer.train.Objective;
import dev.outpost.transformer.train.Trainer;
import dev.outpost.transformer.train.TrainingPlan;
import org.jspecify.annotations.Nullable;

/**
 * The data owner's side: tunes the adapter of a package with the emulator's help, all parameters of
 * the adapter blocks or what a {@link PeftMethod} adds to them. The emulator stays frozen and
 * mapped.
 */
public final class AdapterTuning {
  private final OffsitePackage pack;
  private final PeftMethod method;
  private final TransformerModel model;

  private AdapterTuning(OffsitePackage pack, PeftMethod method, TransformerModel model) {
    this.pack = pack;
    this.method = method;
    this.model = model;
  }

  /**
   * Makes the adapter trainable.
   *
   * @throws IllegalArgumentException when the method does not fit the package's model
   */
  public static AdapterTuning of(OffsitePackage pack, PeftMethod method, long seed) {
    return new AdapterTuning(
        pack, method, Attach.attach(pack.model(), pack.adapterSlots(), method, seed));
  }

  /** [A', E*]: adapter and emulator, the adapter's parameters trainable. */
  public TransformerModel model() {
    return model;
  }

  /**
   * A trainer of the adapter on the owner's text. The best step is chosen by the emulator's
   * perplexity, since the full model is never seen here.
   */
  public Trainer trainer(
      Examples train, @Nullable Examples validation, TrainingPlan plan, Kernels kernels) {
    return trainer(train, validation, plan, kernels, null);
  }

  /** The same with differential privacy; the last step is kept, whatever the validation says. */
  public Trainer trainer(
      Examples train,
      @Nullable Examples validation,
      TrainingPlan plan,
      Kernels kernels,
      @Nullable DpSgd dp) {
    return new Trainer(model, Objective.languageModel(), train, validation, plan, kernels, dp);
  }

  /** The adapter as it stands. */
  public AdapterArtifact artifact(JsonObject provenance) throws FormatException {
    return AdapterArtifact.of(model, pack.base(), pack.adapterSlots(), method, provenance);
  }
}
