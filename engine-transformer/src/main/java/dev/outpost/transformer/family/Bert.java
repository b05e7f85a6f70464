package dev.outpost.transformer.family;

import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.load.NameTable;
import java.util.List;
import java.util.Optional;

/**
 * BERT (Devlin et al. 2019): attention both ways, norms after each half, token types; a masked
 * language model, a classifier of texts, or the bare encoder with its pooler.
 */
public record Bert() implements Family {
  private static final Spec.Transform POOLER = new Spec.Transform(UnaryMap.TANH, false);

  @Override
  public String modelType() {
    return "bert";
  }

  @Override
  public Kind kind() {
    return Kind.ENCODER;
  }

  @Override
  public Spec read(JsonObject c) throws FormatException {
    return read(c, modelType(), "Bert", 0);
  }

  /**
   * What BERT and RoBERTa have in common.
   *
   * @param name what architectures begin with
   * @param offset rows of the position table before that of the first token
   */
  static Spec read(JsonObject c, String family, String name, int offset) throws FormatException {
    EncoderFields.refuseForeign(c);
    int width = c.integer("hidden_size", 1, EncoderFields.MAX);
    int context = c.integer("max_position_embeddings", offset + 1, EncoderFields.MAX) - offset;
    return new Spec(
        family,
        c.integer("vocab_size", 1, EncoderFields.MAX),
        context,
        width,
        c.integer("num_hidden_layers", 1, 10_000),
        new Spec.Embedding(
            width,
            1,
            true,
            c.integer("type_vocab_size", 1, EncoderFields.MAX, 2),
            Optional.empty()),
        EncoderFields.attention(c, width, true),
        EncoderFields.feedForward(c, "gelu"),
        EncoderFields.norms(c, 1e-12, Spec.Placement.AFTER, false),
        new Spec.Positions.Learned(offset),
        List.of(Spec.Layer.FULL),
        head(c, name),
        Linear.Layout.OUT_IN);
  }

  private static Spec.Head head(JsonObject c, String name) throws FormatException {
    List<String> ends =
        List.of("ForMaskedLM", "ForPreTraining", "ForSequenceClassification", "Model");
    String found = EncoderFields.architecture(c, ends.stream().map(e -> name + e).toList());
    return switch (found.substring(name.length())) {
      case "ForSequenceClassification" -> EncoderFields.classes(c, Optional.of(POOLER));
      case "Model" -> EncoderFields.features(0, Optional.of(POOLER));
      default ->
          new Spec.Head(
              Spec.HeadKind.TOKENS,
              0,
              c.bool("tie_word_embeddings", true),
              true,
              // RoBERTa's head is GELU whatever its blocks are.
              Optional.of(
                  new Spec.Transform(
                      name.equals("Bert")
                          ? Activations.read(c, "hidden_act", "gelu")
                          : UnaryMap.GELU_ERF,
                      true)),
              0);
    };
  }

  @Override
  public JsonObject write(Spec s, int endOfText) {
    return write(s, modelType(), "Bert").put("pad_token_id", 0);
  }

  static JsonObject write(Spec s, String modelType, String name) {
    if (!(s.positions() instanceof Spec.Positions.Learned(int offset)))
      throw new IllegalArgumentException(
          modelType + ": positions must be learned, got " + s.positions());
    JsonObject c =
        JsonObject.create()
            .put(
                "architectures",
                List.of(
                    name
                        + switch (s.head().kind()) {
                          case TOKENS -> "ForMaskedLM";
                          case CLASSES -> "ForSequenceClassification";
                          case FEATURES -> "Model";
                        }))
            .put("model_type", modelType)
            .put("vocab_size", s.vocabularySize())
            .put("max_position_embeddings", s.context() + offset)
            .put("type_vocab_size", s.embedding().types())
            .put("hidden_size", s.width())
            .put("num_hidden_layers", s.layers())
            .put("num_attention_heads", s.attention().heads())
            .put("intermediate_size", s.feedForward().width())
            .put("hidden_act", Activations.name(s.feedForward().activation()))
            .put("layer_norm_eps", Double.parseDouble(Float.toString(s.norms().eps())))
            .put("hidden_dropout_prob", 0.0)
            .put("attention_probs_dropout_prob", 0.0)
            .put("initializer_range", 0.02)
            .put("tie_word_embeddings", s.head().tied() || s.head().kind() != Spec.HeadKind.TOKENS)
            .put("torch_dtype", "float32");
    return Labels.numbered(s).into(c);
  }

  @Override
  public NameTable names() {
    NameTable t =
        encoder("bert.")
            .unprefixed("head.weight", "cls.predictions.decoder.weight")
            .unprefixed("head.bias", "cls.predictions.bias")
            // The same numbers again.
            .ignore("cls.predictions.decoder.bias");
    for (String kind : List.of("weight", "bias"))
      t =
          t.unprefixed("head.transform." + kind, "cls.predictions.transform.dense." + kind)
              .unprefixed(
                  "head.transform.norm." + kind, "cls.predictions.transform.LayerNorm." + kind)
              .unprefixed("classifier." + kind, "classifier." + kind)
              .name("pooler." + kind, "pooler.dense." + kind);
    return t.unprefixed("head.transform.norm.weight", "cls.predictions.transform.LayerNorm.gamma")
        .unprefixed("head.transform.norm.bias", "cls.predictions.transform.LayerNorm.beta");
  }

  /** Names of what BERT and RoBERTa have below their heads. */
  static NameTable encoder(String prefix) {
    NameTable t =
        NameTable.of(prefix)
            .name("embed.token.weight", "embeddings.word_embeddings.weight")
            .name("embed.type.weight", "embeddings.token_type_embeddings.weight")
            .name("embed.position.weight", "embeddings.position_embeddings.weight")
            // A buffer that old checkpoints carry.
            .ignore("embeddings.position_ids");
    for (String kind : List.of("weight", "bias")) {
      t =
          t.name("blocks.{}.attn.q." + kind, "encoder.layer.{}.attention.self.query." + kind)
              .name("blocks.{}.attn.k." + kind, "encoder.layer.{}.attention.self.key." + kind)
              .name("blocks.{}.attn.v." + kind, "encoder.layer.{}.attention.self.value." + kind)
              .name("blocks.{}.attn.out." + kind, "encoder.layer.{}.attention.output.dense." + kind)
              .name("blocks.{}.mlp.up." + kind, "encoder.layer.{}.intermediate.dense." + kind)
              .name("blocks.{}.mlp.down." + kind, "encoder.layer.{}.output.dense." + kind);
      // TensorFlow's names of a norm's numbers stay in the oldest checkpoints.
      for (String theirs : List.of(kind, kind.equals("weight") ? "gamma" : "beta"))
        t =
            t.name("embed.norm." + kind, "embeddings.LayerNorm." + theirs)
                .name(
                    "blocks.{}.norm1." + kind,
                    "encoder.layer.{}.attention.output.LayerNorm." + theirs)
                .name("blocks.{}.norm2." + kind, "encoder.layer.{}.output.LayerNorm." + theirs);
    }
    return t;
  }
}
