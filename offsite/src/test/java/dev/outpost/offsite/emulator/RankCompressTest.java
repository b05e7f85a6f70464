package dev.outpost.offsite.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.Tape;
import dev.outpost.offsite.artifact.AdapterArtifact;
import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.artifact.PlugIn;
import dev.outpost.offsite.report.WeightsShipped;
import dev.outpost.offsite.svd.Svd;
import dev.outpost.offsite.tune.AdapterTuning;
import dev.outpost.tensor.DType;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.io.Rounding;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.Golden;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerBlock;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Family;
import dev.outpost.transformer.layer.Dense;
import dev.outpost.transformer.layer.LowRank;
import dev.outpost.transformer.layer.QueryKeyValue;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.module.Rewriter;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.peft.PeftMethod;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.TrainingPlan;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RankCompressTest {
  private static final Kernels KERNELS = TinyModels.best();
  private static final Blocks TEXT = Blocks.of(TinyModels.tokens(96, 23, 5), 12);
  private static final int[] IDS = TinyModels.tokens(24, 23, 8);

  @TempDir Path dir;

  private static JsonObject config(String family) throws Exception {
    String sizes =
        """
        "vocab_size": 23, "hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2,
        "num_key_value_heads": 1, "head_dim": 8, "intermediate_size": 24, "ffn_dim": 24,
        "n_layer": 4, "n_head": 2, "seq_length": 24, "max_position_embeddings": 24,
        "n_positions": 24, "n_embd": 16, "word_embed_proj_dim": 16
        """;
    return JsonObject.parse("config.json", "{\"model_type\": \"" + family + "\", " + sizes + "}");
  }

  /** A model whose matrices in blocks have rank 3 and no more. */
  private static TransformerModel ofRankThree(Spec spec) {
    return TinyModels.random(spec, 1)
        .rewrite(
            new Rewriter() {
              @Override
              public Parameter parameter(String path, Parameter p) {
                if (!path.startsWith("blocks.") || p.shape().rank() < 2) return p;
                Tensor a = numbers(path + "a", p.shape().dim(0), 3);
                Tensor b = numbers(path + "b", 3, p.shape().dim(1));
                Tensor w = Tensor.zeros(p.shape());
                KERNELS.gemm(MatView.of(a), MatView.of(b), MatView.of(w), false);
                return Parameter.frozen(HeapWeight.of(w));
              }
            });
  }

  private static Tensor numbers(String name, int rows, int cols) {
    Tensor t = Tensor.zeros(rows, cols);
    RandomStream stream = RandomStream.of(9, name);
    for (int i = 0; i < t.size(); i++) t.data()[i] = 0.4f * (float) stream.nextGaussian();
    return t;
  }

  private static Draft made(TransformerModel full, String... steps) throws Exception {
    EmulatorRecipe recipe = EmulatorRecipe.parse("1-1");
    for (String step : steps) recipe = recipe.then(EmulatorSteps.read(StepSettings.parse(step)));
    return recipe.make(full, Workshop.of(KERNELS, 7));
  }

  private static Tensor logits(TransformerModel model) {
    Pass pass = Pass.of(Tape.evaluating(KERNELS, new Workspace()), 1, IDS.length);
    return model.logits(pass, model.hidden(pass, IDS), 0, IDS.length);
  }

  private static Map<String, Projection> projections(TransformerModel model) {
    Map<String, Projection> all = new TreeMap<>();
    model.rewrite(
        new Rewriter() {
          @Override
          public Projection projection(String path, Projection p) {
            all.put(path, p);
            return p;
          }
        });
    return all;
  }

  private void write(Draft made, JsonObject config) throws Exception {
    OffsitePackage.write(
        dir,
        made.model(),
        made.split().adapterSlots(),
        BaseFingerprint.of(made.full()),
        config,
        JsonObject.create(),
        null);
  }

  /** Were a part's outputs or bias taken from another's place, the numbers would not come out. */
  @ParameterizedTest
  @CsvSource({"gpt2", "opt", "bloom", "llama", "qwen3", "gemma2", "phi3"})
  void matricesOfThatRankLoseNothingAndSurviveThePackage(String family) throws Exception {
    JsonObject config = config(family);
    TransformerModel full = ofRankThree(Family.of(config).read(config));
    Draft made = made(full, "rank-compress:rank=3,targets=all");
    TransformerModel emulator = made.model();
    assertThat(Golden.far(logits(emulator), logits(full))).isLessThan(2e-5);
    assertThat(emulator.count(false)).isLessThan(full.count(false));
    projections(emulator)
        .forEach((path, p) -> {
          boolean middle = path.startsWith("blocks.1.") || path.startsWith("blocks.2.");
          assertThat(p).as(path).isInstanceOf(middle ? LowRank.class : Dense.class);
          if (p instanceof LowRank l) assertThat(l.rank()).isEqualTo(3);
        });
    write(made, config);
    try (OffsitePackage pack = OffsitePackage.open(dir)) {
      assertThat(logits(pack.model()).toArray()).isEqualTo(logits(emulator).toArray());
      assertThat(pack.model().parameters().keySet()).isEqualTo(emulator.parameters().keySet());
    }
    // The energy of so many zeros is found to need no more.
    projections(made(full, "rank-compress:energy=0.999999,targets=all").model())
        .forEach((path, p) -> {
          if (p instanceof LowRank l) assertThat(l.rank()).as(path).isLessThanOrEqualTo(3);
        });
  }

  /** Every number under the full model's own name, whatever form the package gave it. */
  @ParameterizedTest
  @CsvSource({"gpt2", "opt", "bloom", "llama", "qwen3", "phi3"})
  void theReportComparesTheProductsOfFactorsWithTheMatrices(String family) throws Exception {
    JsonObject config = config(family);
    TransformerModel full = ofRankThree(Family.of(config).read(config));
    TransformerModel same = made(full, "rank-compress:rank=3,targets=all").model();
    TransformerModel joined = Rejoined.of(full, same, KERNELS);
    assertThat(joined.parameters().keySet()).isEqualTo(full.parameters().keySet());
    assertThat(Golden.far(logits(joined), logits(full))).isLessThan(2e-5);
    WeightsShipped all = WeightsShipped.of(full, same, KERNELS);
    assertThat(all.tensors()).allSatisfy(t -> assertThat(t.relativeError()).isLessThan(2e-6));
    assertThat(all.share(WeightsShipped.Form.ROUNDED)).isBetween(0.1, 0.6);
    // One direction of three: what is lost is what the other two hold.
    WeightsShipped one =
        WeightsShipped.of(full, made(full, "rank-compress:rank=1,targets=all").model(), KERNELS);
    assertThat(one.share(WeightsShipped.Form.ABSENT)).isZero();
    Map<String, Parameter> was = full.parameters();
    String down = "blocks.2.mlp.down.weight";
    Svd three = Svd.largest(was.get(down).weight().toTensor(), 3, KERNELS, 1, down);
    double lost = 1 - three.first(1).energy() / three.energy();
    assertThat(one.tensors())
        .filteredOn(t -> t.name().equals(down))
        .singleElement()
        .satisfies(t -> {
          assertThat(t.form()).isEqualTo(WeightsShipped.Form.CHANGED);
          assertThat(t.relativeError()).isCloseTo(Math.sqrt(lost), within(1e-4));
        });
    assertThat(one.energyKept()).isBetween(0.3, 0.99);
  }

  @ParameterizedTest
  @CsvSource({"gpt2", "bloom", "llama", "phi3"})
  void theWholeRankLeavesTheBlocksAsTheyAre(String family) throws Exception {
    JsonObject config = config(family);
    TransformerModel full = TinyModels.random(Family.of(config).read(config), 1);
    for (String all : new String[] {"ratio=1", "energy=1", "rank=4096"}) {
      TransformerModel same = made(full, "rank-compress:targets=all," + all).model();
      assertThat(same.parameters()).isEqualTo(full.parameters());
      assertThat(logits(same).toArray()).isEqualTo(logits(full).toArray());
    }
  }

  @ParameterizedTest
  @CsvSource({"gpt2", "bloom", "llama", "phi3"})
  void aRankThatSavesNothingIsStoredAsItsProduct(String family) throws Exception {
    JsonObject config = config(family);
    TransformerModel full = TinyModels.random(Family.of(config).read(config), 1);
    // Of 16 by 16 the product of rank 13 is smaller than the factors; 16 by 8 has no rank 13.
    Draft made = made(full, "rank-compress:beta=0.8");
    TransformerModel emulator = made.model();
    assertThat(projections(emulator).values()).noneMatch(LowRank.class::isInstance);
    assertThat(emulator.parameters().keySet()).isEqualTo(full.parameters().keySet());
    assertThat(emulator.count(false)).isEqualTo(full.count(false));
    assertThat(Golden.far(logits(emulator), logits(full))).isGreaterThan(1e-4);
    write(made, config);
    try (OffsitePackage pack = OffsitePackage.open(dir)) {
      assertThat(logits(pack.model()).toArray()).isEqualTo(logits(emulator).toArray());
    }
  }

  @Test
  void queriesKeysAndValuesAreCutEachOnItsOwn() throws Exception {
    // Values a thousand times larger than queries: cut together, these would be gone.
    JsonObject config = config("gpt2");
    TransformerModel full =
        ofRankThree(Family.of(config).read(config))
            .rewrite(
                new Rewriter() {
                  @Override
                  public Parameter parameter(String path, Parameter p) {
                    if (!path.endsWith("attn.qkv.weight")) return p;
                    Tensor w = p.weight().toTensor();
                    for (int i = 0; i < w.size(); i++) if (i % 48 >= 32) w.data()[i] *= 1000;
                    return Parameter.frozen(HeapWeight.of(w));
                  }
                });
    TransformerModel emulator = made(full, "rank-compress:rank=2").model();
    Dense before = (Dense) projections(full).get("blocks.1.attn.qkv");
    LowRank q = (LowRank) projections(emulator).get("blocks.1.attn.q");
    Tensor whole = Parts.outIn(before).slice(0, 16);
    Tensor cut = q.dense(KERNELS).weight().weight().toTensor();
    assertThat(KERNELS.sumSquaredDifference(cut, whole))
        .isLessThan(0.5 * KERNELS.sumSquares(whole));
    assertThat(((TransformerBlock) emulator.slots().get(1).block()).attention().inputs())
        .isInstanceOf(QueryKeyValue.Separate.class);
  }

  @Test
  void settingsAreReadAndSaid() {
    for (String said :
        new String[] {
          "rank-compress:ratio=0.5,targets=mlp",
          "rank-compress:energy=0.9,targets=attn",
          "rank-compress:rank=8,targets=all",
          "rank-compress:beta=0.8,beta-keeps=rest,targets=attn",
          "prune:ratio=0.3,targets=mlp",
          "quantize:bits=3,targets=all",
          "quantize:type=q4_0,targets=attn"
        }) {
      EmulatorStep step = EmulatorSteps.read(StepSettings.parse(said));
      assertThat(step.describe().toLine())
          .isEqualTo(EmulatorSteps.read(read(step.describe())).describe().toLine());
      assertThat(EmulatorSteps.read(read(step.describe()))).isEqualTo(step);
    }
    assertThat(EmulatorSteps.read(StepSettings.parse("rank-compress:beta=0.8")))
        .isEqualTo(new RankCompress(new Cut.Beta(0.8, Cut.Beta.Keeps.SHARE), Targets.ATTN));
    assertThat(new Cut.Beta(0.8, Cut.Beta.Keeps.SHARE).rank(100)).isEqualTo(80);
    assertThat(new Cut.Beta(0.8, Cut.Beta.Keeps.REST).rank(100)).isEqualTo(20);
    assertThat(new Cut.Ratio(0.001).rank(100)).isEqualTo(1);
  }

  private static StepSettings read(JsonObject json) {
    try {
      return StepSettings.of(json);
    } catch (dev.outpost.tensor.io.FormatException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void factorsKeepTheTypeOfTheirMatrixAndCanBeCutAgain() throws Exception {
    JsonObject config = config("llama");
    TransformerModel full =
        ofRankThree(Family.of(config).read(config))
            .rewrite(
                new Rewriter() {
                  @Override
                  public Parameter parameter(String path, Parameter p) {
                    return p.shape().rank() < 2
                        ? p
                        : Parameter.frozen(Rounding.to(DType.BF16, p.weight().toTensor()));
                  }
                });
    TransformerModel once = made(full, "rank-compress:rank=3").model();
    LowRank q = (LowRank) projections(once).get("blocks.1.attn.q");
    assertThat(q.a().weight().dtype()).isEqualTo(DType.BF16);
    TransformerModel twice =
        made(full, "rank-compress:rank=3", "rank-compress:rank=2", "rank-compress:rank=5").model();
    assertThat(((LowRank) projections(twice).get("blocks.1.attn.q")).rank()).isEqualTo(2);
  }

  @Test
  void threadsDecideNothing() throws Exception {
    TransformerModel full = TinyModels.random(TinyModels.spec(4), 3);
    Map<String, float[]> two =
        TinyModels.numbers(made(full, "rank-compress:ratio=0.25,targets=all").model());
    try (Team team = Team.of(1)) {
      EmulatorRecipe recipe =
          EmulatorRecipe.parse("1-1")
              .then(EmulatorSteps.read(StepSettings.parse("rank-compress:ratio=0.25,targets=all")));
      TinyModels.numbers(recipe.make(full, Workshop.of(Kernels.best(team), 7)).model())
          .forEach((name, v) -> assertThat(v).as(name).isEqualTo(two.get(name)));
    }
  }

  @Test
  void loraOnFactorsIsMergedByMultiplyingThemOut() throws Exception {
    JsonObject config = config("gpt2");
    TransformerModel full = ofRankThree(Family.of(config).read(config));
    TransformerModel emulator = made(full, "rank-compress:rank=2").model();
    TransformerModel lora = Attach.lora(emulator, Set.of("blocks.1"), LoraConfig.of(2), 3);
    lora.visit((name, p) -> {
      if (name.endsWith("lora_b.weight")) ((HeapWeight) p.weight()).tensor().fill(0.05f);
    });
    assertThat(projections(lora)).containsKey("blocks.1.attn.q");
    TransformerModel merged = Attach.merge(lora, KERNELS);
    assertThat(projections(merged).get("blocks.1.attn.q")).isInstanceOf(Dense.class);
    assertThat(Golden.far(logits(merged), logits(lora))).isLessThan(1e-5);
    assertThat(Golden.far(logits(merged), logits(emulator))).isGreaterThan(1e-4);
    assertThatThrownBy(() -> made(lora, "rank-compress:rank=1"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("step rank-compress: blocks.1.attn.q is a Lora")
        .hasMessageContaining("merge it first");
  }

  @Test
  void anAdapterTunedOnACompressedEmulatorPlugsIntoTheFullModel() throws Exception {
    JsonObject config = config("gpt2");
    TransformerModel full = TinyModels.random(Family.of(config).read(config), 1);
    Draft made =
        made(full, "rank-compress:ratio=0.25,targets=all", "prune:ratio=0.2", "quantize:bits=6");
    write(made, config);
    for (PeftMethod method : List.of(new PeftMethod.Full(), LoraConfig.of(2))) {
      AdapterArtifact adapter;
      try (OffsitePackage pack = OffsitePackage.open(dir)) {
        Map<String, float[]> before = TinyModels.numbers(pack.model());
        AdapterTuning tuning = AdapterTuning.of(pack, method, 1);
        tuning.trainer(TEXT, null, TrainingPlan.of(3, 2, 1e-2f, 1), KERNELS).run(Progress.SILENT);
        adapter = tuning.artifact(JsonObject.create());
        assertThat(TinyModels.numbers(pack.model()))
            .allSatisfy((name, v) -> assertThat(v).isEqualTo(before.get(name)));
      }
      TransformerModel plugged = PlugIn.apply(full, BaseFingerprint.of(full), adapter);
      assertThat(Golden.far(logits(plugged), logits(full))).isGreaterThan(1e-4);
    }
  }

  @Test
  void factorsAreDistilledLikeAnyMatrix() throws Exception {
    TransformerModel full = TinyModels.random(4, 1);
    EmulatorRecipe recipe =
        EmulatorRecipe.parse("1-1")
            .then(EmulatorSteps.read(StepSettings.parse("rank-compress:rank=2,targets=all")));
    Workshop shop = Workshop.of(KERNELS, 1).withText(TEXT, null);
    Draft cut = recipe.make(full, shop);
    Draft distilled = recipe.then(new Distil(0, 1, StepTraining.of(60, 1e-2))).make(full, shop);
    assertThat(projections(distilled.model()).get("blocks.1.attn.q")).isInstanceOf(LowRank.class);
    Tensor want = logits(full);
    assertThat(Golden.far(logits(distilled.model()), want))
        .isLessThan(Golden.far(logits(cut.model()), want));
  }
}
