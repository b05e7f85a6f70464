package dev.outpost.transformer.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.Tape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.train.Blocks;
import org.junit.jupiter.api.Test;

class PerplexityTest {
  private final TransformerModel model = TinyModels.random(2, 4);
  private final Blocks blocks = Blocks.of(TinyModels.tokens(7 * 9 + 3, 23, 2), 9);

  @Test
  void isTheExponentialOfTheMeanLossOverAllPredictedTokens() {
    double sum = 0;
    double squares = 0;
    for (int b = 0; b < blocks.count(); b++) {
      int[] ids = blocks.ids(new int[] {b});
      Pass pass = Pass.of(Tape.evaluating(Kernels.scalar(), new Workspace()), 1, 9);
      Tensor logits = model.logits(pass, model.hidden(pass, ids), 0, 9);
      for (int t = 0; t < 8; t++) {
        double loss = loss(logits, t, ids[t + 1]);
        sum += loss;
        squares += loss * loss;
      }
    }
    Perplexity got = measure(TinyModels.best(), 2);
    double mean = sum / 56;
    assertThat(got.tokens()).isEqualTo(56);
    assertThat(got.meanLoss()).isCloseTo(mean, within(1e-5));
    assertThat(got.value()).isCloseTo(Math.exp(mean), within(1e-3));
    assertThat(got.standardError())
        .isCloseTo(Math.sqrt((squares / 56 - mean * mean) / 56), within(1e-4));
  }

  @Test
  void doesNotDependOnTheBatch() {
    for (Kernels k : TinyModels.kernels()) {
      double alone = measure(k, 1).meanLoss();
      for (int batch : new int[] {2, 3, 7, 100})
        assertThat(measure(k, batch).meanLoss()).isCloseTo(alone, within(2e-7 * alone));
    }
  }

  @Test
  void aModelThatKnowsNothingIsAsPerplexedAsTheVocabularyIsLarge() {
    TransformerModel blank = model.trainable(name -> name.equals("embed.token.weight"));
    ((dev.outpost.tensor.weight.HeapWeight) blank.embeddings().token().weight()).tensor().fill(0);
    Perplexity got = Perplexity.of(blank, TinyModels.best(), new Workspace(), blocks, 4);
    assertThat(got.value()).isCloseTo(23, within(1e-4));
  }

  @Test
  void givesBackAllItBorrows() {
    Workspace workspace = new Workspace();
    Perplexity.of(model, TinyModels.best(), workspace, blocks, 3);
    assertThat(workspace.meter().liveBytes()).isZero();
  }

  private Perplexity measure(Kernels k, int batch) {
    return Perplexity.of(model, k, new Workspace(), blocks, batch);
  }

  private static double loss(Tensor logits, int row, int target) {
    double sum = 0;
    for (int v = 0; v < 23; v++) sum += Math.exp(logits.get(row * 23 + v));
    return Math.log(sum) - logits.get(row * 23 + target);
  }
}
