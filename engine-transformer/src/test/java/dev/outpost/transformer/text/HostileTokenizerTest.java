package dev.outpost.transformer.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.io.FormatException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
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
        "\"dropout\":null|\"dropout\":0.1|field model.dropout: must be null or 0",
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

  /** The small tokenizer with one of its parts replaced. */
  private Tokenizer with(String part, String json) throws IOException {
    Path file = Files.writeString(folder.resolve("part.json"), json);
    return TinyTokenizer.with(folder, false, Map.of(part, Json.read(file).value()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "normalizer|{'type':'Uppercase'}|normalizer.type: this normalizer is not supported",
        "normalizer|{'type':'Replace','content':'a'}|normalizer.pattern: must be an object",
        "normalizer|{'type':'Replace','pattern':{'String':''},'content':'a'}|must not be empty",
        "normalizer|{'type':'Replace','pattern':{'Regex':'(a'},'content':''}|has a ( without its )",
        "normalizer|{'type':'Replace','pattern':{'Regex':'(a)\\\\1'},'content':''}|has \\1, which is",
        "normalizer|{'type':'Replace','pattern':{'Regex':'a{2}?'},'content':''}|{n}?, which is not",
        "normalizer|{'type':'Replace','pattern':{'Regex':'*'},'content':''}|repeats nothing",
        "normalizer|{'type':'Replace','pattern':{'Regex':'\\\\p{Klingon}'},'content':''}|Klingon",
        "normalizer|{'type':'Replace','pattern':{'Regex':'\\\\p'},'content':''}|without {name}",
        "normalizer|{'type':'Replace','pattern':{'Regex':'[a'},'content':''}|has a [ without its ]",
        "normalizer|{'type':'Replace','pattern':{'Regex':'[b-a]'},'content':''}|is no regular",
        "normalizer|{'type':'Replace','pattern':{'Regex':'(?x: a)'},'content':''}|kind of group",
        "normalizer|{'type':'Replace','pattern':{'Regex':'\\\\'},'content':''}|ends early",
        "normalizer|{'type':'Precompiled','precompiled_charsmap':'?'}|must be base64",
        "normalizer|{'type':'Precompiled','precompiled_charsmap':'AAA='}|the trie's size must be",
        "normalizer|{'type':'Precompiled','precompiled_charsmap':'/////w=='}|the trie's size must be",
        "normalizer|{'type':'Precompiled','precompiled_charsmap':'BAAAAAAAAAD/'}|must be UTF-8",
        "pre_tokenizer|{'type':'UnicodeScripts'}|this pre-tokenizer is not supported",
        "pre_tokenizer|{'type':'Punctuation','behavior':'Deleted'}|must be one of Removed, Isolated",
        "pre_tokenizer|{'type':'Metaspace','replacement':'ab'}|must be one character",
        "pre_tokenizer|{'type':'Metaspace','replacement':'_','prepend_scheme':'x'}|always, first or",
        "pre_tokenizer|{'type':'FixedLength','length':0}|whole number from 1",
        "decoder|{'type':'CTC'}|this decoder is not supported",
        "decoder|{'type':'Strip','content':'','start':0,'stop':0}|must be one character",
        "decoder|{'type':'Strip','content':' ','start':-1,'stop':0}|whole number from 0",
        "post_processor|{'type':'X'}|this post-processor is not supported",
        "post_processor|{'type':'BertProcessing','cls':['a',1],'sep':['b']}|a token and its id",
        "post_processor|{'type':'TemplateProcessing','single':[{'SpecialToken':{'id':'X',"
            + "'type_id':0}}],'pair':[],'special_tokens':{}}|must be among special_tokens",
        "post_processor|{'type':'TemplateProcessing','single':[{'Sequence':{'id':'C',"
            + "'type_id':0}}],'pair':[],'special_tokens':{}}|must be A or B",
        "post_processor|{'type':'TemplateProcessing','single':[{'Sequence':{'id':'B',"
            + "'type_id':0}}],'pair':[],'special_tokens':{}}|must not use the second text",
        "post_processor|{'type':'TemplateProcessing','single':[{'Sequence':{'id':'A',"
            + "'type_id':-1}}],'pair':[],'special_tokens':{}}|whole number from 0",
        "truncation|{'strategy':'X'}|must be LongestFirst, OnlyFirst or OnlySecond",
        "padding|{'strategy':'X'}|must be BatchLongest or",
        "padding|{'strategy':{'Fixed':-1}}|whole number from 0",
        "model|{'type':'Markov'}|supported are BPE, Unigram, WordPiece and WordLevel",
        "model|{'type':'Unigram','vocab':[['a']]}|vocab[0]: must be a token and its score",
        "model|{'type':'Unigram','vocab':[['a',0]],'unk_id':1}|whole number from 0 to 0",
        "model|{'type':'WordPiece','vocab':{'a':0},'unk_token':'b'}|must be in the vocabulary",
        "model|{'type':'BPE','vocab':{},'merges':[],'unk_token':'b'}|must be in the vocabulary",
      })
  void aWrongPartIsNamedWithItsRule(String part, String json, String message) {
    assertThatThrownBy(() -> with(part, json.replace('\'', '"')))
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll("tokenizer.json", "field " + part, message);
  }

  @Test
  void anExpressionThatTakesForeverIsStopped() throws IOException {
    String level = "{\"type\":\"ByteLevel\",\"add_prefix_space\":false}";
    for (String hostile : List.of("(a+)+b", "(a|aa)+$b", "(a|b)*c", "(?=(a+)+b)c")) {
      String steps =
          "{\"type\":\"Split\",\"pattern\":{\"Regex\":\""
              + hostile
              + "\"},\"behavior\":\"Isolated\"},"
              + level;
      Tokenizer tokenizer =
          with("pre_tokenizer", "{\"type\":\"Sequence\",\"pretokenizers\":[" + steps + "]}");
      assertThat(tokenizer.decode(tokenizer.encode("aab"))).isEqualTo("aab");
      assertThatThrownBy(() -> tokenizer.encode("a".repeat(50_000)))
          .as(hostile)
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("takes too many steps");
    }
  }

  @Test
  void deepNestingOfAnExpressionIsRefused() {
    for (String deep : List.of("(".repeat(4000) + ")".repeat(4000), "[".repeat(4000))) {
      assertThatThrownBy(() -> SplitExpression.of(deep)).hasMessageContaining("nested");
    }
    assertThatThrownBy(() -> SplitExpression.of("a".repeat(9000)))
        .hasMessageContaining("1 to 8192 characters");
  }

  @Test
  void replacementsThatMultiplyATextAreStopped() throws IOException {
    String step =
        "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\""
            + "a".repeat(99)
            + "\"}";
    String chain = String.join(",", Collections.nCopies(9, step));
    Tokenizer tokenizer =
        with("normalizer", "{\"type\":\"Sequence\",\"normalizers\":[" + chain + "]}");
    assertThatThrownBy(() -> tokenizer.encode("aa")).hasMessageContaining("blows up a text of 2");
  }

  @Test
  void aDamagedTableOfReplacementsNeverBreaksTheReader() throws IOException {
    Json normalizer =
        Json.read(TinyTokenizer.GOLDENS.resolve("families/t5/tokenizer.json")).get("normalizer");
    byte[] map = Base64.getDecoder().decode(normalizer.get("precompiled_charsmap").text());
    SplittableRandom random = new SplittableRandom(SEED);
    for (int i = 0; i < 300; i++) {
      byte[] damaged = map.clone();
      for (int k = 0; k < 40; k++)
        damaged[4 + random.nextInt(map.length - 4)] ^= (byte) (1 << random.nextInt(8));
      try {
        Precompiled.of(damaged).apply("e\u0301 ﬁ Ａ½ \r\n x");
      } catch (IllegalArgumentException e) {
        assertThat(e).hasMessageContaining("UTF-8");
      }
    }
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
