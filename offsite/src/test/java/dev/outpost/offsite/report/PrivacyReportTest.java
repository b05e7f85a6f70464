package dev.outpost.offsite.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.offsite.emulator.EmulatorRecipe;
import dev.outpost.offsite.emulator.Workshop;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Rewriter;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.text.BytePairTrainer;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Objective;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.Trainer;
import dev.outpost.transformer.train.TrainingPlan;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** Figures whose true value is known by construction. */
class PrivacyReportTest {
  private static final TransformerModel FULL = TinyModels.random(6, 3);
  private final Kernels kernels = TinyModels.best();

  private static TransformerModel emulator(String recipe) throws Exception {
    return EmulatorRecipe.parse(recipe).make(FULL, Workshop.of(TinyModels.best(), 1)).model();
  }

  /** Rows in which each token follows from the one before. */
  private static Blocks counting(int rows, int step) {
    int[] tokens = new int[rows * 8];
    for (int i = 0; i < tokens.length; i++) tokens[i] = (i / 8 * 7 + i % 8 * step) % 23;
    return Blocks.of(tokens, 8);
  }

  @Nested
  class Weights {
    @Test
    void anEmulatorThatIsTheModelShipsAllOfIt() throws Exception {
      WeightsShipped all = WeightsShipped.of(FULL, emulator("1-4-1"), kernels);
      assertThat(all.share(WeightsShipped.Form.VERBATIM)).isEqualTo(1);
      assertThat(all.energyKept()).isEqualTo(1);
    }

    @Test
    void droppedBlocksAreAbsentAndTheRestIsThereByValueUnderAnyName() throws Exception {
      TransformerModel two = emulator("1-2-1");
      WeightsShipped some = WeightsShipped.of(FULL, two, kernels);
      double kept = (double) two.count(false) / FULL.count(false);
      assertThat(some.share(WeightsShipped.Form.VERBATIM)).isCloseTo(kept, within(1e-12));
      assertThat(some.share(WeightsShipped.Form.ABSENT)).isCloseTo(1 - kept, within(1e-12));
      assertThat(some.energyKept()).isBetween(0.01, 0.99);
      // Block 4 in the clothes of block 2: every number of it is still there.
      List<Slot> renamed =
          two.slots().stream()
              .map(s -> s.name().equals("blocks.4") ? new Slot("blocks.2", s.block()) : s)
              .toList();
      WeightsShipped dressed = WeightsShipped.of(FULL, two.withSlots(renamed), kernels);
      assertThat(dressed.share(WeightsShipped.Form.VERBATIM)).isCloseTo(kept, within(1e-12));
    }

    @Test
    void changedNumbersTellByHowMuch() {
      for (double noise : new double[] {1e-4, 0.3}) {
        WeightsShipped w = WeightsShipped.of(FULL, scaled(1 + noise), kernels);
        WeightsShipped.Form form =
            noise < 0.001 ? WeightsShipped.Form.ROUNDED : WeightsShipped.Form.CHANGED;
        assertThat(w.share(form)).isGreaterThan(0.1);
        assertThat(w.tensors())
            .filteredOn(t -> t.name().startsWith("blocks.2."))
            .hasSizeGreaterThan(5)
            .allSatisfy(t -> {
              assertThat(t.form()).isEqualTo(form);
              assertThat(t.relativeError()).isCloseTo(noise, within(1e-5));
            });
        assertThat(1 - w.energyKept()).isBetween(noise * noise / 20, noise * noise);
      }
    }

    private TransformerModel scaled(double factor) {
      return FULL.rewrite(
          new Rewriter() {
            @Override
            public Parameter parameter(String path, Parameter p) {
              if (!path.startsWith("blocks.2.")) return p;
              Tensor t = Tensor.of(p.shape(), p.weight().toTensor().toArray());
              for (int i = 0; i < t.size(); i++) t.data()[i] *= (float) factor;
              return Parameter.frozen(HeapWeight.of(t));
            }
          });
    }
  }

  @Nested
  class Membership {
    @Test
    void areaAndRateAreThoseCountedByHand() {
      MembershipInference m =
          MembershipInference.of("s", new double[] {3, 1, 2}, new double[] {0, 2, -1, 2.5});
      // 3 beats 4; 1 beats 2; 2 beats 2 and ties 1.
      assertThat(m.auc()).isCloseTo((4 + 2 + 2.5) / 12, within(1e-12));
      assertThat(m.caught()).isCloseTo(1.0 / 3, within(1e-12));
      assertThat(m.enoughForTheRate()).isFalse();
      double[] others = new double[2000];
      for (int i = 0; i < others.length; i++) others[i] = i;
      // Two mistakes in two thousand are allowed: the third largest is the threshold.
      m = MembershipInference.of("s", new double[] {1996, 1997, 1998, 1999, 2000}, others);
      assertThat(m.caught()).isEqualTo(0.6);
      assertThat(m.enoughForTheRate()).isTrue();
      assertThatThrownBy(() -> MembershipInference.of("s", new double[0], others))
          .hasMessageContaining("both kinds");
    }

    @Test
    void anOverfittedAdapterTellsItsRowsAndAnUntouchedOneTellsNothing() {
      Blocks in = Blocks.of(TinyModels.tokens(24 * 8, 23, 5), 8);
      Blocks out = Blocks.of(TinyModels.tokens(200 * 8, 23, 6), 8);
      TransformerModel tuned =
          Attach.lora(FULL, Set.of("blocks.0", "blocks.5"), LoraConfig.of(8), 1);
      assertThat(score(tuned, in, out).auc()).isEqualTo(0.5);
      MembershipInference control =
          MembershipInference.of("loss", negated(FULL, in), negated(FULL, out));
      assertThat(control.auc()).isCloseTo(0.5, within(3 * control.standardError()));
      new Trainer(
              tuned,
              Objective.languageModel(),
              in,
              null,
              TrainingPlan.of(150, 8, 2e-2f, 1),
              kernels)
          .run(Progress.SILENT);
      MembershipInference after = score(tuned, in, out);
      assertThat(after.auc()).isGreaterThan(0.95);
      assertThat(after.caught()).isGreaterThan(0.5);
      assertThat(after.standardError()).isBetween(0.0, 0.05);
    }

    private MembershipInference score(TransformerModel tuned, Blocks in, Blocks out) {
      return MembershipInference.of("less", less(tuned, in), less(tuned, out));
    }

    private double[] negated(TransformerModel model, Blocks rows) {
      return Arrays.stream(RowLosses.of(model, kernels, rows)).map(l -> -l).toArray();
    }

    private double[] less(TransformerModel tuned, Blocks rows) {
      double[] before = RowLosses.of(FULL, kernels, rows);
      double[] after = RowLosses.of(tuned, kernels, rows);
      for (int i = 0; i < before.length; i++) before[i] -= after[i];
      return before;
    }
  }

  @Nested
  class Recovery {
    private final TransformerModel taught = taught();

    private TransformerModel taught() {
      TransformerModel model = FULL.trainable(n -> n.startsWith("blocks."));
      new Trainer(
              model,
              Objective.languageModel(),
              counting(40, 3),
              null,
              TrainingPlan.of(150, 8, 1e-2f, 1),
              kernels)
          .run(Progress.SILENT);
      return model.frozen();
    }

    private RecoveryProbe probe(TransformerModel emulator) {
      return RecoveryProbe.of(
          taught,
          emulator,
          Set.of("blocks.0", "blocks.5"),
          counting(40, 3),
          counting(9, 3),
          TrainingPlan.of(60, 8, 1e-2f, 1),
          kernels,
          Progress.SILENT);
    }

    @Test
    void whereTheEmulatorIsTheModelThereIsNothingToClose() {
      RecoveryProbe p = probe(taught);
      assertThat(p.gap()).isFalse();
      assertThat(p.closed()).isNaN();
      assertThat(p.emulatorLoss()).isEqualTo(p.fullLoss());
      assertThat(p.tokens()).isEqualTo(60 * 8 * 8);
    }

    @Test
    void aHoleIsHealedByTrainingOnTheSameKindOfText() {
      List<Slot> slots =
          taught.slots().stream().filter(s -> !s.name().matches("blocks\\.[234]")).toList();
      RecoveryProbe p = probe(taught.withSlots(slots));
      assertThat(p.gap()).isTrue();
      assertThat(p.emulatorLoss()).isGreaterThan(p.fullLoss() + 0.5);
      assertThat(p.closed()).isGreaterThan(0.8);
    }
  }

  @Test
  void aPlantedSecretIsExposedByOverfittingAndNotBefore() {
    String canary = "code 4711";
    Tokenizer tokenizer = BytePairTrainer.of(280).train(List.of("code 0123456789 "));
    TransformerModel model =
        TinyModels.random(
                Gpt2.spec(
                    tokenizer.vocabularySize(), 24, 16, 2, 2, 64, UnaryMap.GELU_TANH, 1e-5f, true),
                1)
            .trainable(n -> true);
    CanaryExposure before = CanaryExposure.of(model, kernels, tokenizer, canary, 127, 1);
    int[] ids = tokenizer.encode(canary, true);
    new Trainer(
            model,
            Objective.languageModel(),
            Blocks.of(ids, ids.length),
            null,
            TrainingPlan.of(60, 1, 1e-2f, 1),
            kernels)
        .run(Progress.SILENT);
    CanaryExposure after = CanaryExposure.of(model, kernels, tokenizer, canary, 127, 1);
    assertThat(before.bits()).isLessThan(6);
    assertThat(after.rank()).isEqualTo(1);
    assertThat(after.bits()).isCloseTo(7, within(1e-12));
    assertThatThrownBy(() -> CanaryExposure.of(model, kernels, tokenizer, "no secret", 9, 1))
        .hasMessageContaining("no digits");
  }

  @Test
  void tokensOfOneRowAreReadOffItsGradient() {
    Blocks rows = Blocks.of(TinyModels.tokens(5 * 8, 23, 8), 8);
    GradientProbe p = GradientProbe.of(FULL, kernels, rows, 5).orElseThrow();
    assertThat(p.tokens()).isEqualTo(5 * 7);
    assertThat(p.share()).isGreaterThan(0.9);
    Blocks wide = Blocks.of(TinyModels.tokens(16, 23, 8), 16);
    assertThat(GradientProbe.of(FULL, kernels, wide, 1)).as("all is in the span").isEmpty();
  }

  @Test
  void hiddenStatesOfTheSameModelAreAlike() throws Exception {
    Blocks rows = Blocks.of(TinyModels.tokens(20 * 8, 23, 8), 8);
    HiddenLikeness same = HiddenLikeness.of(FULL, emulator("1-4-1"), kernels, rows, 10);
    assertThat(same.bySlot()).hasSize(6).allSatisfy((s, v) -> assertThat(v).isGreaterThan(0.9999));
    HiddenLikeness less = HiddenLikeness.of(FULL, emulator("1-1-1"), kernels, rows, 10);
    assertThat(less.bySlot().get("blocks.0")).isGreaterThan(0.9999);
    assertThat(less.bySlot().get("blocks.5")).isLessThan(0.99);
  }

  @Test
  void gapsHaveTheSpreadOfTheAdapters() {
    Utility u = new Utility(3, 4, List.of(2.5, 2.7, 2.9), List.of(2.0, 2.3, 2.3), Double.NaN);
    assertThat(u.utilityGap().mean()).isCloseTo(0.8, within(1e-12));
    assertThat(u.utilityGap().error()).isCloseTo(0.1, within(1e-12));
    assertThat(u.privacyGap().mean()).isCloseTo(0.5, within(1e-12));
    assertThat(u.privacyGap().error()).isCloseTo(0.1 / Math.sqrt(3), within(1e-12));
    assertThat(new Utility(3, 4, List.of(2.5), List.of(2.0), 1).utilityGap().error()).isNaN();
    assertThat(String.join("\n", u.table())).contains("± 0.1000", "over 3 adapters");
  }
}
