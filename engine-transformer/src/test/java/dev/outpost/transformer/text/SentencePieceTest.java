package dev.outpost.transformer.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.GgufWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * tokenizer.model beside the sentencepiece package; {@code make_sentencepiece_goldens.py} wrote the
 * files.
 */
class SentencePieceTest {
  private static final Path GOLDENS = TinyTokenizer.GOLDENS.resolve("sentencepiece");

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"llama", "gemma", "bpe", "unigram", "unigram_bytes", "unigram_suffix"})
  void idsAndTextEqualTheReference(String name) throws IOException {
    Tokenizer tokenizer = TokenizerFiles.load(GOLDENS.resolve(name));
    Json goldens = Json.read(GOLDENS.resolve("goldens.json"));
    List<Json> texts = goldens.get("texts").items();
    List<Json> cases = goldens.get("models").get(name).items();
    int compared = 0;
    for (int i = 0; i < texts.size(); i++) {
      String text = texts.get(i).text();
      if (spellsSpecial(tokenizer, text)) continue;
      int[] ids = TinyTokenizer.ids(cases.get(i).items().get(0));
      assertThat(tokenizer.encode(text)).as("\"%s\"", text).containsExactly(ids);
      // The second time words come from the cache.
      assertThat(tokenizer.encode(text)).as("\"%s\" again", text).containsExactly(ids);
      compared++;
    }
    assertThat(compared).isGreaterThan(110);
  }

  /** The package never takes text for a special token; models' tokenizers do. */
  private static boolean spellsSpecial(Tokenizer tokenizer, String text) {
    return tokenizer.specialTokens().keySet().stream().anyMatch(text::contains);
  }

  @Test
  void theFileNamesWhatFramesAText() throws IOException {
    Tokenizer llama = TokenizerFiles.load(GOLDENS.resolve("llama"));
    assertThat(llama.specialTokens()).isEqualTo(Map.of("<unk>", 0, "<s>", 1, "</s>", 2));
    assertThat(llama.beginOfText()).hasValue(1);
    assertThat(llama.endOfText()).hasValue(2);
    int a = llama.id("▁a").orElseThrow();
    assertThat(llama.encode("a", true)).containsExactly(1, a);
    assertThat(llama.encode("a</s>")).containsExactly(a, 2);
    assertThat(llama.decode(llama.encode("a b\n é 文 👍"))).isEqualTo("a b\n é 文 👍");
    Tokenizer t5 = TokenizerFiles.load(GOLDENS.resolve("unigram"));
    assertThat(t5.beginOfText()).isEmpty();
    assertThat(t5.encode("a", true)).containsExactly(t5.id("▁a").orElseThrow(), 1);
  }

  @Test
  void otherFilesAddTokensAndNameTheClass() throws IOException {
    Files.copy(GOLDENS.resolve("llama/tokenizer.model"), folder.resolve("tokenizer.model"));
    Path config = folder.resolve("tokenizer_config.json");
    Files.writeString(
        config,
        """
        {"tokenizer_class": "LlamaTokenizer", "add_eos_token": true, "add_bos_token": true,
         "eos_token": "<end>", "pad_token": "</s>",
         "added_tokens_decoder": {"1000": {"content": "<end>", "special": true}}}
        """);
    Tokenizer tokenizer = TokenizerFiles.load(folder);
    assertThat(tokenizer.endOfText()).hasValue(1000);
    int a = tokenizer.id("▁a").orElseThrow();
    assertThat(tokenizer.encode("a", true)).containsExactly(1, a, 1000);
    Files.writeString(config, "{\"tokenizer_class\": \"XLMRobertaTokenizer\"}");
    assertThatThrownBy(() -> TokenizerFiles.load(folder))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("tokenizer_config.json: field tokenizer_class")
        .hasMessageContaining("load it once with transformers");
  }

  @Test
  void aFileThatContradictsItselfIsRefused() throws IOException {
    refuses(bytes(), "has no pieces");
    refuses(piece("a", 0, 1), "has 0 pieces for unknown text");
    byte[] unknown = piece("<unk>", 0, 2);
    refuses(bytes(unknown, unknown), "has the piece \"<unk>\" twice");
    refuses(bytes(unknown, piece("", 0, 1)), "piece 1 is empty");
    refuses(bytes(unknown, piece("a", 0, 7)), "types of pieces lie in 1 … 6");
    refuses(bytes(unknown, piece("a", Float.NaN, 1)), "has the score NaN");
    refuses(bytes(unknown, piece("<0x41>", 0, 6)), "has 1 byte pieces");
    refuses(bytes(unknown, piece("<0xZZ>", 0, 6)), "has the byte piece \"<0xZZ>\"");
    refuses(bytes(unknown, new byte[] {0x12, 2, 0x18, 3}), "model_type is 3");
    refuses(bytes(unknown, new byte[] {0x12, 3, (byte) 0x98, 2, 1}), "has 0 byte pieces");
    refuses(unknown, "has no normal piece");
    byte[] sound = bytes(unknown, piece("a", -1, 1));
    refuses(bytes(sound, new byte[] {0x1A, 3, 0x12, 1, 9}), "precompiled_charsmap: the trie's");
    refuses(bytes(sound, new byte[] {0x0A, 3, 0x0A, 1, (byte) 0xFF}), "must be UTF-8");
  }

  @Test
  void bytesThatAreNoMessageAreRefused() throws IOException {
    refuses(new byte[] {0x0A}, "field 1 at byte 0");
    refuses(new byte[] {0x0A, 9, 1}, "asks for 9 bytes; 1 are left");
    byte[] huge = {0x0A, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1};
    refuses(huge, "asks for 18446744073709551615 bytes");
    refuses(new byte[] {0x08, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}, "more than ten bytes");
    refuses(new byte[] {0x02, 0}, "a field of number 0");
    refuses(new byte[] {0x0B, 0}, "is of wire type 3");
    refuses(new byte[] {0x0D, 0}, "ends early");
    refuses(new byte[] {0x08, 1}, "is of wire type 0; must be a message");
  }

  private void refuses(byte[] file, String message) throws IOException {
    Files.write(folder.resolve("tokenizer.model"), file);
    assertThatThrownBy(() -> TokenizerFiles.load(folder))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("tokenizer.model")
        .hasMessageContaining(message);
  }

  private static byte[] piece(String text, float score, int type) {
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    byte[] number = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(score).array();
    byte[] body =
        bytes(
            new byte[] {0x0A, (byte) utf8.length},
            utf8,
            new byte[] {0x15},
            number,
            new byte[] {0x18, (byte) type});
    return bytes(new byte[] {0x0A, (byte) body.length}, body);
  }

  private static byte[] bytes(byte[]... parts) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] part : parts) all.writeBytes(part);
    return all.toByteArray();
  }

  @Test
  void aGgufFileWithTheSamePiecesGivesTheSameIds() throws IOException {
    for (String name : List.of("llama", "gemma")) {
      Tokenizer model = TokenizerFiles.load(GOLDENS.resolve(name));
      Tokenizer gguf = gguf(metadata(name));
      assertThat(gguf.beginOfText()).isEqualTo(model.beginOfText());
      assertThat(gguf.encode("a", true)).isEqualTo(model.encode("a", true));
      int compared = 0;
      for (String text : DifficultText.strings(71, 400)) {
        // llama.cpp cuts at user-defined pieces before it looks at spaces, SentencePiece behind.
        if (userDefined(model).stream().anyMatch(text::contains)) continue;
        if (name.equals("gemma") && text.contains("  ")) continue;
        assertThat(gguf.encode(text)).as("\"%s\"", text).isEqualTo(model.encode(text));
        compared++;
      }
      assertThat(compared).isGreaterThan(150);
    }
  }

  private static List<String> userDefined(Tokenizer tokenizer) {
    return ((ScoredBpe) ((PipelineTokenizer) tokenizer).settings().model())
        .pieces().all().stream()
            .filter(p -> p.kind() == Pieces.Kind.USER_DEFINED)
            .map(Pieces.Piece::text)
            .toList();
  }

  @Test
  void whatIsWrittenReadsBackTheSame() throws IOException {
    for (String name : List.of("llama", "gemma")) {
      Tokenizer gguf = gguf(metadata(name));
      Path copy = folder.resolve(name);
      TokenizerFiles.save(gguf, copy);
      Tokenizer json = TokenizerFiles.load(copy);
      assertThat(json.specialTokens()).isEqualTo(gguf.specialTokens());
      assertThat(json.encode("a", true)).isEqualTo(gguf.encode("a", true));
      Tokenizer again = gguf(GgufTokenizerWriter.metadata(copy, gguf.vocabularySize() + 2));
      assertThat(again.specialTokens()).isEqualTo(gguf.specialTokens());
      assertThat(again.encode("a", true)).isEqualTo(gguf.encode("a", true));
      assertThat(again.endOfText()).isEqualTo(gguf.endOfText());
      for (String text : DifficultText.strings(72, 400)) {
        int[] ids = gguf.encode(text);
        assertThat(json.encode(text)).as("\"%s\"", text).isEqualTo(ids);
        assertThat(again.encode(text)).as("\"%s\"", text).isEqualTo(ids);
        assertThat(json.decode(ids)).isEqualTo(gguf.decode(ids));
      }
    }
  }

  @Test
  void whatTokenizerJsonCannotTellIsNotWritten() throws IOException {
    for (String name : List.of("gemma", "bpe", "unigram")) {
      Tokenizer tokenizer = TokenizerFiles.load(GOLDENS.resolve(name));
      assertThatThrownBy(() -> TokenizerFiles.save(tokenizer, folder))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("copy its tokenizer.model");
    }
  }

  @Test
  void mergesThatAreNoScoresAreNotWrittenToGguf() throws IOException {
    Path trained = TinyTokenizer.GOLDENS.resolve("families/llama2");
    assertThatThrownBy(() -> GgufTokenizerWriter.metadata(trained, 2000))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("its merges were not made from scores");
  }

  @Test
  void aGgufFileThatContradictsItselfIsRefused() throws IOException {
    refuses("scores", new float[] {1}, "has 1 entries, tokenizer.ggml.tokens has");
    refuses("token_type", new int[] {1}, "has 1 entries, tokenizer.ggml.tokens has");
    refuses("unknown_token_id", 100000, "must lie in 0");
    refuses("model", "t5", "supported are gpt2");
    Tokenizer llama = TokenizerFiles.load(GOLDENS.resolve("llama"));
    List<String> twice = new ArrayList<>();
    for (int id = 0; id < llama.vocabularySize(); id++) twice.add(llama.token(id));
    twice.set(300, twice.get(301));
    refuses("token_type", new int[twice.size()], "has 0 for id 0");
    refuses("tokens", twice, "twice, once as id 301");
  }

  private void refuses(String key, Object value, String message) throws IOException {
    Map<String, Object> m = metadata("llama");
    m.put("tokenizer.ggml." + key, value);
    assertThatThrownBy(() -> gguf(m))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("tokenizer.ggml." + key)
        .hasMessageContaining(message);
  }

  private Tokenizer gguf(Map<String, Object> metadata) throws IOException {
    Path file = folder.resolve("tiny.gguf");
    GgufWriter.write(file, metadata, List.of());
    return TokenizerFiles.load(file);
  }

  private static Map<String, Object> metadata(String name) throws IOException {
    Tokenizer tokenizer = TokenizerFiles.load(GOLDENS.resolve(name));
    List<Pieces.Piece> all =
        ((ScoredBpe) ((PipelineTokenizer) tokenizer).settings().model()).pieces().all();
    float[] scores = new float[all.size()];
    IntStream.range(0, scores.length).forEach(i -> scores[i] = all.get(i).score());
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("tokenizer.ggml.model", "llama");
    m.put("tokenizer.ggml.tokens", all.stream().map(Pieces.Piece::text).toList());
    m.put("tokenizer.ggml.scores", scores);
    m.put("tokenizer.ggml.token_type", all.stream().mapToInt(p -> p.kind().number()).toArray());
    m.put("tokenizer.ggml.bos_token_id", tokenizer.beginOfText().orElseThrow());
    m.put("tokenizer.ggml.eos_token_id", tokenizer.endOfText().orElseThrow());
    m.put("tokenizer.ggml.unknown_token_id", tokenizer.id("<unk>").orElseThrow());
    m.put("tokenizer.ggml.add_space_prefix", name.equals("llama"));
    return m;
  }
}
