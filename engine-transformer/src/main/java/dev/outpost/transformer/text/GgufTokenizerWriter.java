package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.GgufFile;
import dev.outpost.tensor.io.GgufMetadata;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * A tokenizer as llama.cpp wants it in a GGUF file's metadata: byte-level BPE ({@code gpt2}), words
 * cut in a way llama.cpp knows by name, or SentencePiece's BPE with byte fallback ({@code llama});
 * every row of the embedding has a token.
 */
public final class GgufTokenizerWriter {
  private static final String PREFIX = "tokenizer.ggml.";
  private static final int NORMAL = 1;
  private static final int UNKNOWN = 2;
  private static final int CONTROL = 3;
  private static final int USER_DEFINED = 4;
  private static final int UNUSED = 5;
  private static final int BYTE = 6;
  private static final String CUTS =
      "llama.cpp puts a space before a text or not, makes spaces visible, and cuts nothing";

  private final Path folder;
  private final Json root;
  private final String[] tokens;
  private final int[] types;

  private GgufTokenizerWriter(Path folder, Json root, int vocabularySize) {
    this.folder = folder;
    this.root = root;
    tokens = new String[vocabularySize];
    types = new int[vocabularySize];
    for (int i = 0; i < vocabularySize; i++) {
      tokens[i] = "[PAD" + i + "]";
      types[i] = UNUSED;
    }
  }

  /**
   * The metadata of the tokenizer in a model's folder or GGUF file.
   *
   * @param vocabularySize rows of the model's embedding
   * @throws FormatException when llama.cpp would cut words otherwise, or knows no such tokenizer
   */
  public static Map<String, Object> metadata(Path source, int vocabularySize) throws IOException {
    if (Files.isRegularFile(source)) {
      try (GgufFile file = GgufFile.open(source)) {
        return copied(file.metadata());
      }
    }
    Path file = source.resolve("tokenizer.json");
    if (!Files.isRegularFile(file))
      throw new FormatException(
          file + ": no such file; GGUF carries its tokenizer, which is made from it");
    return new GgufTokenizerWriter(source, Json.read(file), vocabularySize).metadata();
  }

  private static Map<String, Object> copied(GgufMetadata m) throws FormatException {
    Map<String, Object> out = new LinkedHashMap<>();
    for (String key : m.keys())
      if (key.startsWith("tokenizer.")) m.writable(key).ifPresent(v -> out.put(key, v));
    return out;
  }

  private Map<String, Object> metadata() throws IOException {
    Json model = root.get("model");
    if (!model.get("type").text().equals("BPE"))
      throw model.wrong("only BPE can be written to GGUF", "keep the model in its folder");
    if (model.get("byte_fallback").flag(false)) return sentencePiece(model);
    String cut = cut(root.get("pre_tokenizer"));
    tokens(model);
    List<String> merges = new ArrayList<>();
    for (Json merge : model.get("merges").items())
      merges.add(
          merge.isText()
              ? merge.text()
              : merge.items().get(0).text() + " " + merge.items().get(1).text());
    Map<String, Object> m = new LinkedHashMap<>();
    m.put(PREFIX + "model", "gpt2");
    m.put(PREFIX + "pre", cut);
    m.put(PREFIX + "tokens", List.of(tokens));
    m.put(PREFIX + "token_type", types);
    m.put(PREFIX + "merges", merges);
    roles(m);
    return m;
  }

  private void tokens(Json model) throws FormatException {
    model.get("vocab").integers(0, tokens.length - 1, (token, id) -> put(id, token, NORMAL));
    for (Json added : root.get("added_tokens").items())
      put(
          added.get("id").integer(0, tokens.length - 1),
          added.get("content").text(),
          added.get("special").flag(false) ? CONTROL : USER_DEFINED);
  }

  /** SentencePiece's BPE with byte fallback, merged by score. */
  private Map<String, Object> sentencePiece(Json model) throws IOException {
    boolean prefix = prefix();
    tokens(model);
    float[] scores = GgufScores.of(model, tokens);
    int bytes = 0;
    for (int i = 0; i < tokens.length; i++) {
      if (types[i] == NORMAL && ByteTokens.value(tokens[i]) >= 0) {
        types[i] = BYTE;
        bytes++;
      }
    }
    if (bytes != 256)
      throw model.wrong("has " + bytes + " tokens for bytes, llama.cpp needs 256", "add them");
    Map<String, Object> m = new LinkedHashMap<>();
    m.put(PREFIX + "model", "llama");
    m.put(PREFIX + "pre", "default");
    m.put(PREFIX + "tokens", List.of(tokens));
    m.put(PREFIX + "scores", scores);
    roles(m);
    if (m.get(PREFIX + "unknown_token_id") instanceof Integer unknown) types[unknown] = UNKNOWN;
    m.put(PREFIX + "token_type", types);
    m.put(PREFIX + "add_space_prefix", prefix);
    return m;
  }

  /** Whether a space is put before each text; all else around the model must be llama.cpp's. */
  private boolean prefix() throws FormatException {
    PreTokenizer.Sequence pre = PreTokenizerReader.read(root.get("pre_tokenizer"));
    TextPattern space = new TextPattern.Literal(" ");
    for (PreTokenizer step : pre.steps()) {
      // Gemma's: behind the normalizer there is no space left to cut at.
      boolean idle = step instanceof PreTokenizer.Split s && s.pattern().equals(space);
      if (!idle) throw root.get("pre_tokenizer").wrong(CUTS, "keep the model in its folder");
    }
    Normalizer.Replace escape = new Normalizer.Replace(space, Pieces.SPACE);
    Normalizer.Prepend prepend = new Normalizer.Prepend(Pieces.SPACE);
    if (NormalizerReader.read(root.get("normalizer")) instanceof Normalizer.Sequence all) {
      if (all.steps().equals(List.of(escape))) return false;
      if (all.steps().equals(List.of(prepend, escape))) return true;
    }
    throw root.get("normalizer").wrong(CUTS, "keep the model in its folder");
  }

  private void put(int id, String token, int type) {
    tokens[id] = token;
    types[id] = type;
  }

  private void roles(Map<String, Object> m) throws IOException {
    TokenizerSettings settings = new TokenizerSettings(folder);
    for (String role : List.of("bos", "unk", "pad")) {
      var token = settings.role(role + "_token");
      if (token.isEmpty()) continue;
      int id = List.of(tokens).indexOf(TokenizerSettings.content(token.get()));
      String key = role.equals("unk") ? "unknown" : role.equals("pad") ? "padding" : role;
      if (id >= 0) m.put(PREFIX + key + "_token_id", id);
    }
    OptionalInt end = TokenizerFiles.load(folder).endOfText();
    if (end.isPresent()) m.put(PREFIX + "eos_token_id", end.getAsInt());
    boolean begins = m.containsKey(PREFIX + "bos_token_id") && begins(settings);
    m.put(PREFIX + "add_bos_token", begins);
    var template = settings.config("chat_template");
    if (template.isPresent() && template.get().isText())
      m.put("tokenizer.chat_template", template.get().text());
  }

  /** Whether the reference puts a begin-of-text before every text. */
  private boolean begins(TokenizerSettings settings) throws FormatException {
    var asked = settings.config("add_bos_token");
    if (asked.isPresent()) return asked.get().flag(false);
    return template(root.get("post_processor"));
  }

  private static boolean template(Json processor) throws FormatException {
    if (processor.isNull()) return false;
    return switch (processor.get("type").text()) {
      case "Sequence" -> {
        boolean any = false;
        for (Json p : processor.get("processors").items()) any |= template(p);
        yield any;
      }
      case "TemplateProcessing" -> {
        List<Json> single = processor.get("single").items();
        yield !single.isEmpty() && !single.getFirst().get("SpecialToken").isNull();
      }
      default -> false;
    };
  }

  /** llama.cpp's name of the way words are cut. */
  private static String cut(Json pre) throws FormatException {
    List<Json> steps =
        pre.isNull()
            ? List.of()
            : pre.get("type").text().equals("Sequence")
                ? pre.get("pretokenizers").items()
                : List.of(pre);
    StringBuilder way = new StringBuilder();
    for (Json step : steps) {
      String type = step.get("type").text();
      way.append(way.isEmpty() ? "" : ", ").append(type);
      switch (type) {
        case "ByteLevel" -> {
          if (step.get("add_prefix_space").flag(true)) way.append(" with a prefix space");
          if (!step.get("use_regex").flag(true)) way.append(" alone");
        }
        case "Digits" -> way.append(step.get("individual_digits").flag(false) ? " one by one" : "");
        case "Split" -> way.append(" ").append(step.get("pattern").get("Regex").text());
        default -> {}
      }
    }
    return switch (way.toString()) {
      case "ByteLevel" -> "gpt-2";
      case "Digits one by one, ByteLevel" -> "smollm";
      default -> {
        if (way.toString().equals(split(SplitPattern.LLAMA3))) yield "llama-bpe";
        if (way.toString().equals(split(SplitPattern.QWEN2))) yield "qwen2";
        throw pre.wrong(
            "llama.cpp knows no name for this way to cut words: " + way,
            "known: those of GPT-2, SmolLM, Llama 3 and Qwen 2");
      }
    };
  }

  private static String split(String expression) {
    return "Split " + expression + ", ByteLevel alone";
  }
}
