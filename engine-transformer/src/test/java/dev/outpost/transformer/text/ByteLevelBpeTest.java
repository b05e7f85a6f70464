package dev.outpost.transformer.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ByteLevelBpeTest {
  private static final long SEED = 20;

  @Test
  void idsAndTextEqualTheReferenceForEveryWayOfCutting(@TempDir Path folder) throws IOException {
    Json goldens = Json.read(TinyTokenizer.GOLDENS.resolve("goldens.json"));
    int compared = 0;
    for (Json variant : goldens.get("variants").items()) {
      Map<String, Object> replaced = new HashMap<>();
      replaced.put("normalizer", variant.get("normalizer").value());
      replaced.put("pre_tokenizer", variant.get("pre_tokenizer").value());
      boolean wholeWords = variant.get("ignore_merges").flag(false);
      Tokenizer tokenizer = TinyTokenizer.with(folder, wholeWords, replaced);
      for (Json c : variant.get("cases").items()) {
        String text = c.get("text").text();
        String name = variant.get("name").text() + ": \"" + text + "\"";
        int[] ids = TinyTokenizer.ids(c.get("ids"));
        assertThat(tokenizer.encode(text)).as(name).containsExactly(ids);
        // The second time the words come from the cache.
        assertThat(tokenizer.encode(text)).as(name + " again").containsExactly(ids);
        assertThat(tokenizer.decode(ids)).as(name).isEqualTo(c.get("decoded").text());
        compared++;
      }
    }
    assertThat(compared).isGreaterThan(500);
  }

  @Test
  void idsInAnyOrderDecodeAsTheReferenceDoes() throws IOException {
    Tokenizer tokenizer = TinyTokenizer.load();
    for (Json c : Json.read(TinyTokenizer.GOLDENS.resolve("goldens.json")).get("decodes").items()) {
      int[] ids = TinyTokenizer.ids(c.get("ids"));
      assertThat(tokenizer.decode(ids)).as(Arrays.toString(ids)).isEqualTo(c.get("text").text());
    }
  }

  @Test
  void textSurvivesTheRoundTrip() throws IOException {
    Tokenizer tokenizer = TinyTokenizer.load();
    for (String text : DifficultText.strings(SEED, 3000)) {
      // These two take white space along, which is then lost as in the reference.
      if (text.contains("<mask>") || text.contains("<wide>")) continue;
      assertThat(tokenizer.decode(tokenizer.encode(text))).as("seed " + SEED).isEqualTo(text);
    }
  }

  @Test
  void unpairedSurrogatesBecomeTheReplacementCharacter() throws IOException {
    Tokenizer tokenizer = TinyTokenizer.load();
    assertThat(tokenizer.encode("a\uD800b")).isEqualTo(tokenizer.encode("a\uFFFDb"));
    assertThat(tokenizer.encode("\uDC00\uD800")).isEqualTo(tokenizer.encode("\uFFFD\uFFFD"));
    assertThat(tokenizer.decode(tokenizer.encode("\uD83D\uDE00\uD83D"))).isEqualTo("😀\uFFFD");
    SplittableRandom random = new SplittableRandom(SEED);
    for (int i = 0; i < 300; i++) {
      String text = DifficultText.chars(random, 20);
      StringBuilder repaired = new StringBuilder();
      text.codePoints()
          .map(c -> Character.getType(c) == Character.SURROGATE ? 0xFFFD : c)
          .forEach(repaired::appendCodePoint);
      String want = repaired.toString();
      assertThat(tokenizer.decode(tokenizer.encode(text))).as("seed " + SEED).isEqualTo(want);
    }
  }

  @Test
  void aVeryLongWordIsMergedAsItsPartsAre() throws IOException {
    Tokenizer tokenizer = TinyTokenizer.load();
    int[] one = tokenizer.encode("abcdefghij".repeat(30));
    int[] many = tokenizer.encode("abcdefghij".repeat(30 * 2000));
    assertThat(many.length).isBetween(one.length * 2000 - 4000, one.length * 2000 + 4000);
    assertThat(tokenizer.decode(many)).isEqualTo("abcdefghij".repeat(30 * 2000));
    int spaces = 300_000;
    assertThat(tokenizer.decode(tokenizer.encode(" ".repeat(spaces)))).hasSize(spaces);
  }

  @Test
  void wordsThatDoNotFitTheCacheStayRight() throws IOException {
    Tokenizer used = TinyTokenizer.load();
    SplittableRandom random = new SplittableRandom(SEED);
    for (int i = 0; i < 25_000; i++) used.encode(Integer.toString(random.nextInt(), 36));
    Tokenizer fresh = TinyTokenizer.load();
    for (String text : DifficultText.strings(SEED + 1, 300)) {
      assertThat(used.encode(text)).as("seed " + (SEED + 1)).isEqualTo(fresh.encode(text));
    }
  }

  @Test
  void threadsMayShareATokenizer() throws IOException {
    Tokenizer tokenizer = TinyTokenizer.load();
    List<String> texts = DifficultText.strings(SEED + 2, 1000);
    Tokenizer alone = TinyTokenizer.load();
    List<int[]> want = texts.stream().map(alone::encode).toList();
    assertThat(
            IntStream.range(0, 4 * texts.size())
                .parallel()
                .allMatch(i ->
                    Arrays.equals(
                        want.get(i % want.size()), tokenizer.encode(texts.get(i % want.size())))))
        .as("seed " + (SEED + 2))
        .isTrue();
  }

  @Test
  void tokensAndIdsAreEachOthersInverse() throws IOException {
    Tokenizer tokenizer = TinyTokenizer.load();
    for (int id = 0; id < tokenizer.vocabularySize(); id++) {
      assertThat(tokenizer.id(tokenizer.token(id))).hasValue(id);
    }
    assertThat(tokenizer.id("no such token")).isEmpty();
    assertThatThrownBy(() -> tokenizer.token(tokenizer.vocabularySize()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("no token has id " + tokenizer.vocabularySize());
    assertThatThrownBy(() -> tokenizer.token(-1)).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void specialTokensAndTheEndOfTextAreKnown() throws IOException {
    Tokenizer tokenizer = TinyTokenizer.load();
    assertThat(tokenizer.endOfText()).hasValue(0);
    assertThat(tokenizer.specialTokens())
        .containsExactly(Map.entry("<|endoftext|>", 0), Map.entry("<|pad|>", 900));
  }

  @Test
  void aModelMustHaveARowForEveryToken() throws IOException {
    Tokenizer tokenizer = TinyTokenizer.load();
    int size = tokenizer.vocabularySize();
    Path source = Path.of("some", "model");
    tokenizer.requireFits(size, source);
    tokenizer.requireFits(size + 47, source);
    assertThatThrownBy(() -> tokenizer.requireFits(size - 1, source))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(source.toString())
        .hasMessageContaining("largest token id is " + (size - 1))
        .hasMessageContaining("only " + (size - 1) + " rows")
        .hasMessageContaining("at least " + size + " rows");
  }
}
