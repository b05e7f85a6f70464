package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;
import java.math.BigInteger;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What stands around the model.
 *
 * @param options truncation and padding as the file asks for them, special tokens added
 * @param source the parts of tokenizer.json these were read from, for writing it again
 */
record Stages(
    Normalizer normalizer,
    PreTokenizer.Sequence preTokenizer,
    PostProcessor postProcessor,
    Detokenizer detokenizer,
    EncodingOptions options,
    Map<String, @Nullable Object> source) {
  private static final List<String> SOURCE =
      List.of("normalizer", "pre_tokenizer", "post_processor", "decoder", "truncation", "padding");

  /** Reads the stages of a tokenizer.json. */
  static Stages read(Json root) throws FormatException {
    Map<String, @Nullable Object> source = new HashMap<>();
    for (String part : SOURCE) source.put(part, root.get(part).value());
    return new Stages(
        NormalizerReader.read(root.get("normalizer")),
        PreTokenizerReader.read(root.get("pre_tokenizer")),
        PostProcessorReader.read(root.get("post_processor")),
        DetokenizerReader.read(root.get("decoder")),
        new EncodingOptions(
            true,
            OptionsReader.truncation(root.get("truncation")),
            OptionsReader.padding(root.get("padding"))),
        Collections.unmodifiableMap(source));
  }

  /**
   * The stages of a byte-level tokenizer whose words are cut by {@code expression}, or as GPT-2
   * does where that is null.
   */
  static Stages byteLevel(boolean addPrefixSpace, @Nullable String expression, boolean nfc) {
    Map<String, @Nullable Object> last = byteLevel(addPrefixSpace, expression == null);
    Object words =
        expression == null
            ? last
            : Map.of("type", "Sequence", "pretokenizers", List.of(split(expression), last));
    Map<String, @Nullable Object> root = new HashMap<>();
    root.put("normalizer", nfc ? Map.of("type", "NFC") : null);
    root.put("pre_tokenizer", words);
    root.put("post_processor", byteLevel(true, true));
    root.put("decoder", byteLevel(true, true));
    try {
      return read(Json.of(Path.of("tokenizer.json"), root));
    } catch (FormatException e) {
      throw new IllegalStateException(e);
    }
  }

  /** As {@link #byteLevel}, each digit alone before GPT-2's cut. */
  static Stages byteLevelDigits() {
    Stages plain = byteLevel(false, null, false);
    Map<String, @Nullable Object> root = new HashMap<>(plain.source);
    root.put(
        "pre_tokenizer",
        Map.of(
            "type",
            "Sequence",
            "pretokenizers",
            List.of(Map.of("type", "Digits", "individual_digits", true), byteLevel(false, true))));
    try {
      return read(Json.of(Path.of("tokenizer.json"), root));
    } catch (FormatException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * The stages of SentencePiece's BPE: spaces made visible, nothing cut.
   *
   * @param addPrefixSpace whether a space is put before each text
   */
  static Stages sentencePiece(boolean addPrefixSpace) {
    Map<String, @Nullable Object> escape = replace(" ", Pieces.SPACE);
    List<Map<String, @Nullable Object>> decoders = new java.util.ArrayList<>();
    decoders.add(replace(Pieces.SPACE, " "));
    decoders.add(TokenizerWriter.object("type", "ByteFallback"));
    decoders.add(TokenizerWriter.object("type", "Fuse"));
    if (addPrefixSpace)
      decoders.add(
          TokenizerWriter.object(
              "type", "Strip", "content", " ", "start", BigInteger.ONE, "stop", BigInteger.ZERO));
    Map<String, @Nullable Object> root = new HashMap<>();
    root.put(
        "normalizer",
        addPrefixSpace
            ? TokenizerWriter.object(
                "type",
                "Sequence",
                "normalizers",
                List.of(TokenizerWriter.object("type", "Prepend", "prepend", Pieces.SPACE), escape))
            : escape);
    root.put("decoder", TokenizerWriter.object("type", "Sequence", "decoders", decoders));
    try {
      return read(Json.of(Path.of("tokenizer.json"), root));
    } catch (FormatException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Map<String, @Nullable Object> replace(String text, String by) {
    return TokenizerWriter.object(
        "type", "Replace", "pattern", Map.of("String", text), "content", by);
  }

  private static Map<String, @Nullable Object> byteLevel(boolean prefix, boolean cut) {
    return TokenizerWriter.object(
        "type", "ByteLevel", "add_prefix_space", prefix, "trim_offsets", true, "use_regex", cut);
  }

  private static Map<String, @Nullable Object> split(String expression) {
    return TokenizerWriter.object(
        "type",
        "Split",
        "pattern",
        Map.of("Regex", expression),
        "behavior",
        "Isolated",
        "invert",
        false);
  }

  /** Whether the words come out spelled in the alphabet of bytes. */
  boolean endsInByteLevel() {
    return lastStep().filter(PreTokenizer.ByteLevel.class::isInstance).isPresent();
  }

  private Optional<PreTokenizer> lastStep() {
    List<PreTokenizer> steps = preTokenizer.steps();
    return steps.isEmpty() ? Optional.empty() : Optional.of(steps.getLast());
  }

  /** The same stages, words not spelled: for a model that takes their bytes itself. */
  Stages unspelled() {
    if (!(lastStep().orElse(null) instanceof PreTokenizer.ByteLevel last)) return this;
    List<PreTokenizer> steps = new java.util.ArrayList<>(preTokenizer.steps());
    steps.set(
        steps.size() - 1, new PreTokenizer.ByteLevel(last.addPrefixSpace(), last.cut(), false));
    return new Stages(
        normalizer,
        new PreTokenizer.Sequence(List.copyOf(steps)),
        postProcessor,
        detokenizer,
        options,
        source);
  }

  Stages withNormalizer(Normalizer other) {
    return new Stages(other, preTokenizer, postProcessor, detokenizer, options, source);
  }

  Stages withPostProcessor(PostProcessor other) {
    return new Stages(normalizer, preTokenizer, other, detokenizer, options, source);
  }
}
