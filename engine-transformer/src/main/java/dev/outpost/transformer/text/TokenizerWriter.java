package dev.outpost.transformer.text;

import dev.outpost.tensor.io.AtomicFile;
import dev.outpost.tensor.io.FormatException;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/** Writes a tokenizer in the files that Hugging Face's libraries read. */
final class TokenizerWriter {
  private final PipelineTokenizer.Settings settings;

  TokenizerWriter(PipelineTokenizer.Settings settings) {
    this.settings = settings;
  }

  void write(Path folder) throws IOException {
    Map<String, @Nullable Object> tokenizer = tokenizer();
    if (settings.model() instanceof ByteLevelBpe model) {
      writeText(folder.resolve("vocab.json"), json(ModelJson.byId(model.ids())));
      String merges = String.join("\n", ModelJson.spaced(model.vocabulary()));
      writeText(folder.resolve("merges.txt"), "#version: 0.2\n" + merges + "\n");
    }
    writeText(folder.resolve("tokenizer_config.json"), json(config()));
    writeText(folder.resolve("tokenizer.json"), json(tokenizer));
  }

  private static void writeText(Path file, String text) throws IOException {
    AtomicFile.write(file, text.getBytes(StandardCharsets.UTF_8));
  }

  private Map<String, @Nullable Object> tokenizer() {
    Map<String, @Nullable Object> source = settings.stages().source();
    Map<String, @Nullable Object> root =
        object(
            "version",
            "1.0",
            "truncation",
            source.get("truncation"),
            "padding",
            source.get("padding"));
    List<Object> added = new ArrayList<>();
    for (AddedToken t : settings.added()) {
      Map<String, @Nullable Object> fields = object("id", t.id());
      fields.putAll(fields(t));
      added.add(fields);
    }
    root.put("added_tokens", added);
    for (String part : List.of("normalizer", "pre_tokenizer", "post_processor", "decoder")) {
      root.put(part, source.get(part));
    }
    // How a GGUF file or tokenizer_config.json frames texts stands in no source.
    Optional<Object> frame = frame();
    if (frame.isPresent()) root.put("post_processor", frame.get());
    root.put("model", ModelJson.of(settings.model()));
    return root;
  }

  private Optional<Object> frame() {
    PostProcessor frame = settings.stages().postProcessor();
    Json source =
        Json.of(Path.of("tokenizer.json"), settings.stages().source().get("post_processor"));
    try {
      if (PostProcessorReader.read(source).equals(frame)) return Optional.empty();
    } catch (FormatException e) {
      throw new IllegalStateException(e);
    }
    Map<String, @Nullable Object> special = object();
    return Optional.of(
        object(
            "type",
            "TemplateProcessing",
            "single",
            pieces(frame.single(), special),
            "pair",
            pieces(frame.pair(), special),
            "special_tokens",
            special));
  }

  private List<Object> pieces(
      List<PostProcessor.Piece> pieces, Map<String, @Nullable Object> special) {
    List<Object> all = new ArrayList<>();
    for (PostProcessor.Piece piece : pieces) {
      switch (piece) {
        case PostProcessor.Text t ->
            all.add(
                object(
                    "Sequence", object("id", t.index() == 0 ? "A" : "B", "type_id", t.typeId())));
        case PostProcessor.Special s -> {
          for (int id : s.ids()) {
            String token = token(id);
            all.add(object("SpecialToken", object("id", token, "type_id", s.typeId())));
            special.put(token, object("id", token, "ids", List.of(id), "tokens", List.of(token)));
          }
        }
      }
    }
    return all;
  }

  private String token(int id) {
    for (AddedToken t : settings.added()) if (t.id() == id) return t.content();
    for (Map.Entry<String, Integer> e : settings.model().ids().entrySet())
      if (e.getValue() == id) return e.getKey();
    throw new IllegalStateException("no token has id " + id);
  }

  private static Map<String, @Nullable Object> fields(AddedToken t) {
    return object(
        "content", t.content(),
        "single_word", t.singleWord(),
        "lstrip", t.lstrip(),
        "rstrip", t.rstrip(),
        "normalized", t.normalized(),
        "special", t.special());
  }

  private Map<String, @Nullable Object> config() {
    Map<String, @Nullable Object> added = new LinkedHashMap<>();
    for (AddedToken t : settings.added()) added.put(String.valueOf(t.id()), fields(t));
    TokenRoles roles = settings.roles();
    // The general class takes everything from tokenizer.json; a family's own class would build
    // its pre-tokenizer anew.
    Map<String, @Nullable Object> config =
        object(
            "tokenizer_class",
            "PreTrainedTokenizerFast",
            "add_prefix_space",
            addsPrefixSpace(),
            "clean_up_tokenization_spaces",
            false,
            "added_tokens_decoder",
            added);
    putIfKnown(config, "bos_token", roles.beginOfText());
    putIfKnown(config, "eos_token", roles.endOfText());
    putIfKnown(config, "unk_token", roles.unknown());
    putIfKnown(config, "pad_token", roles.padding());
    return config;
  }

  private boolean addsPrefixSpace() {
    List<PreTokenizer> steps = settings.stages().preTokenizer().steps();
    return !steps.isEmpty()
        && steps.getLast() instanceof PreTokenizer.ByteLevel last
        && last.addPrefixSpace();
  }

  private static void putIfKnown(
      Map<String, @Nullable Object> config, String role, @Nullable String token) {
    if (token != null) config.put(role, token);
  }

  static Map<String, @Nullable Object> object(@Nullable Object... namesAndValues) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      fields.put(String.valueOf(namesAndValues[i]), namesAndValues[i + 1]);
    }
    return fields;
  }

  static String json(Object value) {
    StringWriter text = new StringWriter();
    try (JsonGenerator g =
        JsonFactory.builder().build().createGenerator(ObjectWriteContext.empty(), text)) {
      write(g, value);
    }
    return text.append('\n').toString();
  }

  private static void write(JsonGenerator g, @Nullable Object value) {
    switch (value) {
      case null -> g.writeNull();
      case Map<?, ?> fields -> {
        g.writeStartObject();
        for (Map.Entry<?, ?> e : fields.entrySet()) {
          g.writeName(String.valueOf(e.getKey()));
          write(g, e.getValue());
        }
        g.writeEndObject();
      }
      case List<?> items -> {
        g.writeStartArray();
        for (Object item : items) write(g, item);
        g.writeEndArray();
      }
      case String s -> g.writeString(s);
      case Boolean b -> g.writeBoolean(b);
      case Number n -> g.writeNumber(n.toString());
      default -> throw new IllegalArgumentException("json: cannot write " + value.getClass());
    }
  }
}
