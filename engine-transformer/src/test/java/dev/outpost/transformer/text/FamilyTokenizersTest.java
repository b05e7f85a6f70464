package dev.outpost.transformer.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.io.FormatException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every family's pipeline against the reference library; {@code families/make_family_goldens.py}
 * wrote the files.
 */
class FamilyTokenizersTest {
  private static final Path FOLDER = TinyTokenizer.GOLDENS.resolve("families");
  private static final Json GOLDENS = goldens();

  private static Json goldens() {
    try {
      return Json.read(FOLDER.resolve("goldens.json"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Stream<String> families() throws IOException {
    return GOLDENS.get("families").items().stream().map(f -> name(f));
  }

  private static String name(Json family) {
    try {
      return family.get("name").text();
    } catch (FormatException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Json family(String name) throws IOException {
    return GOLDENS.get("families").items().stream()
        .filter(f -> name(f).equals(name))
        .findFirst()
        .orElseThrow();
  }

  @ParameterizedTest
  @MethodSource("families")
  void idsAndTextEqualTheReference(String name) throws IOException {
    Tokenizer tokenizer = TokenizerFiles.load(FOLDER.resolve(name));
    List<Json> texts = GOLDENS.get("texts").items();
    List<Json> cases = family(name).get("cases").items();
    assertThat(cases).hasSameSizeAs(texts).hasSizeGreaterThan(90);
    for (int i = 0; i < texts.size(); i++) {
      String text = texts.get(i).text();
      List<Json> want = cases.get(i).items();
      int[] ids = TinyTokenizer.ids(want.get(0));
      assertThat(tokenizer.encode(text)).as("\"%s\"", text).containsExactly(ids);
      // The second time words come from the cache.
      assertThat(tokenizer.encode(text)).as("\"%s\" again", text).containsExactly(ids);
      assertThat(tokenizer.encode(text, true))
          .as("\"%s\" framed", text)
          .containsExactly(TinyTokenizer.ids(want.get(1)));
      assertThat(tokenizer.decode(ids)).as("\"%s\"", text).isEqualTo(want.get(2).text());
    }
  }

  @ParameterizedTest
  @MethodSource("families")
  void whatIsWrittenReadsBackTheSame(String name, @TempDir Path folder) throws IOException {
    Tokenizer tokenizer = TokenizerFiles.load(FOLDER.resolve(name));
    TokenizerFiles.save(tokenizer, folder);
    Tokenizer read = TokenizerFiles.load(folder);
    assertThat(read.specialTokens()).isEqualTo(tokenizer.specialTokens());
    for (Json text : GOLDENS.get("texts").items()) {
      int[] ids = tokenizer.encode(text.text(), true);
      assertThat(read.encode(text.text(), true)).as("\"%s\"", text.text()).isEqualTo(ids);
      assertThat(read.decode(ids)).isEqualTo(tokenizer.decode(ids));
    }
  }

  @ParameterizedTest
  @MethodSource("families")
  void idsInAnyOrderDecodeAsTheReferenceDoes(String name) throws IOException {
    Tokenizer tokenizer = TokenizerFiles.load(FOLDER.resolve(name));
    for (Json c : family(name).get("decodes").items()) {
      int[] ids = TinyTokenizer.ids(c.items().get(0));
      assertThat(tokenizer.decode(ids)).isEqualTo(c.items().get(1).text());
    }
  }

  @ParameterizedTest
  @MethodSource("families")
  void pairsHaveTheReferencesTypes(String name) throws IOException {
    Tokenizer tokenizer = TokenizerFiles.load(FOLDER.resolve(name));
    for (Json c : family(name).get("pairs").items()) {
      List<Json> want = c.items();
      String first = want.get(0).text();
      String second = want.get(1).text();
      Encoding framed = tokenizer.encode(first, second, EncodingOptions.FRAMED);
      assertThat(framed.ids()).containsExactly(TinyTokenizer.ids(want.get(2)));
      assertThat(framed.typeIds()).containsExactly(TinyTokenizer.ids(want.get(3)));
      Encoding plain = tokenizer.encode(first, second, EncodingOptions.PLAIN);
      assertThat(plain.ids()).containsExactly(TinyTokenizer.ids(want.get(4)));
      assertThat(plain.typeIds()).containsExactly(TinyTokenizer.ids(want.get(5)));
    }
  }

  @Test
  void textsAreCutAndFilledUpAsTheReferenceDoes() throws IOException {
    Tokenizer tokenizer = TokenizerFiles.load(FOLDER.resolve("bert"));
    int refused = 0;
    for (Json c : GOLDENS.get("limits").items()) {
      List<Json> want = c.items();
      String second = want.get(3).isNull() ? null : want.get(3).text();
      if (want.get(5).isNull()) {
        refused++;
        EncodingOptions.Cut cut =
            EncodingOptions.Cut.valueOf(want.get(1).text().toUpperCase(java.util.Locale.ROOT));
        EncodingOptions options =
            new EncodingOptions(
                want.get(4).flag(false),
                Optional.of(
                    new EncodingOptions.Truncation(
                        want.get(0).integer(0, 100), cut, want.get(2).text().equals("left"))),
                Optional.empty());
        assertThatThrownBy(() -> tokenizer.encode("the first cat sat", second, options))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("truncation");
        continue;
      }
      EncodingOptions options =
          new EncodingOptions(
              want.get(4).flag(false),
              OptionsReader.truncation(want.get(5).get("truncation")),
              OptionsReader.padding(want.get(5).get("padding")));
      Encoding got = tokenizer.encode("the first cat sat", second, options);
      assertThat(got.ids()).as("%s", c.value()).containsExactly(TinyTokenizer.ids(want.get(6)));
      assertThat(got.typeIds()).containsExactly(TinyTokenizer.ids(want.get(7)));
      assertThat(got.attentionMask()).containsExactly(TinyTokenizer.ids(want.get(8)));
    }
    assertThat(refused).isBetween(10, GOLDENS.get("limits").items().size() / 2);
  }
}
