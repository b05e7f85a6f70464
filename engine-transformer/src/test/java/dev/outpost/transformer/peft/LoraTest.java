package dev.outpost.transformer.peft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.Golden;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.layer.Dense;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Pass;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class LoraTest {
  private static final int[] IDS = TinyModels.tokens(12, 23, 3);
  private static final Set<String> ENDS = Set.of("blocks.0", "blocks.2");
  private final TransformerModel model = TinyModels.random(3, 1);
  private final Kernels kernels = TinyModels.best();

  @Test
  void attachingChangesNoScore() {
    TransformerModel attached = Attach.lora(model, ENDS, LoraConfig.offsiteTuning(), 1);
    assertThat(scores(attached)).isEqualTo(scores(model));
  }

  @Test
  void onlyTheTargetsOfTheNamedSlotsCarryIt() {
    LoraConfig config = new LoraConfig(3, 6, 0, List.of("attn.qkv", "mlp.down"));
    TransformerModel attached = Attach.lora(model.trainable(any -> true), ENDS, config, 1);
    assertThat(
            attached.parameters().entrySet().stream()
                .filter(e -> e.getValue().trainable())
                .map(Map.Entry::getKey))
        .containsExactly(
            "blocks.0.attn.qkv.lora_a.weight",
            "blocks.0.attn.qkv.lora_b.weight",
            "blocks.0.mlp.down.lora_a.weight",
            "blocks.0.mlp.down.lora_b.weight",
            "blocks.2.attn.qkv.lora_a.weight",
            "blocks.2.attn.qkv.lora_b.weight",
            "blocks.2.mlp.down.lora_a.weight",
            "blocks.2.mlp.down.lora_b.weight");
    // r·(in + out) for each: 3·(16 + 48) and 3·(64 + 16), in two slots.
    assertThat(attached.count(true)).isEqualTo(2 * (192 + 240));
    assertThat(attached.parameters().get("blocks.0.mlp.down.lora_a.weight").shape())
        .isEqualTo(Shape.of(3, 64));
    assertThat(attached.parameters().get("blocks.0.mlp.down.lora_b.weight").shape())
        .isEqualTo(Shape.of(16, 3));
  }

  @Test
  void theBaseIsSharedAndUntouched() {
    TransformerModel attached = Attach.lora(model, ENDS, LoraConfig.of(2), 1);
    Map<String, Parameter> parameters = attached.parameters();
    model
        .parameters()
        .forEach(
            (name, p) -> assertThat(parameters.get(name).weight()).as(name).isSameAs(p.weight()));
  }

  @Test
  void theFirstFactorStartsWithinTheReferencesBoundAndTheSecondAtZero() {
    Map<String, float[]> numbers =
        TinyModels.numbers(Attach.lora(model, ENDS, LoraConfig.of(4), 1));
    float[] a = numbers.get("blocks.0.mlp.down.lora_a.weight");
    float largest = 0;
    for (float v : a) largest = Math.max(largest, Math.abs(v));
    // Uniform in ±1/√64.
    assertThat(largest).isBetween(0.9f / 8, 1f / 8);
    assertThat(numbers.get("blocks.0.mlp.down.lora_b.weight")).containsOnly(0);
    assertThat(numbers.get("blocks.2.mlp.down.lora_a.weight")).isNotEqualTo(a);
    Map<String, float[]> other = TinyModels.numbers(Attach.lora(model, ENDS, LoraConfig.of(4), 2));
    assertThat(other.get("blocks.0.mlp.down.lora_a.weight")).isNotEqualTo(a);
  }

  @ParameterizedTest
  @EnumSource
  void isTheFormulaOfThePaper(Linear.Layout layout) {
    RandomStream random = RandomStream.of(1, "lora test");
    Tensor w = layout == Linear.Layout.IN_OUT ? normal(random, 5, 7) : normal(random, 7, 5);
    Dense base = new Dense(frozen(w), frozen(normal(random, 7)), layout);
    Tensor a = normal(random, 2, 5);
    Tensor b = normal(random, 7, 2);
    Lora lora = new Lora(base, frozen(a), frozen(b), 0.75f, 0);
    Tensor x = normal(random, 3, 5);
    for (Kernels k : TinyModels.kernels()) {
      Pass pass = Pass.of(Tape.evaluating(k, new Workspace()), 3, 1);
      Tensor y = lora.apply(pass, "p", pass.tape().constant(x)).value();
      Tensor merged = lora.merge(k).apply(pass, "p", pass.tape().constant(x)).value();
      Tensor want = Tensor.zeros(3, 7);
      for (int n = 0; n < 3; n++) {
        for (int o = 0; o < 7; o++) {
          double sum = base.bias().weight().toTensor().get(o);
          for (int i = 0; i < 5; i++) {
            double update = 0;
            for (int r = 0; r < 2; r++) update += (double) b.get(o * 2 + r) * a.get(r * 5 + i);
            double dense = layout == Linear.Layout.IN_OUT ? w.get(i * 7 + o) : w.get(o * 5 + i);
            sum += (dense + 0.75 * update) * x.get(n * 5 + i);
          }
          want.data()[n * 7 + o] = (float) sum;
        }
      }
      assertThat(Golden.far(y, want)).isLessThan(2e-6);
      assertThat(Golden.far(merged, want)).isLessThan(2e-6);
    }
  }

  @Test
  void mergedIsThePlainModelThatComputesTheSame() {
    TransformerModel attached = filled(Attach.lora(model, ENDS, LoraConfig.of(3), 1));
    TransformerModel merged = Attach.merge(attached, kernels);
    assertThat(merged.parameters().keySet()).isEqualTo(model.parameters().keySet());
    assertThat(merged.count(true)).isZero();
    Tensor want = Tensor.of(Shape.of(12, 23), scores(attached));
    assertThat(Golden.far(Tensor.of(want.shape(), scores(merged)), want)).isLessThan(3e-6);
    assertThat(scores(attached)).isNotEqualTo(scores(model));
    // What carried none is shared.
    assertThat(merged.parameters().get("blocks.1.mlp.up.weight").weight())
        .isSameAs(model.parameters().get("blocks.1.mlp.up.weight").weight());
    // Merging changes neither the base nor the factors.
    TinyModels.numbers(model)
        .forEach((name, values) ->
            assertThat(TinyModels.numbers(attached).get(name)).as(name).isEqualTo(values));
  }

  @Test
  void gradientsReachTheAdapterAndNothingElse() {
    TransformerModel attached =
        filled(Attach.lora(model, ENDS, new LoraConfig(2, 4, 0.1f, LoraConfig.ALL_PROJECTIONS), 1));
    Tape tape = Tape.recording(kernels, new Workspace());
    Pass pass = Pass.of(tape, 1, 12).withDropout(5).recomputing(true);
    int[] targets = java.util.Arrays.copyOfRange(IDS, 1, 13);
    targets[11] = -1;
    Var loss = attached.loss(pass, IDS, targets);
    Gradients gradients = new Gradients();
    tape.backward(loss, gradients);
    attached.visit((name, p) -> {
      Tensor g = gradients.get((HeapWeight) p.weight());
      assertThat(g != null).as(name).isEqualTo(name.contains(".lora_"));
      if (g != null)
        assertThat(g.toArray()).as(name).satisfies(v -> assertThat(sum(v)).isPositive());
    });
  }

  @Test
  void dropoutActsOnlyInTraining() {
    TransformerModel attached =
        filled(Attach.lora(model, ENDS, new LoraConfig(2, 4, 0.5f, LoraConfig.ALL_PROJECTIONS), 1));
    float[] first = losses(Tape.recording(kernels, new Workspace()), attached, 5);
    assertThat(losses(Tape.recording(kernels, new Workspace()), attached, 5)).isEqualTo(first);
    assertThat(losses(Tape.recording(kernels, new Workspace()), attached, 7)).isNotEqualTo(first);
    float[] plain = losses(Tape.recording(kernels, new Workspace()), attached, 0);
    assertThat(losses(Tape.evaluating(kernels, new Workspace()), attached, 5))
        .isEqualTo(plain)
        .isNotEqualTo(first);
  }

  private float[] losses(Tape tape, TransformerModel m, long key) {
    int[] targets = TinyModels.tokens(12, 23, 9);
    return m.loss(Pass.of(tape, 1, 12).withDropout(key), IDS, targets).value().toArray();
  }

  @Test
  void aSecondAttachmentIsRefused() {
    TransformerModel attached = Attach.lora(model, ENDS, LoraConfig.of(2), 1);
    assertThatThrownBy(() -> Attach.lora(attached, Set.of("blocks.2"), LoraConfig.of(2), 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll("blocks.2.attn.qkv", "already carries LoRA", "merge");
    // After merging it is a plain model and may carry another.
    TransformerModel merged = Attach.merge(attached, kernels);
    assertThat(Attach.lora(merged, ENDS, LoraConfig.of(2), 1).count(true)).isPositive();
  }

  @Test
  void targetsThatMatchNothingAreRefusedWithTheList() {
    LoraConfig config = new LoraConfig(2, 4, 0, List.of("attn.q", "kv"));
    assertThatThrownBy(() -> Attach.lora(model, ENDS, config, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll("attn.q", "blocks.0.attn.qkv", "blocks.2.mlp.down");
    assertThatThrownBy(() -> Attach.lora(model, Set.of("blocks.7"), LoraConfig.of(2), 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("blocks.7");
  }

  @ParameterizedTest
  @CsvSource({
    "0, 1, 0, rank",
    "1, 0, 0, alpha",
    "1, -1, 0, alpha",
    "1, NaN, 0, alpha",
    "1, Infinity, 0, alpha",
    "1, 1, 1, dropout",
    "1, 1, -0.1, dropout",
    "1, 1, NaN, dropout"
  })
  void settingsOutOfRangeAreNamed(int rank, float alpha, float dropout, String named) {
    assertThatThrownBy(() -> new LoraConfig(rank, alpha, dropout, LoraConfig.ALL_PROJECTIONS))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("lora: " + named);
    assertThatThrownBy(() -> new LoraConfig(1, 1, 0, List.of())).hasMessageContaining("attn.qkv");
  }

  @Test
  void theScaleIsAlphaOverRank() {
    assertThat(LoraConfig.offsiteTuning().scale()).isEqualTo(8);
    assertThat(LoraConfig.of(4).scale()).isEqualTo(2);
    Spec untied = Gpt2.spec(9, 8, 8, 1, 2, 8, UnaryMap.RELU, 1e-5f, false);
    assertThat(
            Attach.lora(TinyModels.random(untied, 1), Set.of("blocks.0"), LoraConfig.of(1), 1)
                .count(true))
        .isEqualTo(8 + 24 + 8 + 8 + 8 + 8 + 8 + 8);
  }

  /** Gives the second factors numbers, so that the update is not zero. */
  private static TransformerModel filled(TransformerModel attached) {
    attached.visit((name, p) -> {
      if (!name.endsWith(".lora_b.weight")) return;
      Tensor t = ((HeapWeight) p.weight()).tensor();
      RandomStream random = RandomStream.of(3, name);
      for (int i = 0; i < t.size(); i++) t.data()[i] = 0.2f * (float) random.nextGaussian();
    });
    return attached;
  }

  private float[] scores(TransformerModel m) {
    Pass pass = Pass.of(Tape.evaluating(kernels, new Workspace()), 1, 12);
    return m.logits(pass, m.hidden(pass, IDS), 0, 12).toArray();
  }

  private static double sum(float[] values) {
    double sum = 0;
    for (float v : values) sum += Math.abs(v);
    return sum;
  }

  private static Parameter frozen(Tensor t) {
    return Parameter.frozen(HeapWeight.of(t));
  }

  private static Tensor normal(RandomStream random, int... dims) {
    Tensor t = Tensor.zeros(dims);
    for (int i = 0; i < t.size(); i++) t.data()[i] = (float) random.nextGaussian();
    return t;
  }
}
