package dev.outpost.transformer.load;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.GgufFile;
import dev.outpost.tensor.io.GgufMetadata;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.RotaryScaling;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.family.Family;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/** A model's choices as GGUF metadata, and back as a {@code config.json}. */
record GgufChoices(GgufArchitecture architecture) {
  private static final int MAX = 1 << 24;
  private static final String WINDOW = "attention.sliding_window";
  private static final String PERIOD = "attention.sliding_window_pattern";
  private static final String DIMENSIONS = "rope.dimension_count";
  private static final String SCALING = "rope.scaling.type";
  private static final String FACTOR = "rope.scaling.factor";

  /**
   * The metadata of a model.
   *
   * @param config as read, for errors
   * @throws FormatException for what llama.cpp would compute otherwise
   */
  Map<String, Object> write(Spec spec, JsonObject config) throws FormatException {
    JsonObject plain = Family.of(config).write(spec, 0);
    Map<String, Object> m = new LinkedHashMap<>();
    m.put("general.architecture", architecture.name());
    m.put(architecture.key("vocab_size"), spec.vocabularySize());
    architecture
        .fields()
        .forEach((key, field) -> {
          if (plain.value(field) instanceof Number n)
            m.put(architecture.key(key), fraction(key) ? n.floatValue() : (Object) n.intValue());
        });
    if (!m.containsKey(architecture.key("feed_forward_length")))
      m.put(architecture.key("feed_forward_length"), spec.feedForward().width());
    for (Map.Entry<String, Object> e : architecture.always().entrySet())
      if (!e.getValue().equals(plain.value(e.getKey())))
        throw wrong(config, e.getKey(), plain.value(e.getKey()), "has " + e.getValue());
    caps(spec, config);
    scale(spec, config);
    windows(spec, config, m);
    positions(spec, config, m);
    return m;
  }

  private FormatException wrong(
      JsonObject config,
      String field,
      @org.jspecify.annotations.Nullable Object value,
      String always) {
    return config.wrong(
        field, "is " + value + "; a GGUF " + architecture.name() + " always " + always);
  }

  private static boolean fraction(String key) {
    return key.endsWith("epsilon") || key.startsWith("rope.freq") || key.endsWith("softcapping");
  }

  /** llama.cpp caps where a family's released models do, and nowhere else. */
  private void caps(Spec spec, JsonObject config) throws FormatException {
    boolean keys = architecture.fields().containsKey("final_logit_softcapping");
    if (keys != spec.head().softCap() > 0)
      throw wrong(config, "final_logit_softcapping", spec.head().softCap(), caps(keys));
    if (keys != spec.attention().softCap() > 0)
      throw wrong(config, "attn_logit_softcapping", spec.attention().softCap(), caps(keys));
  }

  private static String caps(boolean keys) {
    return keys ? "has one" : "has none";
  }

  private void scale(Spec spec, JsonObject config) throws FormatException {
    Spec.Attention a = spec.attention();
    int scalar = scalar(spec.layers(), spec.width(), a.heads(), a.headDim());
    if (a.scale() != (float) (1 / Math.sqrt(scalar)))
      throw wrong(
          config,
          "query_pre_attn_scalar",
          config.value("query_pre_attn_scalar"),
          "has " + scalar + " with these sizes");
  }

  /** What scores are divided by the root of; the 27B models differ, known by their depth. */
  private int scalar(int layers, int width, int heads, int headDim) {
    boolean largest =
        architecture.windows() == GgufArchitecture.Windows.TWO && layers == 46
            || architecture.windows() == GgufArchitecture.Windows.SIX && layers == 62;
    return largest ? width / heads : headDim;
  }

  private void windows(Spec spec, JsonObject config, Map<String, Object> m) throws FormatException {
    int window =
        IntStream.range(0, spec.layers()).map(i -> spec.layer(i).window()).max().orElseThrow();
    int usual = architecture.windows().period();
    switch (architecture.windows()) {
      case NONE -> {
        if (window > 0) throw wrong(config, "sliding_window", window, "sees everything");
      }
      case ALL -> {}
      case TWO -> period(spec, config, window, IntStream.of(usual));
      case SIX -> {
        IntStream others = IntStream.rangeClosed(1, spec.layers() + 1);
        int period = period(spec, config, window, IntStream.concat(IntStream.of(usual), others));
        if (period != usual) m.put(architecture.key(PERIOD), period);
      }
    }
    if (window > 0) m.put(architecture.key(WINDOW), window);
  }

  private int period(Spec spec, JsonObject config, int window, IntStream candidates)
      throws FormatException {
    OptionalInt found =
        candidates
            .filter(period ->
                IntStream.range(0, spec.layers())
                    .allMatch(i -> spec.layer(i).window() == ((i + 1) % period == 0 ? 0 : window)))
            .findFirst();
    if (found.isEmpty())
      throw wrong(config, "layer_types", config.value("layer_types"), "repeats itself");
    return found.getAsInt();
  }

  private void positions(Spec spec, JsonObject config, Map<String, Object> m)
      throws FormatException {
    if (!(spec.positions() instanceof Spec.Positions.Rotary r)) return;
    m.put(architecture.key(DIMENSIONS), 2 * r.pairs());
    switch (r.scaling()) {
      case RotaryScaling.None n -> {}
      case RotaryScaling.Linear l -> {
        m.put(architecture.key(SCALING), "linear");
        m.put(architecture.key(FACTOR), (float) l.factor());
      }
      case RotaryScaling.Llama3 l -> throw scaled(config);
      case RotaryScaling.Yarn y -> throw scaled(config);
      case RotaryScaling.Dynamic d -> throw scaled(config);
      case RotaryScaling.LongRope l -> throw scaled(config);
    }
    for (Spec.Layer layer : spec.pattern())
      if (layer.positions().orElse(r) instanceof Spec.Positions.Rotary own
          && own != r
          && !(own.scaling() instanceof RotaryScaling.None)) throw scaled(config);
  }

  private static FormatException scaled(JsonObject config) {
    return config.wrong(
        config.has("rope_scaling") ? "rope_scaling" : "rope_parameters",
        "is set: scaled positions other than linear cannot be written as GGUF");
  }

  /** What a folder of the file's model would have as {@code config.json}. */
  JsonObject read(GgufFile file) throws FormatException {
    GgufMetadata m = file.metadata();
    JsonObject c = JsonObject.create().put("model_type", architecture.modelType());
    c.put("vocab_size", file.weight("token_embd.weight").shape().rows());
    c.put("tie_word_embeddings", !file.names().contains("output.weight"));
    for (Map.Entry<String, String> e : architecture.fields().entrySet()) {
      String key = architecture.key(e.getKey());
      if (fraction(e.getKey())) {
        if (m.has(key)) c.put(e.getValue(), plain(m.number(key, 0)));
      } else if (m.has(key)) c.put(e.getValue(), m.integer(key, 1, MAX));
    }
    architecture.always().forEach(c::put);
    if (architecture.order() != null) c.put(architecture.order(), true);
    m.integer(architecture.key("expert_count"), 0, 0, 0);
    int width = m.integer(architecture.key("embedding_length"), 1, MAX);
    int heads = m.integer(architecture.key("attention.head_count"), 1, MAX);
    if (architecture.fields().containsKey("rope.freq_base")) heads(m, c, width, heads);
    else if (m.integer(architecture.key("attention.head_count_kv"), 1, MAX, heads) != heads)
      throw m.wrong(architecture.key("attention.head_count_kv"), "must be head_count " + heads);
    return JsonObject.parse(file.path() + ", as config.json", c.toText());
  }

  private void heads(GgufMetadata m, JsonObject c, int width, int heads) throws FormatException {
    int kvHeads = m.integer(architecture.key("attention.head_count_kv"), 1, MAX, heads);
    if (heads % kvHeads != 0)
      throw m.wrong(architecture.key("attention.head_count_kv"), "must divide head_count " + heads);
    int headDim =
        m.integer(architecture.key("attention.key_length"), 1, 1 << 16, Math.max(1, width / heads));
    m.integer(architecture.key("attention.value_length"), headDim, headDim, headDim);
    if (headDim % 2 != 0 || (long) heads * headDim > MAX)
      throw m.wrong(architecture.key("attention.head_count"), "gives heads of size " + headDim);
    int turned =
        m.integer(
            architecture.key(DIMENSIONS), architecture.partly() ? 2 : headDim, headDim, headDim);
    c.put("num_key_value_heads", kvHeads).put("head_dim", headDim);
    if (turned < headDim) c.put("partial_rotary_factor", (double) turned / headDim);
    int layers = m.integer(architecture.key("block_count"), 1, 10_000);
    switch (architecture.windows()) {
      case NONE -> {
        // llama.cpp does not look at it either.
      }
      case ALL -> {
        // 0 says none.
        int window = m.integer(architecture.key(WINDOW), 0, Integer.MAX_VALUE, 0);
        if (window > 0) c.put("sliding_window", window);
      }
      case TWO, SIX -> {
        c.put("query_pre_attn_scalar", scalar(layers, width, heads, headDim));
        layers(m, c, layers);
      }
    }
    String scaling = m.optionalText(architecture.key(SCALING)).orElse("none");
    if (scaling.equals("linear"))
      c.put(
          "rope_scaling",
          JsonObject.create()
              .put("rope_type", "linear")
              .put("factor", plain(m.number(architecture.key(FACTOR), 1))));
    else if (!scaling.equals("none"))
      throw m.wrong(
          architecture.key(SCALING), "is \"" + scaling + "\"; only none and linear are supported");
  }

  private void layers(GgufMetadata m, JsonObject c, int layers) throws FormatException {
    int period = m.integer(architecture.key(PERIOD), 1, MAX, architecture.windows().period());
    c.put("sliding_window", m.integer(architecture.key(WINDOW), 1, Integer.MAX_VALUE, 4096));
    List<String> types = new ArrayList<>();
    for (int i = 0; i < layers; i++)
      types.add((i + 1) % period == 0 ? "full_attention" : "sliding_attention");
    c.put("layer_types", types);
  }

  /** The shortest decimal that reads back as this f32. */
  private static double plain(double v) {
    return Double.parseDouble(Float.toString((float) v));
  }
}
