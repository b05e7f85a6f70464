package dev.outpost.offsite.tune;

import dev.outpost.offsite.artifact.AdapterArtifact;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.split.Split;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.train.Examples;
import dev.outpost.transformer.train.Objective;
import dev.outpost.transformer.train.Trainer;
import dev.outpost.transformer.train.TrainingPlan;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The data owner's side: tunes the adapter of a package with the emulator's help, all parameters of
 * the adapter blocks or LoRA inside them. The emulator stays frozen and mapped.
 */
public final class AdapterTuning {
  private final OffsitePackage pack;
  private final Optional<LoraConfig> lora;
  private final TransformerModel model;

  private AdapterTuning(OffsitePackage pack, Optional<LoraConfig> lora, TransformerModel model) {
    this.pack = pack;
    this.lora = lora;
    this.model = model;
  }

  /** Makes the adapter trainable. */
  public static AdapterTuning of(OffsitePackage pack, Optional<LoraConfig> lora, long seed) {
    TransformerModel model =
        lora.isPresent()
            ? Attach.lora(pack.model(), pack.adapterSlots(), lora.get(), seed)
            : pack.model().trainable(name -> Split.owns(pack.adapterSlots(), name));
    return new AdapterTuning(pack, lora, model);
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
    return new Trainer(model, Objective.languageModel(), train, validation, plan, kernels);
  }

  /** The adapter as it stands. */
  public AdapterArtifact artifact(JsonObject provenance) throws FormatException {
    return AdapterArtifact.of(model, pack.base(), pack.adapterSlots(), lora, provenance);
  }
}
