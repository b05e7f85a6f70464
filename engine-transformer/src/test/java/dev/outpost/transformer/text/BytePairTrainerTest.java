package dev.outpost.transformer.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BytePairTrainerTest {
  private static List<String> corpus() throws IOException {
    String text = Files.readString(TinyTokenizer.GOLDENS.resolve("corpus.txt"));
    return List.of(text.split("\n", -1));
  }

  private static Vocabulary vocabulary(Tokenizer tokenizer) {
    return ((ByteLevelBpe) ((PipelineTokenizer) tokenizer).settings().model()).vocabulary();
  }

  @Test
  void learnsTheVocabularyOfTheReference() throws IOException {
    Vocabulary want = vocabulary(TinyTokenizer.load());
    Vocabulary got = vocabulary(BytePairTrainer.of(900).train(corpus()));
    assertThat(got.ids()).isEqualTo(want.ids());
    assertThat(got.merges()).containsExactlyElementsOf(want.merges());
  }

  @Test
  void theOrderOfTextsDoesNotMatter() throws IOException {
    List<String> shuffled = new ArrayList<>(corpus());
    Collections.reverse(shuffled);
    assertThat(vocabulary(BytePairTrainer.of(700).train(shuffled)))
        .isEqualTo(vocabulary(BytePairTrainer.of(700).train(corpus())));
  }

  @Test
  void tiesGoToTheSmallerIds() {
    Tokenizer trained = BytePairTrainer.of(259).train(List.of("zy", "ba", "cd"));
    assertThat(vocabulary(trained).merges())
        .containsExactly(new Vocabulary.Merge("b", "a"), new Vocabulary.Merge("c", "d"));
  }

  @Test
  void pairsSeenTooSeldomAreNotMerged() {
    BytePairTrainer trainer = new BytePairTrainer(1000, 3, List.of(), false);
    Vocabulary learnt = vocabulary(trainer.train(List.of("ab ab ab cd cd")));
    assertThat(learnt.merges()).contains(new Vocabulary.Merge("a", "b"));
    assertThat(learnt.merges()).doesNotContain(new Vocabulary.Merge("c", "d"));
  }

  @Test
  void aSmallTextGivesASmallVocabulary() {
    Tokenizer trained = BytePairTrainer.of(50_000).train(List.of("ab", "\uD800"));
    assertThat(trained.vocabularySize()).isEqualTo(257 + 3);
    assertThat(trained.decode(trained.encode("any 文 text"))).isEqualTo("any 文 text");
    assertThat(trained.endOfText()).hasValue(0);
    assertThat(BytePairTrainer.of(300).train(List.of()).vocabularySize()).isEqualTo(257);
  }

  @Test
  void theSpecialTokenOfATextIsOneId(@TempDir Path folder) throws IOException {
    Tokenizer trained = BytePairTrainer.of(400).train(corpus());
    assertThat(trained.encode("a<|endoftext|>")).containsExactly(trained.id("a").orElseThrow(), 0);
    TokenizerFiles.save(trained, folder);
    Tokenizer read = TokenizerFiles.load(folder);
    assertThat(read.endOfText()).hasValue(0);
    for (String text : DifficultText.strings(41, 500)) {
      assertThat(read.encode(text)).as("seed 41").isEqualTo(trained.encode(text));
    }
  }

  @Test
  void progressIsToldAndMayStopTheTraining() throws IOException {
    List<String> stages = new ArrayList<>();
    List<Long> done = new ArrayList<>();
    BytePairTrainer.of(300)
        .train(
            corpus(),
            (stage, d, total) -> {
              if (!stages.contains(stage)) stages.add(stage);
              if (stage.equals("merging")) done.add(d);
              assertThat(total).isEqualTo(stage.equals("merging") ? 300 : -1);
            });
    assertThat(stages).containsExactly("counting words", "merging");
    assertThat(done).isSorted().endsWith(300L);
    List<String> texts = corpus();
    assertThatThrownBy(() ->
            BytePairTrainer.of(300)
                .train(
                    texts,
                    (stage, d, total) -> {
                      throw new IllegalStateException("enough");
                    }))
        .hasMessage("enough");
  }

  @Test
  void impossibleWishesAreRefused() {
    assertThatThrownBy(() -> BytePairTrainer.of(256))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("vocabulary size 256")
        .hasMessageContaining("at least 257");
    assertThatThrownBy(() -> new BytePairTrainer(300, 0, List.of("<a>", "<a>"), false))
        .hasMessageContaining("twice");
    assertThatThrownBy(() -> new BytePairTrainer(300, 0, List.of("x"), false))
        .hasMessageContaining("two characters");
    assertThat(
            new BytePairTrainer(258, 0, List.of("<a>", "<b>"), false)
                .train(List.of("aaaa"))
                .specialTokens())
        .containsExactly(Map.entry("<a>", 0), Map.entry("<b>", 1));
  }
}
