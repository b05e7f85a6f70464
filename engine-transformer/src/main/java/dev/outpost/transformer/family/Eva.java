package dev.outpost.transformer.family;

import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.layer.Norm;
import dev.outpost.transformer.load.NameTable;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * EVA-g (Fang et al. 2023) in timm's format, whose {@code config.json} has an {@code architecture}
 * with sizes of its own and {@code model_args} that differ: a ViT without key biases, classified by
 * the normed mean of its patches or by the class token.
 */
public record Eva() implements Family {
  private static final String NAME = "eva_giant_patch14_";
  private static final List<Integer> SIDES = List.of(224, 336, 560);
  private static final double RATIO = 6144.0 / 1408;

  /** What {@code model_args} may say; all else is refused, since it changes the arithmetic. */
  private static final List<String> ARGUMENTS =
      List.of(
          "img_size",
          "patch_size",
          "embed_dim",
          "depth",
          "num_heads",
          "mlp_ratio",
          "qkv_bias",
          "global_pool",
          "num_classes");

  @Override
  public String modelType() {
    return "eva";
  }

  @Override
  public Kind kind() {
    return Kind.VISION;
  }

  /** Whether a file without {@code model_type} is of this family. */
  static boolean describes(JsonObject c) {
    return c.value("architecture") instanceof String s && side(s).isPresent();
  }

  /** Architectures by name, for refusals. */
  static List<String> architectures() {
    return SIDES.stream().map(s -> NAME + s).toList();
  }

  private static Optional<Integer> side(String architecture) {
    // timm puts the name of the weights behind a dot.
    String bare = architecture.split("\\.", 2)[0];
    return SIDES.stream().filter(s -> bare.equals(NAME + s)).findFirst();
  }

  @Override
  public Spec read(JsonObject c) throws FormatException {
    int side =
        side(c.string("architecture"))
            .orElseThrow(() -> c.wrong("architecture", "must be one of " + architectures()));
    JsonObject a = c.has("model_args") ? c.object("model_args") : JsonObject.create();
    List<String> foreign = new ArrayList<>(a.names());
    foreign.removeAll(ARGUMENTS);
    if (!foreign.isEmpty())
      throw c.wrong("model_args", "has " + foreign + "; supported: " + ARGUMENTS);
    int width = a.integer("embed_dim", 1, EncoderFields.MAX, 1408);
    Spec.Image image = Vit.image(a, "img_size", side, 14, true, true);
    Spec.Pool pool = pool(c, a);
    return new Spec(
        modelType(),
        0,
        image.positions(),
        width,
        a.integer("depth", 1, 10_000, 40),
        new Spec.Embedding(width, 1, false, 0, Optional.of(image)),
        attention(a, width),
        new Spec.FeedForward(inner(a, width), UnaryMap.GELU_ERF, false, false, true),
        new Spec.Norms(Norm.Kind.LAYER, 1e-6f, Spec.Placement.BEFORE, true),
        new Spec.Positions.Learned(0),
        List.of(Spec.Layer.FULL),
        head(classes(c, a), pool),
        Linear.Layout.OUT_IN);
  }

  private static Spec.Attention attention(JsonObject a, int width) throws FormatException {
    int heads = a.integer("num_heads", 1, EncoderFields.MAX, 16);
    if (width % heads != 0)
      throw a.wrong("num_heads", "must divide embed_dim " + width + ", got " + heads);
    boolean bias = a.bool("qkv_bias", true);
    int size = width / heads;
    return new Spec.Attention(
        heads,
        heads,
        size,
        bias ? Spec.Inputs.FUSED_WITHOUT_KEY_BIAS : Spec.Inputs.FUSED,
        bias,
        true,
        false,
        (float) (1 / Math.sqrt(size)),
        0,
        false);
  }

  private static int inner(JsonObject a, int width) throws FormatException {
    double inner = Math.floor(width * a.number("mlp_ratio", RATIO));
    if (!(inner >= 1 && inner <= EncoderFields.MAX))
      throw a.wrong("mlp_ratio", "makes a feed-forward width of " + inner);
    return (int) inner;
  }

  private static Spec.Pool pool(JsonObject c, JsonObject a) throws FormatException {
    JsonObject at = a.has("global_pool") ? a : c;
    String pool = at.optionalString("global_pool").orElse("avg");
    return switch (pool) {
      case "avg" -> Spec.Pool.MEAN_OF_OTHERS;
      case "token" -> Spec.Pool.FIRST;
      default -> throw at.wrong("global_pool", "is \"" + pool + "\"; supported: avg, token");
    };
  }

  private static int classes(JsonObject c, JsonObject a) throws FormatException {
    return (a.has("num_classes") ? a : c)
        .integer("num_classes", 0, EncoderFields.MOST_CLASSES, 1000);
  }

  private static Spec.Head head(int classes, Spec.Pool pool) {
    boolean any = classes > 0;
    return new Spec.Head(
        any ? Spec.HeadKind.CLASSES : Spec.HeadKind.FEATURES,
        pool,
        classes,
        false,
        any,
        Optional.empty(),
        0);
  }

  @Override
  public JsonObject write(Spec s, int endOfText) {
    Spec.Image image =
        s.embedding().image().orElseThrow(() -> new IllegalArgumentException("eva: no images"));
    boolean mean = s.head().pool() == Spec.Pool.MEAN_OF_OTHERS;
    String pool = mean ? "avg" : "token";
    int classes = s.head().kind() == Spec.HeadKind.CLASSES ? s.head().outputs() : 0;
    return JsonObject.create()
        .put("architecture", NAME + SIDES.getFirst())
        .put("num_classes", classes)
        .put("num_features", s.width())
        .put("global_pool", pool)
        .put(
            "model_args",
            JsonObject.create()
                .put("img_size", image.size())
                .put("patch_size", image.patch())
                .put("embed_dim", s.width())
                .put("depth", s.layers())
                .put("num_heads", s.attention().heads())
                // Half a unit more than the quotient, which times the width may fall short of it.
                .put("mlp_ratio", (s.feedForward().width() + 0.5) / s.width())
                .put("qkv_bias", s.attention().inputBias())
                .put("global_pool", pool))
        .put(
            "pretrained_cfg",
            JsonObject.create()
                .put("input_size", List.of(image.channels(), image.size(), image.size()))
                .put("num_classes", classes)
                .put("first_conv", "patch_embed.proj")
                .put("classifier", "head"));
  }

  @Override
  public NameTable names() {
    return names("fc_norm");
  }

  @Override
  public NameTable names(Spec spec) {
    return names(spec.head().pool() == Spec.Pool.MEAN_OF_OTHERS ? "fc_norm" : "norm");
  }

  private static NameTable names(String norm) {
    NameTable t =
        NameTable.of("")
            .name("embed.first.weight", "cls_token")
            .name("embed.position.weight", "pos_embed")
            .name("blocks.{}.attn.qkv.weight", "blocks.{}.attn.qkv.weight")
            .name("blocks.{}.attn.q.bias", "blocks.{}.attn.q_bias")
            .name("blocks.{}.attn.v.bias", "blocks.{}.attn.v_bias")
            // Zeros that some checkpoints carry.
            .ignore("blocks.{}.attn.k_bias");
    for (String kind : List.of("weight", "bias"))
      t =
          t.name("embed.patch." + kind, "patch_embed.proj." + kind)
              .name("blocks.{}.norm1." + kind, "blocks.{}.norm1." + kind)
              .name("blocks.{}.attn.out." + kind, "blocks.{}.attn.proj." + kind)
              .name("blocks.{}.norm2." + kind, "blocks.{}.norm2." + kind)
              .name("blocks.{}.mlp.up." + kind, "blocks.{}.mlp.fc1." + kind)
              .name("blocks.{}.mlp.down." + kind, "blocks.{}.mlp.fc2." + kind)
              .name("norm." + kind, norm + "." + kind)
              .name("classifier." + kind, "head." + kind);
    return t;
  }
}
