package dev.outpost.offsite;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.autograd.Tape;
import dev.outpost.offsite.artifact.AdapterArtifact;
import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.artifact.PlugIn;
import dev.outpost.offsite.emulator.EmulatorRecipe;
import dev.outpost.offsite.emulator.Workshop;
import dev.outpost.offsite.tune.AdapterTuning;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.transformer.Golden;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Family;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.TrainingPlan;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The whole story with the families whose layers differ, or are stored in other ways. */
class FamilyStoryTest {
  private static final Kernels KERNELS = TinyModels.best();
  private static final int[] IDS = TinyModels.tokens(24, 23, 8);
  private static final Blocks TEXT = Blocks.of(TinyModels.tokens(96, 23, 5), 12);
  private static final String SIZES =
      """
      "vocab_size": 23, "hidden_size": 16, "num_hidden_layers": 6, "num_attention_heads": 2,
      "num_key_value_heads": 1, "head_dim": 8, "intermediate_size": 24, "ffn_dim": 24,
      "n_layer": 6, "n_head": 2, "seq_length": 24, "max_position_embeddings": 24
      """;

  @TempDir private Path dir;

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "opt | \"do_layer_norm_before\": false, \"word_embed_proj_dim\": 12 | 6",
        "bloom | \"tie_word_embeddings\": true | 4",
        "mistral | \"sliding_window\": 4 | 7",
        "qwen3 | \"use_sliding_window\": true, \"sliding_window\": 4, \"max_window_layers\": 3 | 7",
        "smollm3 | \"no_rope_layer_interval\": 3 | 7",
        "gemma2 | \"sliding_window\": 4 | 7",
        "gemma3_text | \"sliding_window\": 4, \"sliding_window_pattern\": 3 | 7",
        "phi3 | \"sliding_window\": 4 | 4"
      })
  void aTunedAdapterReturnsToTheFullModel(String type, String fields, int projections)
      throws Exception {
    JsonObject config =
        JsonObject.parse(
            "config.json", "{\"model_type\": \"" + type + "\", " + SIZES + ", " + fields + "}");
    TransformerModel full = TinyModels.random(Family.of(config).read(config), 1);
    EmulatorRecipe recipe = EmulatorRecipe.parse("1-2-1");
    TransformerModel emulator = recipe.make(full, Workshop.of(TinyModels.best(), 1)).model();
    OffsitePackage.write(
        dir.resolve("package"),
        emulator,
        recipe.split().of(full).adapterSlots(),
        BaseFingerprint.of(full),
        config,
        recipe.describe(),
        null);

    AdapterArtifact adapter;
    try (OffsitePackage pack = OffsitePackage.open(dir.resolve("package"))) {
      // Each block still does what its place in the full model says.
      assertThat(logits(pack.model()).toArray()).isEqualTo(logits(emulator).toArray());
      AdapterTuning tuning = AdapterTuning.of(pack, LoraConfig.of(2), 1);
      tuning.trainer(TEXT, null, TrainingPlan.of(3, 2, 1e-2f, 1), KERNELS).run(Progress.SILENT);
      adapter = tuning.artifact(JsonObject.create());
    }
    assertThat(adapter.tensors()).hasSize(2 * projections * 2);

    TransformerModel plugged = PlugIn.apply(full, BaseFingerprint.of(full), adapter);
    TransformerModel merged = Attach.merge(plugged, KERNELS);
    assertThat(Golden.far(logits(merged), logits(plugged))).isLessThan(1e-5);
    assertThat(Golden.far(logits(merged), logits(full))).isGreaterThan(1e-4);
    ModelFolder.write(dir.resolve("tuned"), merged, config, null);
    try (ModelFolder tuned = ModelFolder.open(dir.resolve("tuned"))) {
      assertThat(logits(tuned.model()).toArray()).isEqualTo(logits(merged).toArray());
    }
  }

  private static Tensor logits(TransformerModel model) {
    Pass pass = Pass.of(Tape.evaluating(KERNELS, new Workspace()), 1, IDS.length);
    return model.logits(pass, model.hidden(pass, IDS), 0, IDS.length);
  }
}
