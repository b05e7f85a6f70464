package dev.outpost.transformer.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.GgufWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A vocabulary in a GGUF file beside the same one in tokenizer.json, and beside the reference. */
class GgufTokenizerTest {
  /** What llama.cpp calls a way of cutting words, and what the goldens do. */
  private static final Map<String, String> CUTS =
      Map.of(
          "gpt-2", "gpt2",
          "smollm", "digits",
          "llama-bpe", "llama3",
          "llama3", "llama3",
          "qwen2", "qwen2");

  private static final List<String> CONTROL = List.of("<|endoftext|>", "<|pad|>");

  /** In the goldens these take white space along or need a word's end, which GGUF cannot say. */
  private static final Set<String> CONDITIONAL =
      Set.of("<mask>", "<wide>", "<word>", "<norm>", "é<norm>");

  @TempDir private Path folder;

  @Test
  void idsEqualTheReferenceForEveryWayOfCutting() throws IOException {
    int compared = 0;
    for (Map.Entry<String, String> cut : CUTS.entrySet()) {
      Tokenizer tokenizer = read(metadata(cut.getKey()));
      for (Json c : variant(cut.getValue()).get("cases").items()) {
        String text = c.get("text").text();
        if (CONDITIONAL.stream().anyMatch(text::contains)) continue;
        int[] ids = TinyTokenizer.ids(c.get("ids"));
        assertThat(tokenizer.encode(text))
            .as(cut.getKey() + ": \"" + text + "\"")
            .containsExactly(ids);
        assertThat(tokenizer.decode(ids)).isEqualTo(c.get("decoded").text());
        compared++;
      }
    }
    assertThat(compared).isGreaterThan(300);
  }

  @Test
  void difficultTextGivesTheIdsOfTokenizerJson() throws IOException {
    for (Map.Entry<String, String> cut : CUTS.entrySet()) {
      Tokenizer gguf = read(metadata(cut.getKey()));
      Tokenizer json = sameInJson(cut.getValue());
      assertThat(gguf.vocabularySize()).isEqualTo(json.vocabularySize());
      assertThat(gguf.specialTokens()).isEqualTo(json.specialTokens());
      for (String text : DifficultText.strings(61, 400)) {
        int[] ids = json.encode(text);
        assertThat(gguf.encode(text)).as(cut.getKey() + ": \"" + text + "\"").isEqualTo(ids);
        assertThat(gguf.decode(ids)).as(Arrays.toString(ids)).isEqualTo(json.decode(ids));
      }
    }
  }

  @Test
  void addedTokensAreWholeWhereverTheyStand() throws IOException {
    Tokenizer tokenizer = read(metadata("gpt-2"));
    assertThat(tokenizer.specialTokens()).isEqualTo(Map.of("<|endoftext|>", 0, "<|pad|>", 900));
    assertThat(tokenizer.endOfText()).hasValue(0);
    int a = tokenizer.id("a").orElseThrow();
    // The longest of those that begin at one place; no white space goes with them.
    assertThat(tokenizer.encode("a<|endoftext|><|a|>b<|a|>a<mask>a"))
        .containsExactly(a, 0, 906, 907, a, 901, a);
    int space = tokenizer.id("Ġ").orElseThrow();
    assertThat(tokenizer.encode(" <mask> a"))
        .containsExactly(space, 901, tokenizer.id("Ġa").orElseThrow());
  }

  @Test
  void whatIsWrittenAsAFolderReadsBackTheSame() throws IOException {
    for (String cut : CUTS.keySet()) {
      Tokenizer gguf = read(metadata(cut));
      Path copy = folder.resolve(cut);
      TokenizerFiles.save(gguf, copy);
      Tokenizer read = TokenizerFiles.load(copy);
      assertThat(read.endOfText()).isEqualTo(gguf.endOfText());
      assertThat(read.specialTokens()).isEqualTo(gguf.specialTokens());
      for (String text : DifficultText.strings(62, 200))
        assertThat(read.encode(text)).as(cut + ": \"" + text + "\"").isEqualTo(gguf.encode(text));
    }
  }

  @Test
  void metadataThatMakesNoTokenizerIsRefused() throws IOException {
    refuses("model", "t5", "supported are gpt2 (byte-level BPE) and llama (SentencePiece's BPE)");
    refuses("pre", "chameleon", "known ways to cut words: gpt-2, smollm, llama-bpe, qwen2");
    refuses("eos_token_id", 908, "tokenizer.ggml.eos_token_id");
    refuses("token_type", new int[907], "has 907 entries, tokenizer.ggml.tokens has 908");
    refuses("merges", List.of("a"), "tokenizer.ggml.merges");
    refuses("merges", List.of("zzz qqq"), "tokenizer.ggml.merges");
    refuses("merges", List.of("Ġ t", "Ġ t"), "listed twice");
    List<String> twice = tokens();
    twice.set(300, twice.get(301));
    refuses("tokens", twice, "tokenizer.ggml.tokens");
    List<String> gap = tokens();
    gap.set(gap.indexOf("a"), "no byte");
    refuses("tokens", gap, "lacks a token for byte 0x61");
    Map<String, Object> none = metadata("gpt-2");
    none.remove("tokenizer.ggml.model");
    assertThatThrownBy(() -> read(none)).hasMessageContaining("tokenizer.ggml.model");
  }

  private void refuses(String key, Object value, String message) throws IOException {
    Map<String, Object> m = metadata("gpt-2");
    m.put("tokenizer.ggml." + key, value);
    assertThatThrownBy(() -> read(m))
        .as(key)
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("tiny.gguf")
        .hasMessageContaining(message);
  }

  private Tokenizer read(Map<String, Object> metadata) throws IOException {
    Path file = folder.resolve("tiny.gguf");
    GgufWriter.write(file, metadata, List.of());
    return TokenizerFiles.load(file);
  }

  private static Map<String, Object> metadata(String cut) throws IOException {
    List<String> tokens = tokens();
    int[] types = new int[tokens.size()];
    for (int i = 0; i < types.length; i++)
      types[i] = CONTROL.contains(tokens.get(i)) ? 3 : i > 899 ? 4 : 1;
    List<String> merges = new ArrayList<>();
    for (Json merge : tiny().get("model").get("merges").items())
      merges.add(merge.items().get(0).text() + " " + merge.items().get(1).text());
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("tokenizer.ggml.model", "gpt2");
    m.put("tokenizer.ggml.pre", cut);
    m.put("tokenizer.ggml.tokens", tokens);
    m.put("tokenizer.ggml.token_type", types);
    m.put("tokenizer.ggml.merges", merges);
    m.put("tokenizer.ggml.eos_token_id", 0);
    m.put("tokenizer.ggml.padding_token_id", 900);
    return m;
  }

  private static List<String> tokens() throws IOException {
    Tokenizer tiny = TinyTokenizer.load();
    List<String> tokens = new ArrayList<>();
    for (int i = 0; i < tiny.vocabularySize(); i++) tokens.add(tiny.token(i));
    return tokens;
  }

  /** The vocabulary as tokenizer.json, its added tokens without conditions as GGUF has them. */
  private Tokenizer sameInJson(String variant) throws IOException {
    List<Object> added = new ArrayList<>();
    List<String> tokens = tokens();
    for (int i = 0; i < tokens.size(); i++) {
      boolean control = CONTROL.contains(tokens.get(i));
      if (control || i > 899)
        added.add(
            Map.of(
                "id", i,
                "content", tokens.get(i),
                "single_word", false,
                "lstrip", false,
                "rstrip", false,
                "normalized", false,
                "special", control));
    }
    Json v = variant(variant);
    Map<String, Object> replaced = new LinkedHashMap<>();
    replaced.put("added_tokens", added);
    replaced.put("normalizer", v.get("normalizer").value());
    replaced.put("pre_tokenizer", v.get("pre_tokenizer").value());
    return TinyTokenizer.with(folder, v.get("ignore_merges").flag(false), replaced);
  }

  private static Json variant(String name) throws IOException {
    for (Json v : Json.read(TinyTokenizer.GOLDENS.resolve("goldens.json")).get("variants").items())
      if (v.get("name").text().equals(name)) return v;
    throw new AssertionError("no golden " + name);
  }

  private static Json tiny() throws IOException {
    return Json.read(TinyTokenizer.GOLDENS.resolve("tiny").resolve("tokenizer.json"));
  }
}
