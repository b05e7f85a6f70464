package dev.outpost.transformer.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.io.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer.Form;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizerFilesTest {
  @TempDir Path folder;

  private static final Path LEGACY = TinyTokenizer.GOLDENS.resolve("legacy");

  private static PipelineTokenizer.Settings settings(Tokenizer tokenizer) {
    return ((PipelineTokenizer) tokenizer).settings();
  }

  private static Vocabulary vocabulary(Tokenizer tokenizer) {
    return ((ByteLevelBpe) settings(tokenizer).model()).vocabulary();
  }

  private void copyLegacy(String... files) throws IOException {
    for (String f : files) Files.copy(LEGACY.resolve(f), folder.resolve(f));
  }

  private void write(String file, String text) throws IOException {
    Files.writeString(folder.resolve(file), text);
  }

  private void assertSameIds(Tokenizer got, Tokenizer want, long seed) {
    for (String text : DifficultText.strings(seed, 200)) {
      assertThat(got.encode(text)).as("seed " + seed).isEqualTo(want.encode(text));
    }
  }

  @Test
  void vocabularyAndMergesGiveTheSameIdsAsTokenizerJson() throws IOException {
    Tokenizer legacy = TokenizerFiles.load(LEGACY);
    Tokenizer json = TinyTokenizer.load();
    assertThat(legacy.vocabularySize()).isEqualTo(900);
    assertThat(legacy.specialTokens()).isEqualTo(Map.of("<|endoftext|>", 0));
    assertThat(legacy.endOfText()).hasValue(0);
    assertThat(vocabulary(legacy)).isEqualTo(vocabulary(json));
    String text = "the cat's <|endoftext|>\r\n   naïve 👩‍👩‍👧";
    assertThat(legacy.encode(text)).isEqualTo(json.encode(text));
  }

  @Test
  void withoutAnyOtherFileTheCustomaryEndOfTextIsSpecial() throws IOException {
    copyLegacy("vocab.json", "merges.txt");
    assertThat(TokenizerFiles.load(folder).encode("a<|endoftext|>")).hasSize(2).endsWith(0);
  }

  @Test
  void addedTokensComeFromWhereverTheyAreDeclared() throws IOException {
    copyLegacy("vocab.json", "merges.txt");
    write("added_tokens.json", "{\"<one>\": 900, \"<two>\": 901, \"<three>\": 902}");
    write("special_tokens_map.json", "{\"eos_token\": \"<one>\", \"pad_token\": null}");
    write(
        "tokenizer_config.json",
        """
        {"tokenizer_class": "GPT2TokenizerFast", "add_prefix_space": true,
         "additional_special_tokens": ["<three>", {"content": "<|endoftext|>", "lstrip": true}],
         "added_tokens_decoder": {"901": {"content": "<two>", "lstrip": true, "special": false}}}
        """);
    Tokenizer tokenizer = TokenizerFiles.load(folder);
    assertThat(tokenizer.specialTokens().keySet())
        .containsExactly("<|endoftext|>", "<one>", "<three>");
    assertThat(tokenizer.endOfText()).hasValue(900);
    int a = tokenizer.id("Ġa").orElseThrow();
    assertThat(tokenizer.encode("a  <two> <one>a  <|endoftext|>"))
        .containsExactly(a, 901, tokenizer.id("Ġ").orElseThrow(), 900, a, 0);
  }

  @Test
  void qwensOlderFilesAreCutAsQwenCuts() throws IOException {
    copyLegacy("vocab.json", "merges.txt");
    write("tokenizer_config.json", "{\"tokenizer_class\": \"Qwen2Tokenizer\"}");
    Stages stages = settings(TokenizerFiles.load(folder)).stages();
    assertThat(stages.normalizer()).isEqualTo(new Normalizer.UnicodeForm(Form.NFC));
    assertThat(stages.source().get("pre_tokenizer").toString()).contains(SplitPattern.QWEN2);
  }

  @Test
  void whatIsWrittenReadsBackTheSame() throws IOException {
    Json goldens = Json.read(TinyTokenizer.GOLDENS.resolve("goldens.json"));
    for (Json variant : goldens.get("variants").items()) {
      Map<String, Object> cut = Map.of("pre_tokenizer", variant.get("pre_tokenizer").value());
      Tokenizer tokenizer = TinyTokenizer.with(folder, true, cut);
      Path copy = folder.resolve("copy");
      TokenizerFiles.save(tokenizer, copy);
      Tokenizer read = TokenizerFiles.load(copy);
      PipelineTokenizer.Settings want = settings(tokenizer);
      assertThat(vocabulary(read)).isEqualTo(vocabulary(tokenizer));
      assertThat(settings(read).added()).isEqualTo(want.added());
      assertThat(settings(read).stages().source()).isEqualTo(want.stages().source());
      assertThat(((ByteLevelBpe) settings(read).model()).wholeWords()).isTrue();
      assertThat(settings(read).roles()).isEqualTo(want.roles());
      assertSameIds(read, tokenizer, 51);
      assertThat(copy).isDirectoryNotContaining(f -> f.toString().endsWith(".tmp"));
    }
  }

  @Test
  void whatIsWrittenAlsoHasTheOlderFiles() throws IOException {
    Tokenizer tokenizer = TinyTokenizer.load();
    TokenizerFiles.save(tokenizer, folder);
    Files.delete(folder.resolve("tokenizer.json"));
    // The general class does not say how text is cut; who uses the older files has to.
    assertThatThrownBy(() -> TokenizerFiles.load(folder)).hasMessageContaining("tokenizer.json");
    String config = Files.readString(folder.resolve("tokenizer_config.json"));
    write("tokenizer_config.json", config.replace("PreTrainedTokenizerFast", "GPT2Tokenizer"));
    assertSameIds(TokenizerFiles.load(folder), tokenizer, 52);
  }

  @Test
  void theEndOfTextIsTheOneTheFilesName() throws IOException {
    write("tokenizer.json", TinyTokenizer.json());
    write("special_tokens_map.json", "{\"eos_token\": \"<|endoftext|>\"}");
    write("tokenizer_config.json", "{\"eos_token\": {\"content\": \"<|pad|>\"}}");
    assertThat(TokenizerFiles.load(folder).endOfText()).hasValue(900);
    write("tokenizer_config.json", "{\"eos_token\": \"<nowhere>\"}");
    assertThatThrownBy(() -> TokenizerFiles.load(folder))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("tokenizer_config.json: field eos_token: the token that ends a text")
        .hasMessageContaining("\"<nowhere>\"");
  }

  @Test
  void theFileOfGpt2ItselfNamesNoModelType() throws IOException {
    String json = TinyTokenizer.json();
    String old =
        json.replace("\"type\":\"BPE\",", "")
            .replace("\"continuing_subword_prefix\":null", "\"continuing_subword_prefix\":\"\"");
    assertThat(old).isNotEqualTo(json);
    write("tokenizer.json", old);
    assertSameIds(TokenizerFiles.load(folder), TinyTokenizer.load(), 53);
  }

  @Test
  void mergesMayBePairsOrSpacedTexts() throws IOException {
    String json = TinyTokenizer.json();
    String token = "\"((?:[^\"\\\\]|\\\\.)+)\"";
    String spaced = json.replaceAll("\\[" + token + "," + token + "\\]", "\"$1 $2\"");
    assertThat(json.contains("[\"Ġ\",\"t\"]")).isNotEqualTo(spaced.contains("[\"Ġ\",\"t\"]"));
    write("tokenizer.json", spaced.replace("\"merges\":[", "\"merges\":[\"#version: 0.2\","));
    assertSameIds(TokenizerFiles.load(folder), TinyTokenizer.load(), 54);
  }

  @Test
  void idsMayHaveHoles() throws IOException {
    write("tokenizer.json", TinyTokenizer.json().replace("\"id\":907", "\"id\":1000"));
    Tokenizer tokenizer = TokenizerFiles.load(folder);
    assertThat(tokenizer.vocabularySize()).isEqualTo(1001);
    assertThatThrownBy(() -> tokenizer.token(950)).hasMessageContaining("no token has id 950");
    assertThat(tokenizer.decode(950)).isEmpty();
  }

  @Test
  void aFolderWithoutATokenizerIsSaidToBeOne() {
    assertThatThrownBy(() -> TokenizerFiles.load(folder))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining(folder.toString())
        .hasMessageContaining(
            "expected tokenizer.json, or vocab.json with merges.txt, or tokenizer");
    assertThatThrownBy(() -> TokenizerFiles.load(folder.resolve("absent")))
        .hasMessageContaining("no such folder");
  }

  @Test
  void aMergesFileIsCheckedLineByLine() throws IOException {
    copyLegacy("vocab.json");
    for (String line : List.of("a", "a b c", " a", "a ", "zzz qqq", "a\tb")) {
      write("merges.txt", "#version: 0.2\nĠ t\n" + line + "\n");
      assertThatThrownBy(() -> TokenizerFiles.load(folder))
          .as(line)
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("merges.txt: line 3: ")
          .hasMessageContaining("same tokenizer");
    }
    write("merges.txt", "Ġ t\nĠ t\n");
    assertThatThrownBy(() -> TokenizerFiles.load(folder))
        .hasMessageContaining("line 2")
        .hasMessageContaining("listed twice");
    Files.write(folder.resolve("merges.txt"), new byte[] {'a', ' ', (byte) 0xFF});
    assertThatThrownBy(() -> TokenizerFiles.load(folder)).hasMessageContaining("must be UTF-8");
  }
}
