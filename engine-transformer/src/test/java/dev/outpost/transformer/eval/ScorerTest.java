package dev.outpost.transformer.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.Tape;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MirrorKernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.data.Texts;
import dev.outpost.transformer.family.Llama;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.text.Tokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Shared contexts against the same sequences computed whole. */
final class ScorerTest {
  private static final Tokenizer TOKENIZER = Texts.tokenizer();
  private static final int CONTEXT = 40;

  private static TransformerModel model() {
    Spec spec =
        Llama.spec(TOKENIZER.vocabularySize(), CONTEXT, 16, 2, 4, 2, 6, 40, 1e-5f, 100, false);
    return TinyModels.random(spec, 11);
  }

  /** The log-likelihood of the last {@code n} of these tokens. */
  private static double whole(TransformerModel model, Kernels kernels, int[] ids, int n) {
    int[] input = Arrays.copyOf(ids, ids.length - 1);
    int[] targets = Arrays.copyOfRange(ids, 1, ids.length);
    Arrays.fill(targets, 0, targets.length - n, -1);
    Pass pass = Pass.of(Tape.evaluating(kernels, new Workspace()), 1, input.length);
    double sum = 0;
    for (float loss : model.losses(pass, input, targets)) sum -= loss;
    return sum;
  }

  @Test
  void choicesAfterASharedContextAreScoredAsIfEachWereAlone() {
    TransformerModel model = model();
    for (Kernels kernels : TinyModels.kernels()) {
      Scorer scorer = Scorer.of(model, kernels, TOKENIZER);
      for (String context : List.of("The sky is", "The sky is", "The question is:", "T")) {
        List<String> choices = List.of(" blue", " what colour is the sky?", " x");
        List<LogLikelihood> got = scorer.continuations(context, choices);
        for (int i = 0; i < choices.size(); i++) {
          int[] ids = TOKENIZER.encode(context + choices.get(i));
          int n = ids.length - TOKENIZER.encode(context).length;
          assertThat(got.get(i).tokens()).isEqualTo(n);
          assertThat(got.get(i).value())
              .isCloseTo(whole(model, kernels, ids, n), within(1e-4 * ids.length));
        }
      }
    }
  }

  @Test
  void onADeviceTheScoresAreTheSame() {
    MirrorKernels device = new MirrorKernels(TinyModels.best());
    List<List<Object>> runs = new ArrayList<>();
    for (Kernels kernels : List.of(TinyModels.best(), device)) {
      Scorer scorer = Scorer.of(model(), kernels, TOKENIZER);
      List<Object> out = new ArrayList<>();
      for (String context : List.of("The sky is", "The question is:", "T"))
        out.addAll(scorer.continuations(context, List.of(" blue", " what colour is it?", " x")));
      out.add(scorer.text("The sky is blue, and that is all there is to say of its colour."));
      runs.add(out);
    }
    assertThat(runs.getLast()).isEqualTo(runs.getFirst());
    device.memory().requireConstant();
  }

  @Test
  void contextsThatCrossLongRopesSwitchAreScoredAsIfEachWereAlone() {
    TransformerModel model = TinyModels.longRope(CONTEXT, 12, TOKENIZER.vocabularySize());
    Kernels kernels = TinyModels.best();
    Scorer scorer = Scorer.of(model, kernels, TOKENIZER);
    List<String> choices = List.of(" x", " what colour is the sky?");
    String longer = "The question is: what colour is the sky?";
    for (String context : List.of("The sky", longer, "The question was: who is it?", "The sky")) {
      List<LogLikelihood> got = scorer.continuations(context, choices);
      for (int i = 0; i < choices.size(); i++) {
        int[] ids = TOKENIZER.encode(context + choices.get(i));
        int n = ids.length - TOKENIZER.encode(context).length;
        assertThat(got.get(i).value())
            .as("%s: %s tokens", context, ids.length)
            .isCloseTo(whole(model, kernels, ids, n), within(1e-4 * ids.length));
      }
    }
  }

  @Test
  void aTextBeginsWithTheTokenThatBeginsEveryText(@TempDir Path folder) throws IOException {
    TransformerModel model = model();
    Kernels kernels = TinyModels.best();
    int[] ids = TOKENIZER.encode("<|endoftext|>The sky is blue");
    int blue = ids.length - TOKENIZER.encode("<|endoftext|>The sky is").length;
    Scorer framed = Scorer.of(model, kernels, Texts.begins(folder));
    for (String context : List.of("The sky is", "<|endoftext|>The sky is"))
      assertThat(framed.continuations(context, List.of(" blue")).getFirst().value())
          .as(context)
          .isCloseTo(whole(model, kernels, ids, blue), within(1e-4));
    assertThat(framed.continuations("", List.of("The sky is blue")).getFirst().value())
        .isCloseTo(whole(model, kernels, ids, ids.length - 1), within(1e-3));
  }

  @Test
  void aTextLongerThanTheContextIsScoredInWindows() {
    TransformerModel model = model();
    Kernels kernels = TinyModels.best();
    String text = "The sky is blue and the question is odd. ".repeat(12);
    int[] ids = TOKENIZER.encode("<|endoftext|>" + text);
    int n = ids.length - 1;
    assertThat(n).isGreaterThan(2 * CONTEXT).matches(x -> x % CONTEXT != 0);
    double want = 0;
    for (int done = 0; done < n; done += CONTEXT) {
      int end = Math.min(n, done + CONTEXT);
      int[] window = Arrays.copyOfRange(ids, Math.max(0, end - CONTEXT), end + 1);
      want += whole(model, kernels, window, end - done);
    }
    assertThat(Scorer.of(model, kernels, TOKENIZER).text(text)).isCloseTo(want, within(1e-2));
    assertThat(Scorer.of(model, kernels, TOKENIZER).text("")).isZero();
  }

  @Test
  void whatCannotBeScoredIsRefused() {
    Scorer scorer = Scorer.of(model(), TinyModels.best(), TOKENIZER);
    assertThatThrownBy(() -> scorer.continuations("The", List.of("")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContainingAll("has 0 tokens", "at least one");
    assertThatThrownBy(() -> scorer.continuations("The", List.of("q".repeat(50))))
        .hasMessageContainingAll("context of 40");
  }
}
