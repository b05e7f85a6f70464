package dev.outpost.offsite;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.autograd.Tape;
import dev.outpost.offsite.artifact.AdapterArtifact;
import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.artifact.PlugIn;
import dev.outpost.offsite.emulator.EmulatorRecipe;
import dev.outpost.offsite.emulator.Workshop;
import dev.outpost.offsite.tune.AdapterTuning;
import dev.outpost.tensor.DType;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.transformer.Golden;
import dev.outpost.transformer.TinyGguf;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Llama;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.peft.PeftMethod;
import dev.outpost.transformer.run.Generator;
import dev.outpost.transformer.run.Sampling;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.TrainingPlan;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Owner, data owner and owner again, with a Llama: the same steps as with a GPT-2. */
class LlamaStoryTest {
  private static final Kernels KERNELS = TinyModels.best();
  private static final int[] IDS = TinyModels.tokens(24, 23, 8);
  private static final Blocks TEXT = Blocks.of(TinyModels.tokens(96, 23, 5), 12);

  @TempDir private Path dir;
  private final TransformerModel full = TinyModels.random(TinyModels.llama(4), 1);
  private final JsonObject config = new Llama().write(full.spec(), 0);

  @BeforeEach
  void aModelFolderAndItsPackage() throws Exception {
    ModelFolder.write(dir.resolve("model"), full, config, null);
    try (ModelFolder folder = ModelFolder.open(dir.resolve("model"))) {
      packed(folder);
    }
  }

  private void packed(ModelFolder folder) throws Exception {
    EmulatorRecipe recipe = EmulatorRecipe.parse("1-1-1");
    TransformerModel model = folder.model();
    OffsitePackage.write(
        dir.resolve("package"),
        recipe.make(model, Workshop.of(TinyModels.best(), 1)).model(),
        recipe.split().of(model).adapterSlots(),
        BaseFingerprint.of(model),
        folder.config(),
        recipe.describe(),
        null);
  }

  @Test
  void theFolderHoldsTheModelBitForBit() throws Exception {
    try (ModelFolder folder = ModelFolder.open(dir.resolve("model"))) {
      assertThat(folder.model().spec()).isEqualTo(full.spec());
      assertThat(folder.report().unused()).isEmpty();
      assertThat(logits(folder.model()).toArray()).isEqualTo(logits(full).toArray());
    }
    ModelFolder.write(dir.resolve("half"), full, config, DType.BF16);
    try (ModelFolder folder = ModelFolder.open(dir.resolve("half"))) {
      assertThat(Golden.far(logits(folder.model()), logits(full))).isLessThan(0.1);
    }
  }

  @Test
  void aTunedAdapterPlugsIntoTheFullModel() throws Exception {
    AdapterArtifact adapter = tuned(new PeftMethod.Full());
    assertThat(adapter.tensors().keySet())
        .contains("blocks.0.attn.k.weight", "blocks.3.mlp.gate.weight")
        .allMatch(n -> n.startsWith("blocks.0.") || n.startsWith("blocks.3."));
    TransformerModel plugged = PlugIn.apply(full, BaseFingerprint.of(full), adapter);
    ModelFolder.write(dir.resolve("tuned"), plugged, config, null);
    try (ModelFolder folder = ModelFolder.open(dir.resolve("tuned"))) {
      assertThat(logits(folder.model()).toArray())
          .isEqualTo(logits(plugged).toArray())
          .isNotEqualTo(logits(full).toArray());
    }
  }

  @Test
  void fromAGgufFileToATunedFolder() throws Exception {
    Path gguf = TinyGguf.write(dir.resolve("model.gguf"), full);
    try (ModelFolder file = ModelFolder.open(gguf)) {
      TransformerModel model = file.model();
      packed(file);
      AdapterArtifact adapter = tuned(new PeftMethod.Full());
      TransformerModel plugged = PlugIn.apply(model, BaseFingerprint.of(model), adapter);
      ModelFolder.write(dir.resolve("tuned"), plugged, file.config(), null);
      try (ModelFolder tuned = ModelFolder.open(dir.resolve("tuned"))) {
        assertThat(tuned.model().spec()).isEqualTo(full.spec());
        assertThat(Golden.far(logits(tuned.model()), logits(plugged))).isLessThan(1e-6);
        assertThat(Golden.far(logits(tuned.model()), logits(full))).isGreaterThan(1e-3);
      }
      // The same weights in another order of rows are another base.
      assertThatThrownBy(() -> PlugIn.apply(full, BaseFingerprint.of(full), adapter))
          .isInstanceOf(PlugIn.RefusedException.class)
          .hasMessageContaining("plug it into the model its package was made from");
    }
  }

  @Test
  void loraOnQueriesAndValuesMergesIntoTheFullModel() throws Exception {
    LoraConfig config = new LoraConfig(2, 4, 0.1f, List.of("attn.q", "attn.v"));
    AdapterArtifact adapter = tuned(config);
    assertThat(adapter.tensors().keySet())
        .hasSize(2 * 2 * 2)
        .contains("blocks.0.attn.q.lora_a.weight", "blocks.3.attn.v.lora_b.weight");
    TransformerModel plugged = PlugIn.apply(full, BaseFingerprint.of(full), adapter);
    TransformerModel merged = Attach.merge(plugged, KERNELS);
    assertThat(merged.count(false)).isEqualTo(full.count(false));
    assertThat(Golden.far(logits(merged), logits(plugged))).isLessThan(1e-5);
    assertThat(logits(merged).toArray()).isNotEqualTo(logits(full).toArray());
  }

  @Test
  void loraOnAllProjectionsFindsAllSeven() throws Exception {
    assertThat(tuned(LoraConfig.of(2)).tensors()).hasSize(2 * 7 * 2);
  }

  @Test
  void generationIsThatOfTheWholeSequenceAtOnce() {
    List<Integer> got = new ArrayList<>();
    int[] prompt = TinyModels.tokens(4, 23, 2);
    new Generator(full, KERNELS)
        .generate(prompt, 12, Sampling.greedy(), RandomStream.of(1, "none"), got::add);
    int[] ids = new int[16];
    System.arraycopy(prompt, 0, ids, 0, 4);
    for (int t = 4; t < 16; t++) {
      int[] so = java.util.Arrays.copyOf(ids, t);
      Pass pass = Pass.of(Tape.evaluating(KERNELS, new Workspace()), 1, t);
      Tensor scores = full.logits(pass, full.hidden(pass, so), t - 1, t);
      for (int v = 1; v < 23; v++) if (scores.get(v) > scores.get(ids[t])) ids[t] = v;
      assertThat(got.get(t - 4)).isEqualTo(ids[t]);
    }
  }

  private AdapterArtifact tuned(PeftMethod lora) throws Exception {
    try (OffsitePackage pack = OffsitePackage.open(dir.resolve("package"))) {
      AdapterTuning tuning = AdapterTuning.of(pack, lora, 1);
      tuning.trainer(TEXT, null, TrainingPlan.of(3, 2, 1e-2f, 1), KERNELS).run(Progress.SILENT);
      return tuning.artifact(JsonObject.create());
    }
  }

  private static Tensor logits(TransformerModel model) {
    Pass pass = Pass.of(Tape.evaluating(KERNELS, new Workspace()), 1, IDS.length);
    return model.logits(pass, model.hidden(pass, IDS), 0, IDS.length);
  }
}
