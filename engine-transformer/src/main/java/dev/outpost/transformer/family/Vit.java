package dev.outpost.transformer.family;

import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.load.NameTable;
import java.util.List;
import java.util.Optional;

/**
 * ViT (Dosovitskiy et al. 2021): patches as tokens, a class token, norms before each half; a
 * classifier of images, or the bare encoder with its pooler.
 */
public record Vit() implements Family {
  @Override
  public String modelType() {
    return "vit";
  }

  @Override
  public Kind kind() {
    return Kind.VISION;
  }

  @Override
  public Spec read(JsonObject c) throws FormatException {
    EncoderFields.refuseForeign(c);
    int width = c.integer("hidden_size", 1, EncoderFields.MAX);
    Spec.Image image = image(c, true, true, 16);
    return new Spec(
        modelType(),
        0,
        image.positions(),
        width,
        c.integer("num_hidden_layers", 1, 10_000),
        new Spec.Embedding(width, 1, false, 0, Optional.of(image)),
        EncoderFields.attention(c, width, c.bool("qkv_bias", true)),
        EncoderFields.feedForward(c, "gelu"),
        EncoderFields.norms(c, 1e-12, Spec.Placement.BEFORE, true),
        new Spec.Positions.Learned(0),
        List.of(Spec.Layer.FULL),
        head(c, width),
        Linear.Layout.OUT_IN);
  }

  private static Spec.Head head(JsonObject c, int width) throws FormatException {
    List<String> supported = List.of("ViTForImageClassification", "ViTModel");
    if (EncoderFields.architecture(c, supported).equals(supported.getFirst()))
      return EncoderFields.classes(c, Optional.empty());
    c.integer("pooler_output_size", width, width, width);
    return EncoderFields.features(
        0, Optional.of(new Spec.Transform(Activations.read(c, "pooler_act", "tanh"), false)));
  }

  /** How images enter a ViT or a CLIP. */
  static Spec.Image image(JsonObject c, boolean bias, boolean leadingAxes, int patch)
      throws FormatException {
    c.integer("num_channels", 3, 3, 3);
    return image(c, "image_size", 224, patch, bias, leadingAxes);
  }

  /** The same with the image's size in a field of another name. */
  static Spec.Image image(
      JsonObject c, String field, int absent, int patch, boolean bias, boolean leadingAxes)
      throws FormatException {
    int size = side(c, field, absent);
    int squares = side(c, "patch_size", patch);
    if (squares > size) throw c.wrong("patch_size", "is larger than " + field + " " + size);
    return new Spec.Image(size, squares, bias, leadingAxes);
  }

  private static int side(JsonObject c, String field, int otherwise) throws FormatException {
    if (c.value(field) instanceof List<?> l) {
      if (l.size() == 2 && l.get(0) instanceof Long n && n.equals(l.get(1)) && n >= 1 && n <= 4096)
        return n.intValue();
      throw c.wrong(field, "must be one number or two equal ones: only squares are supported");
    }
    return c.integer(field, 1, 4096, otherwise);
  }

  /** What a written configuration of images says. */
  static JsonObject write(Spec s, String modelType, String architecture) {
    Spec.Image image =
        s.embedding()
            .image()
            .orElseThrow(() -> new IllegalArgumentException(modelType + ": reads no images"));
    JsonObject c =
        JsonObject.create()
            .put("architectures", List.of(architecture))
            .put("model_type", modelType)
            .put("image_size", image.size())
            .put("patch_size", image.patch())
            .put("num_channels", image.channels())
            .put("hidden_size", s.width())
            .put("num_hidden_layers", s.layers())
            .put("num_attention_heads", s.attention().heads())
            .put("intermediate_size", s.feedForward().width())
            .put("hidden_act", Activations.name(s.feedForward().activation()))
            .put("layer_norm_eps", Double.parseDouble(Float.toString(s.norms().eps())))
            .put("initializer_range", 0.02)
            .put("torch_dtype", "float32");
    return Labels.numbered(s).into(c);
  }

  @Override
  public JsonObject write(Spec s, int endOfText) {
    boolean classes = s.head().kind() == Spec.HeadKind.CLASSES;
    JsonObject c = write(s, modelType(), classes ? "ViTForImageClassification" : "ViTModel");
    s.head().transform().ifPresent(t -> c.put("pooler_act", Activations.name(t.activation())));
    return c.put("qkv_bias", s.attention().inputBias())
        .put("hidden_dropout_prob", 0.0)
        .put("attention_probs_dropout_prob", 0.0);
  }

  @Override
  public NameTable names() {
    NameTable t =
        NameTable.of("vit.")
            .name("embed.first.weight", "embeddings.cls_token")
            .name("embed.position.weight", "embeddings.position_embeddings")
            .ignore("embeddings.mask_token");
    for (String kind : List.of("weight", "bias"))
      t =
          t.name("embed.patch." + kind, "embeddings.patch_embeddings.projection." + kind)
              .name("blocks.{}.norm1." + kind, "encoder.layer.{}.layernorm_before." + kind)
              .name(
                  "blocks.{}.attn.q." + kind, "encoder.layer.{}.attention.attention.query." + kind)
              .name("blocks.{}.attn.k." + kind, "encoder.layer.{}.attention.attention.key." + kind)
              .name(
                  "blocks.{}.attn.v." + kind, "encoder.layer.{}.attention.attention.value." + kind)
              .name("blocks.{}.attn.out." + kind, "encoder.layer.{}.attention.output.dense." + kind)
              .name("blocks.{}.norm2." + kind, "encoder.layer.{}.layernorm_after." + kind)
              .name("blocks.{}.mlp.up." + kind, "encoder.layer.{}.intermediate.dense." + kind)
              .name("blocks.{}.mlp.down." + kind, "encoder.layer.{}.output.dense." + kind)
              .name("norm." + kind, "layernorm." + kind)
              .name("pooler." + kind, "pooler.dense." + kind)
              .unprefixed("classifier." + kind, "classifier." + kind);
    return t;
  }
}
