package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.GgufFile;
import dev.outpost.tensor.io.GgufMetadata;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads the tokenizer in a GGUF file's metadata: byte-level BPE, which llama.cpp calls gpt2, or
 * SentencePiece's BPE, which it calls llama.
 */
final class GgufTokenizer {
  static final String PREFIX = "tokenizer.ggml.";
  private static final long CONTROL = 3;
  private static final long USER_DEFINED = 4;

  private GgufTokenizer() {}

  static Tokenizer read(Path path) throws IOException {
    try (GgufFile file = GgufFile.open(path)) {
      return read(file.metadata());
    }
  }

  static Tokenizer read(GgufMetadata m) throws FormatException {
    String model = m.text(PREFIX + "model");
    if (!model.equals("gpt2") && !model.equals("llama"))
      throw m.wrong(
          PREFIX + "model",
          "is \""
              + model
              + "\"; supported are gpt2 (byte-level BPE) and llama (SentencePiece's BPE)");
    List<@Nullable String> tokens = new ArrayList<>(m.texts(PREFIX + "tokens"));
    if (tokens.size() > VocabularyReader.MAX_ID)
      throw m.wrong(PREFIX + "tokens", "has " + tokens.size() + " tokens; too many");
    TokenRoles roles =
        new TokenRoles(
            role(m, "bos", tokens),
            role(m, "eos", tokens),
            role(m, "unknown", tokens),
            role(m, "padding", tokens));
    if (model.equals("llama")) return GgufSentencePiece.read(m, roles);
    List<AddedToken> added = added(m, tokens);
    Vocabulary vocabulary = VocabularyReader.of(m, tokens, m.texts(PREFIX + "merges"));
    boolean wholeWords = m.optionalText(PREFIX + "pre").orElse("").startsWith("llama");
    PipelineTokenizer read =
        new PipelineTokenizer(
            new PipelineTokenizer.Settings(
                new ByteLevelBpe(vocabulary, wholeWords), added, stages(m).unspelled(), roles));
    return read.framed(
        m.flag(PREFIX + "add_bos_token", false), m.flag(PREFIX + "add_eos_token", false));
  }

  private static @Nullable String role(GgufMetadata m, String role, List<@Nullable String> tokens)
      throws FormatException {
    String key = PREFIX + role + "_token_id";
    return m.has(key) ? tokens.get(m.integer(key, 0, tokens.size() - 1)) : null;
  }

  /** Takes the tokens that are looked for in the text out of {@code tokens}. */
  private static List<AddedToken> added(GgufMetadata m, List<@Nullable String> tokens)
      throws FormatException {
    if (!m.has(PREFIX + "token_type")) return List.of();
    List<Long> types = m.integers(PREFIX + "token_type");
    if (types.size() != tokens.size())
      throw m.wrong(
          PREFIX + "token_type",
          "has " + types.size() + " entries, tokenizer.ggml.tokens has " + tokens.size());
    List<AddedToken> added = new ArrayList<>();
    java.util.Set<String> contents = new java.util.HashSet<>();
    for (int i = 0; i < types.size(); i++) {
      String token = tokens.get(i);
      boolean control = types.get(i) == CONTROL;
      if (token == null || !control && types.get(i) != USER_DEFINED) continue;
      if (token.isEmpty()) throw m.wrong(PREFIX + "tokens", "has an empty added token, id " + i);
      if (!contents.add(token))
        throw m.wrong(PREFIX + "tokens", "has \"" + token + "\" twice, once as id " + i);
      added.add(
          control
              ? AddedToken.special(token, i)
              : new AddedToken(token, i, false, false, false, false, false));
      tokens.set(i, null);
    }
    return added;
  }

  private static Stages stages(GgufMetadata m) throws FormatException {
    String cut = m.optionalText(PREFIX + "pre").orElse("gpt-2");
    return switch (cut) {
      case "gpt-2" -> Stages.byteLevel(false, null, false);
      case "smollm" -> Stages.byteLevelDigits();
      case "llama-bpe", "llama3" -> Stages.byteLevel(false, SplitPattern.LLAMA3, false);
      case "qwen2" -> Stages.byteLevel(false, SplitPattern.QWEN2, true);
      default ->
          throw m.wrong(
              PREFIX + "pre",
              "is \""
                  + cut
                  + "\"; known ways to cut words: gpt-2, smollm, llama-bpe, qwen2. Use the"
                  + " model's Hugging Face folder");
    };
  }
}
