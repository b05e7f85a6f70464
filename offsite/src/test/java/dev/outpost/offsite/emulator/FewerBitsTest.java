package dev.outpost.offsite.emulator;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.Rounding;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Rewriter;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Pruning and quantisation, against the released code's numbers (torch 2.13.0, f32). */
class FewerBitsTest {
  private static final float[] W = {
    0.5f, -1.25f, 0.03f, 2.0f, -0.7f, 0.11f, 1.6f, -0.4f, 0.0f, 0.9f, -2.2f, 0.33f
  };

  private static Tensor w() {
    return Tensor.of(Shape.of(3, 4), W.clone());
  }

  private static float[] pruned(double ratio) {
    Tensor t = w();
    Prune.prune(t, ratio);
    return t.toArray();
  }

  private static float[] rounded(int bits) {
    Tensor t = w();
    QuantizeWeights.Simulated.round(t, bits);
    return t.toArray();
  }

  @Test
  void whatIsSmallerThanTheKthSmallestMagnitudeBecomesZero() {
    assertThat(pruned(0)).containsExactly(W);
    assertThat(pruned(0.08)).containsExactly(W);
    assertThat(pruned(0.25))
        .containsExactly(0.5f, -1.25f, 0, 2, -0.7f, 0.11f, 1.6f, -0.4f, 0, 0.9f, -2.2f, 0.33f);
    assertThat(pruned(0.5))
        .containsExactly(0.5f, -1.25f, 0, 2, -0.7f, 0, 1.6f, 0, 0, 0.9f, -2.2f, 0);
    assertThat(pruned(1)).containsExactly(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -2.2f, 0);
  }

  @Test
  void levelsAreThoseOfTheReleasedCode() {
    assertThat(rounded(8))
        .containsExactly(
            0.49294108152389526f,
            -1.2529411315917969f,
            0.031764671206474304f,
            2.008234977722168f,
            -0.6929411292076111f,
            0.11411760747432709f,
            1.5964704751968384f,
            -0.3964705765247345f,
            -0.0011765062808990479f,
            0.9047057628631592f,
            -2.208235263824463f,
            0.3282352387905121f);
    assertThat(rounded(3))
        .containsExactly(
            0.4999999403953552f,
            -1.2999999523162842f,
            -0.10000002384185791f,
            2.299999713897705f,
            -0.699999988079071f,
            -0.10000002384185791f,
            1.6999999284744263f,
            -0.10000002384185791f,
            -0.10000002384185791f,
            1.0999999046325684f,
            -2.5f,
            0.4999999403953552f);
    assertThat(rounded(1)).containsOnly(-0.10000002384185791f);
  }

  @Test
  void equalNumbersStay() {
    Tensor t = Tensor.zeros(2, 3);
    t.fill(0.3f);
    QuantizeWeights.Simulated.round(t, 4);
    assertThat(t.toArray()).containsOnly(0.3f);
  }

  @Test
  void onlyMatricesOfTheMiddleThatAreMeantChange() throws Exception {
    TransformerModel full = TinyModels.random(4, 1);
    for (String step : List.of("prune:ratio=0.5", "quantize:bits=2", "quantize:type=q4_0"))
      for (String targets : List.of("attn", "mlp", "all")) {
        Map<String, float[]> before = TinyModels.numbers(full);
        Draft made =
            EmulatorRecipe.parse("1-1")
                .then(EmulatorSteps.read(StepSettings.parse(step + ",targets=" + targets)))
                .make(full, Workshop.of(TinyModels.best(), 1));
        made.model()
            .visit((name, p) -> {
              boolean middle = name.startsWith("blocks.1.") || name.startsWith("blocks.2.");
              boolean meant = targets.equals("all") || name.contains("." + targets + ".");
              boolean changes = middle && meant && p.shape().rank() == 2;
              float[] now = p.weight().toTensor().toArray();
              if (changes) assertThat(now).as(name).isNotEqualTo(before.get(name));
              else assertThat(now).as(name).isEqualTo(before.get(name));
            });
        assertThat(TinyModels.numbers(full))
            .allSatisfy((name, v) -> assertThat(v).isEqualTo(before.get(name)));
      }
  }

  @Test
  void aBlockThatSlotsShareStaysShared() throws Exception {
    TransformerModel full = TinyModels.random(4, 1);
    Draft draft = EmulatorRecipe.parse("1-1").make(full, Workshop.of(TinyModels.best(), 1));
    Slot first = draft.middle().getFirst();
    Draft shared = draft.with(List.of(first, draft.middle().get(1).with(first.block())));
    for (String step : List.of("prune:ratio=0.5", "quantize:bits=4", "rank-compress:rank=2")) {
      Draft made =
          EmulatorSteps.read(StepSettings.parse(step))
              .apply(shared, Workshop.of(TinyModels.best(), 1));
      assertThat(made.middle().get(1).block()).isSameAs(made.middle().get(0).block());
    }
  }

  @Test
  void halfPrecisionStaysHalfWherePruned() throws Exception {
    Weight half = Rounding.to(DType.F16, w());
    TransformerModel full =
        TinyModels.random(3, 1)
            .rewrite(
                new Rewriter() {
                  @Override
                  public Parameter parameter(String path, Parameter p) {
                    return p.shape().rank() < 2
                        ? p
                        : Parameter.frozen(Rounding.to(DType.F16, p.weight().toTensor()));
                  }
                });
    Draft made =
        EmulatorRecipe.parse("1-1")
            .then(new Prune(0.5, Targets.ALL))
            .make(full, Workshop.of(TinyModels.best(), 1));
    made.model()
        .visit((name, p) -> {
          if (p.shape().rank() == 2) assertThat(p.weight().dtype()).isEqualTo(DType.F16);
        });
    assertThat(half.toTensor().get(1)).isEqualTo(-1.25f);
  }

  @Test
  void storedBlocksHoldTheNumbersAsNearAsTheirScaleAllows() {
    Tensor t = Tensor.zeros(3, 64);
    for (int i = 0; i < t.size(); i++) t.data()[i] = (float) Math.sin(i * i) * (1 + i % 7);
    for (DType type : List.of(DType.Q8_0, DType.Q4_0)) {
      Weight w = new QuantizeWeights.Stored(type).of(HeapWeight.of(t));
      assertThat(w.dtype()).isEqualTo(type);
      assertThat(((MappedWeight) w).segment().byteSize()).isEqualTo(type.byteSize(t.size()));
      float[] got = w.toTensor().toArray();
      for (int b = 0; b < t.size(); b += 32) {
        float most = 0;
        for (int i = b; i < b + 32; i++) most = Math.max(most, Math.abs(t.get(i)));
        // Half a level, one at the end that Q4_0 lacks, and the scale's own rounding.
        double bound = type == DType.Q8_0 ? most / 127 * 0.51 + most * 1e-3 : most / 8 * 1.01;
        for (int i = b; i < b + 32; i++)
          assertThat(got[i]).as("%s %d", type, i).isCloseTo(t.get(i), within((float) bound));
      }
    }
    assertThat(new QuantizeWeights.Stored(DType.Q8_0).of(HeapWeight.of(w())).dtype())
        .as("rows of 4 are no blocks of 32")
        .isEqualTo(DType.F16);
  }
}
