package dev.outpost.transformer.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DecoderTest {
  private static final long SEED = 31;

  @Test
  void aGrowingTextNeverShowsHalfACharacter() throws IOException {
    Tokenizer tokenizer = TinyTokenizer.load();
    for (String text : DifficultText.strings(SEED, 2000)) {
      if (text.contains("<mask>") || text.contains("<wide>")) continue;
      Decoder decoder = tokenizer.decoder();
      StringBuilder shown = new StringBuilder();
      for (int id : tokenizer.encode(text)) {
        shown.append(decoder.push(id));
        assertThat(text).as("seed " + SEED).startsWith(shown);
      }
      assertThat(decoder.finish()).isEmpty();
      assertThat(shown.toString()).as("seed " + SEED).isEqualTo(text);
    }
  }

  @Test
  void aCharacterAppearsWithItsLastByte() {
    Decoder decoder =
        new Decoder(id -> String.valueOf(ByteAlphabet.character(id)), new Detokenizer.ByteLevel());
    assertThat(decoder.push(0xF0)).isEmpty();
    assertThat(decoder.push(0x9F)).isEmpty();
    assertThat(decoder.push(0x98)).isEmpty();
    assertThat(decoder.push(0x80)).isEqualTo("😀");
    assertThat(decoder.push(0xE4)).isEmpty();
    assertThat(decoder.push('a')).isEqualTo("\uFFFDa");
    assertThat(decoder.push(0xE4)).isEmpty();
    assertThat(decoder.finish()).isEqualTo("\uFFFD");
    assertThat(decoder.finish()).isEmpty();
    assertThatThrownBy(() -> decoder.push(-1)).hasMessageContaining("-1 is negative");
  }

  @Test
  void idsWithoutATokenContributeNothing() throws IOException {
    Tokenizer tokenizer = TinyTokenizer.load();
    int a = tokenizer.id("a").orElseThrow();
    assertThat(tokenizer.decode(a, tokenizer.vocabularySize(), 1 << 30, a)).isEqualTo("aa");
    assertThatThrownBy(() -> tokenizer.decode(a, -5)).hasMessageContaining("-5 is negative");
  }

  /** Unicode 3.9, table 3-8 and its neighbours: '?' stands for one U+FFFD. */
  @ParameterizedTest
  @CsvSource({
    "c080, ??",
    "c1bf41, ??A",
    "e08080, ???",
    "eda080, ???",
    "edbfbf, ???",
    "ed9fbf, \uD7FF",
    "f08080, ???",
    "f0908f, ?",
    "f4908080, ????",
    "f5, ?",
    "ff41, ?A",
    "80, ?",
    "e4bd, ?",
    "e4bda0, 你",
    "c3e9, ??",
    "f09f98e4bda0, ?你",
    "41c3, A?",
    "f48fbfbf, \uDBFF\uDFFF",
  })
  void wrongBytesAreReplacedByMaximalSubpart(String hex, String want) {
    StringBuilder text = new StringBuilder();
    Utf8Reader reader = new Utf8Reader();
    for (byte b : HexFormat.of().parseHex(hex)) reader.push(b & 0xFF, text);
    reader.finish(text);
    assertThat(text.toString()).isEqualTo(want.replace('?', '\uFFFD'));
  }

  @Test
  void rightBytesAreReadAsTheJdkReadsThem() {
    for (String text : DifficultText.strings(SEED + 1, 1000)) {
      StringBuilder read = new StringBuilder();
      Utf8Reader reader = new Utf8Reader();
      for (byte b : text.getBytes(StandardCharsets.UTF_8)) reader.push(b & 0xFF, read);
      reader.finish(read);
      assertThat(read.toString()).as("seed " + (SEED + 1)).isEqualTo(text);
    }
  }
}
