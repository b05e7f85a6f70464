package dev.outpost.transformer.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.io.FormatException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Files that are broken or mean harm: each is refused with a message, none breaks the reader. */
class HostileTokenizerTest {
  private static final long SEED = 61;
  @TempDir Path folder;

  private void assertRefused(String json, String... message) throws IOException {
    Files.writeString(folder.resolve("tokenizer.json"), json);
    assertThatThrownBy(() -> TokenizerFiles.load(folder))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining(folder.resolve("tokenizer.json").toString())
        .hasMessageContainingAll(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "\"!\":1,|\"!\":2,|field model.vocab[\"\"\"]: each id belongs to one token",
        "\"!\":1,|\"!\":-1,|whole number from 0 to 4194303; got -1",
        "\"!\":1,|\"!\":4194304,|whole number from 0 to 4194303; got 4194304",
        "\"!\":1,|\"!\":99999999999999999999,|whole number from 0 to",
        "\"!\":1,|\"!\":1.5,|whole number from 0 to 4194303; got 1.5",
        "\"!\":1,|\"!\":\"1\",|whole number from 0 to 4194303; got \"1\"",
        "\"!\":1,|\"!\":1,\"!\":1,|field \"!\" appears twice",
        "\"!\":1,||for byte 0x21 is missing",
        "\"!\":1,|\"\\ud800\":1,|surrogate",
        "\"merges\":[|\"merges\":[\"a\",|merges[0]: a merge must be two tokens",
        "\"merges\":[|\"merges\":[[\"a\"],|field model.merges[0]: a merge must be a pair",
        "\"merges\":[|\"merges\":[[\"a\",\"b\",\"c\"],|merges[0]: a merge must be a pair",
        "\"merges\":[|\"merges\":[7,|field model.merges[0]: must be an array",
        "\"merges\":[|\"merges\":[[\"Q\",\"Q\"],|\"QQ\" is not",
        "\"merges\":[|\"merges\":[[\"Ġ\",\"t\"],|listed twice",
        "\"merges\":[|\"no\":[|field model.merges: must be an array; got nothing",
        "\"vocab\":{|\"no\":{|field model.vocab: must be an object; got nothing",
        "\"type\":\"BPE\"|\"type\":\"Unigram\"|model.type: this kind of model is not",
        "\"type\":\"BPE\"|\"type\":\"WordPiece\"|supported are byte-level BPE",
        "\"byte_fallback\":false|\"byte_fallback\":true|field model.byte_fallback",
        "\"dropout\":null|\"dropout\":0.1|field model.dropout: must be null or 0",
        "\"end_of_word_suffix\":null|\"end_of_word_suffix\":\"</w>\"|suffix: must be empty",
        "\"normalizer\":null|\"normalizer\":{\"type\":\"Lowercase\"}|field normalizer.type",
        "\"decoder\":{\"type\":\"ByteLevel\"|\"decoder\":{\"type\":\"BPEDecoder\"|decoder must be",
        "\"pre_tokenizer\":{|\"pre_tokenizer\":null,\"x\":{|last pre-tokenizer must be",
        "\"version\":\"1.0\"|\"version\":\"2.0\"|field version: must be \"1.0\"",
        "\"id\":901|\"id\":900|id 900 belongs to \"<|pad|>\" already",
        "\"id\":901|\"id\":5|id 5 belongs to \"%\" in the vocabulary",
        "\"id\":0|\"id\":950|the vocabulary gives this text 0",
        "\"content\":\"<mask>\"|\"content\":\"<wide>\"|this token is added twice",
        "\"content\":\"<mask>\"|\"content\":\"\"|must not be empty",
        "\"content\":\"<mask>\"|\"content\":null|content: must be a string; got nothing",
        "\"lstrip\":true|\"lstrip\":\"yes\"|lstrip: must be true or false; got \"yes\"",
      })
  void aWrongFieldIsNamedWithItsRule(String from, String to, String message) throws IOException {
    String base = TinyTokenizer.json();
    int at = base.indexOf(from);
    assertThat(at).as(from).isNotNegative();
    String tail = base.substring(at + from.length());
    assertRefused(base.substring(0, at) + (to == null ? "" : to) + tail, message);
  }

  @Test
  void anExpressionThatIsNotKnownIsRefused() throws IOException {
    String json = TinyTokenizer.json();
    String level = "{\"type\":\"ByteLevel\",\"add_prefix_space\":false";
    String split =
        "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":"
            + "\"(a+)+$\"},\"behavior\":\"Isolated\",\"invert\":false}]},\"x\":"
            + level;
    int at = json.indexOf(level);
    assertThat(at).isNotNegative();
    String tail = json.substring(at + level.length());
    assertRefused(json.substring(0, at) + split + tail, "the last pre-tokenizer must be ByteLevel");
    String withLevel = split.replace("false}]}", "false},{\"type\":\"ByteLevel\"}]}");
    assertRefused(json.substring(0, at) + withLevel + tail, "not among those known");
    String removed = withLevel.replace("Isolated", "Removed");
    assertRefused(json.substring(0, at) + removed + tail, "behavior must be \"Isolated\"");
  }

  @Test
  void whatIsNoJsonIsRefused() throws IOException {
    assertRefused("", "empty or ends early");
    assertRefused("{", "not valid JSON at line 1");
    assertRefused("null", "must be an object");
    assertRefused("[]", "must be an object");
    assertRefused("{} {}", "more content follows");
    assertRefused("{'a': 1}", "not valid JSON");
    assertRefused("[".repeat(100_000), "not valid JSON", "nesting depth");
    assertRefused("{\"a\":".repeat(100_000), "not valid JSON", "nesting depth");
    assertRefused("{\"a\":" + "9".repeat(100_000) + "}", "not valid JSON");
    Files.write(folder.resolve("tokenizer.json"), new byte[] {'{', (byte) 0xC0, '}'});
    assertThatThrownBy(() -> TokenizerFiles.load(folder)).hasMessageContaining("must be UTF-8");
  }

  @Test
  void aTruncatedFileIsRefusedWhereverItEnds() throws IOException {
    byte[] whole = TinyTokenizer.json().getBytes(StandardCharsets.UTF_8);
    SplittableRandom random = new SplittableRandom(SEED);
    for (int i = 0; i < 40; i++) {
      int end = random.nextInt(whole.length - 1);
      Files.write(folder.resolve("tokenizer.json"), Arrays.copyOf(whole, end));
      assertThatThrownBy(() -> TokenizerFiles.load(folder))
          .as("seed " + SEED + ", " + end + " bytes")
          .isInstanceOf(FormatException.class);
    }
  }

  @Test
  void aDamagedFileIsReadOrRefusedButNeverBreaksTheReader() throws IOException {
    byte[] whole = TinyTokenizer.json().getBytes(StandardCharsets.UTF_8);
    SplittableRandom random = new SplittableRandom(SEED + 1);
    int refused = 0;
    for (int i = 0; i < 100; i++) {
      byte[] damaged = whole.clone();
      for (int k = 0; k < 3; k++) damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
      Files.write(folder.resolve("tokenizer.json"), damaged);
      try {
        TokenizerFiles.load(folder).encode("the <|endoftext|> 文");
      } catch (FormatException e) {
        refused++;
        assertThat(e).as("seed " + (SEED + 1)).hasMessageContaining("tokenizer.json");
      }
    }
    assertThat(refused).isGreaterThan(30);
  }
}
