package dev.outpost.transformer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Rewriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class TransformerModelTest {
  private static final int[] IDS = TinyModels.tokens(12, 23, 3);
  private final TransformerModel model = TinyModels.random(3, 1);
  private final Kernels kernels = TinyModels.best();

  @Test
  void visitsEveryParameterOnceInReadingOrder() {
    List<String> names = new ArrayList<>(model.parameters().keySet());
    assertThat(names).hasSize(2 + 3 * 12 + 2).doesNotHaveDuplicates();
    assertThat(names)
        .startsWith("embed.token.weight", "embed.position.weight", "blocks.0.norm1.weight");
    assertThat(names.subList(2, 14))
        .containsExactly(
            "blocks.0.norm1.weight",
            "blocks.0.norm1.bias",
            "blocks.0.attn.qkv.weight",
            "blocks.0.attn.qkv.bias",
            "blocks.0.attn.out.weight",
            "blocks.0.attn.out.bias",
            "blocks.0.norm2.weight",
            "blocks.0.norm2.bias",
            "blocks.0.mlp.up.weight",
            "blocks.0.mlp.up.bias",
            "blocks.0.mlp.down.weight",
            "blocks.0.mlp.down.bias");
    assertThat(names).endsWith("norm.weight", "norm.bias");
  }

  @Test
  void aRewriteThatChangesNothingSharesEveryParameter() {
    Map<String, Parameter> same = model.rewrite(new Rewriter() {}).parameters();
    model.parameters().forEach((name, p) -> assertThat(same.get(name)).as(name).isSameAs(p));
  }

  @Test
  void makingPartTrainableCopiesThatPartAndSharesTheRest() {
    TransformerModel tuned = model.trainable(name -> name.startsWith("blocks.2."));
    Map<String, Parameter> before = model.parameters();
    tuned
        .parameters()
        .forEach((name, p) -> {
          boolean wanted = name.startsWith("blocks.2.");
          assertThat(p.trainable()).as(name).isEqualTo(wanted);
          Weight original = before.get(name).weight();
          if (!wanted) assertThat(p.weight()).as(name).isSameAs(original);
          else {
            assertThat(p.weight()).as(name).isNotSameAs(original);
            assertThat(p.weight().toTensor().toArray()).isEqualTo(original.toTensor().toArray());
            ((HeapWeight) p.weight()).tensor().fill(7);
            assertThat(original.toTensor().toArray()).doesNotContain(7);
          }
        });
    assertThat(tuned.count(true)).isEqualTo(model.spec().blockParameters());
    assertThat(model.count(true)).isZero();
  }

  @Test
  void freezingSharesEveryWeight() {
    TransformerModel tuned = model.trainable(any -> true);
    TransformerModel frozen = tuned.frozen();
    assertThat(frozen.count(true)).isZero();
    Map<String, Parameter> weights = tuned.parameters();
    frozen
        .parameters()
        .forEach((name, p) -> assertThat(p.weight()).isSameAs(weights.get(name).weight()));
  }

  @Test
  void aTiedHeadIsTheTokenEmbeddingAlsoAfterARewrite() {
    TransformerModel tuned = model.trainable(any -> true);
    assertThat(tuned.head().weight()).isNull();
    assertThat(tuned.headWeight()).isSameAs(tuned.embeddings().token());
    assertThat(tuned.parameters()).doesNotContainKey("head.weight");
  }

  @Test
  void slotNamesMustDiffer() {
    Slot first = model.slots().getFirst();
    assertThatThrownBy(() -> model.withSlots(List.of(first, first)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("blocks.0, blocks.0");
  }

  @Test
  void sequencesInABatchKnowNothingOfEachOther() {
    float[] alone = losses(model, 1, 6, java.util.Arrays.copyOfRange(IDS, 6, 12));
    float[] together = losses(model, 2, 6, IDS);
    for (int i = 0; i < 6; i++) assertThat(together[6 + i]).isCloseTo(alone[i], within(2e-6f));
  }

  @Test
  void aPositionKnowsNothingOfLaterOnes() {
    int[] other = IDS.clone();
    other[11] = (other[11] + 1) % 23;
    float[] a = losses(model, 1, 12, IDS);
    float[] b = losses(model, 1, 12, other);
    // Position 10 is scored against token 11 itself, position 11 has none.
    for (int i = 0; i < 10; i++) assertThat(b[i]).isEqualTo(a[i]);
    assertThat(b[10]).isNotEqualTo(a[10]);
  }

  @Test
  void aSequenceLongerThanTheContextIsRefusedWithTheCure() {
    int[] ids = TinyModels.tokens(25, 23, 1);
    assertThatThrownBy(() -> losses(model, 1, 25, ids))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll("at most 24 tokens", "25");
  }

  @Test
  void aTokenOutsideTheVocabularyIsRefused() {
    assertThatThrownBy(() -> losses(model, 1, 2, new int[] {0, 23}))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("23");
  }

  @Test
  void recomputedBlocksGiveTheSameBits() {
    for (String trained : List.of("", "blocks.0.", "blocks.1.", "blocks.2.", "norm")) {
      TransformerModel tuned = model.trainable(name -> name.startsWith(trained));
      assertThat(gradients(tuned, true)).as(trained).isEqualTo(gradients(tuned, false));
    }
  }

  @Test
  void recomputingTakesLessMemory() {
    TransformerModel deep = TinyModels.random(8, 1).trainable(any -> true);
    Workspace kept = new Workspace();
    Workspace recomputed = new Workspace();
    backward(deep, kept, false);
    backward(deep, recomputed, true);
    assertThat(recomputed.meter().peakBytes()).isLessThan(kept.meter().peakBytes() / 2);
  }

  @Test
  void nothingIsLentAfterAnEvaluationPassButWhatItReturned() {
    Workspace workspace = new Workspace();
    Tape tape = Tape.evaluating(kernels, workspace);
    try (Tape.Scope scope = tape.scope()) {
      scope.keep(model.hidden(Pass.of(tape, 1, 12), IDS));
    }
    // 12 × 16 floats.
    assertThat(workspace.meter().liveBytes()).isEqualTo(12 * 16 * 4);
  }

  private Map<String, List<Float>> gradients(TransformerModel tuned, boolean recompute) {
    Gradients gradients = backward(tuned, new Workspace(), recompute);
    Map<String, List<Float>> all = new LinkedHashMap<>();
    tuned.visit((name, p) -> {
      Tensor g = p.weight() instanceof HeapWeight w ? gradients.get(w) : null;
      assertThat(g != null).as(name).isEqualTo(p.trainable());
      if (g == null) return;
      List<Float> values = new ArrayList<>();
      for (float v : g.toArray()) values.add(v);
      all.put(name, values);
    });
    assertThat(all).isNotEmpty();
    return all;
  }

  private Gradients backward(TransformerModel tuned, Workspace workspace, boolean recompute) {
    Tape tape = Tape.recording(kernels, workspace);
    Pass pass = Pass.of(tape, 2, 6).recomputing(recompute);
    Var loss = tuned.loss(pass, IDS, next(IDS, 6));
    Gradients gradients = new Gradients();
    tape.backward(loss, gradients);
    return gradients;
  }

  private float[] losses(TransformerModel m, int batch, int time, int[] ids) {
    Pass pass = Pass.of(Tape.evaluating(kernels, new Workspace()), batch, time);
    return m.losses(pass, ids, next(ids, time));
  }

  private static int[] next(int[] ids, int time) {
    int[] targets = new int[ids.length];
    for (int i = 0; i < ids.length; i++) targets[i] = (i + 1) % time == 0 ? -1 : ids[i + 1];
    return targets;
  }

  private static org.assertj.core.data.Offset<Float> within(float v) {
    return org.assertj.core.data.Offset.offset(v);
  }
}
