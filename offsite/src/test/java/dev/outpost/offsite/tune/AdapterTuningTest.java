package dev.outpost.offsite.tune;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.offsite.artifact.AdapterArtifact;
import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.artifact.PlugIn;
import dev.outpost.offsite.emulator.EmulatorRecipe;
import dev.outpost.offsite.emulator.Workshop;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.peft.PeftMethod;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.TrainingPlan;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class AdapterTuningTest {
  private static final Kernels KERNELS = TinyModels.best();
  private static final Blocks TEXT = Blocks.of(TinyModels.tokens(96, 23, 5), 12);

  @TempDir Path dir;
  private TransformerModel full;

  @BeforeEach
  void aPackage() throws Exception {
    full = TinyModels.random(4, 1);
    EmulatorRecipe recipe = EmulatorRecipe.parse("1-1-1");
    OffsitePackage.write(
        dir,
        recipe.make(full, Workshop.of(TinyModels.best(), 1)).model(),
        recipe.split().of(full).adapterSlots(),
        BaseFingerprint.of(full),
        new Gpt2().write(full.spec(), 0),
        recipe.describe(),
        null);
  }

  private static AdapterArtifact tune(OffsitePackage pack, PeftMethod lora, long seed)
      throws Exception {
    AdapterTuning tuning = AdapterTuning.of(pack, lora, seed);
    tuning.trainer(TEXT, null, TrainingPlan.of(3, 2, 1e-2f, seed), KERNELS).run(Progress.SILENT);
    return tuning.artifact(JsonObject.create().put("seed", seed));
  }

  @Test
  void onlyTheAdapterIsTrainedAndTheEmulatorStaysMapped() throws Exception {
    try (OffsitePackage pack = OffsitePackage.open(dir)) {
      Map<String, float[]> before = TinyModels.numbers(pack.model());
      AdapterTuning tuning = AdapterTuning.of(pack, new PeftMethod.Full(), 1);
      tuning.trainer(TEXT, null, TrainingPlan.of(3, 2, 1e-2f, 1), KERNELS).run(Progress.SILENT);
      tuning
          .model()
          .visit((name, p) -> {
            boolean adapter = name.startsWith("blocks.0.") || name.startsWith("blocks.3.");
            assertThat(p.trainable()).as(name).isEqualTo(adapter);
            // A bias of keys has no gradient but rounding: softmax does not see it.
            if (!adapter)
              assertThat(p.weight().toTensor().toArray()).as(name).isEqualTo(before.get(name));
            else
              assertThat(p.weight().toTensor().toArray()).as(name).isNotEqualTo(before.get(name));
            if (name.startsWith("blocks.1.") && p.shape().rank() == 2)
              assertThat(p.weight()).as(name).isInstanceOf(MappedWeight.class);
          });
      assertThat(TinyModels.numbers(pack.model()))
          .as("the package's own model")
          .allSatisfy((name, v) -> assertThat(v).isEqualTo(before.get(name)));
    }
  }

  @Test
  void theArtifactHoldsTheTrainedNumbersAndNothingElse() throws Exception {
    try (OffsitePackage pack = OffsitePackage.open(dir)) {
      AdapterArtifact all = tune(pack, new PeftMethod.Full(), 1);
      TreeSet<String> adapter = new TreeSet<>(full.parameters().keySet());
      adapter.removeIf(n -> !n.startsWith("blocks.0.") && !n.startsWith("blocks.3."));
      assertThat(all.tensors().keySet()).containsExactlyInAnyOrderElementsOf(adapter);
      assertThat(all.base()).isEqualTo(BaseFingerprint.of(full));

      AdapterArtifact lora = tune(pack, LoraConfig.of(2), 1);
      assertThat(lora.tensors().keySet())
          .hasSize(2 * 4 * 2)
          .allMatch(n ->
              n.contains(".lora_") && (n.startsWith("blocks.0.") || n.startsWith("blocks.3.")));
      assertThat(PlugIn.apply(full, BaseFingerprint.of(full), lora).count(false))
          .isGreaterThan(full.count(false));
    }
  }

  @Test
  void theSeedDecidesEverything() throws Exception {
    try (OffsitePackage pack = OffsitePackage.open(dir)) {
      PeftMethod lora = new LoraConfig(2, 4, 0.2f, LoraConfig.ALL_PROJECTIONS);
      float[] one = first(tune(pack, lora, 7));
      assertThat(first(tune(pack, lora, 7))).isEqualTo(one);
      assertThat(first(tune(pack, lora, 8))).isNotEqualTo(one);
    }
  }

  private static float[] first(AdapterArtifact a) {
    return a.tensors().values().iterator().next().tensor().toArray();
  }
}
