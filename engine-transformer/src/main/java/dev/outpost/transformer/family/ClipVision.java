package dev.outpost.transformer.family;

import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.load.NameTable;
import java.util.List;
import java.util.Optional;

/**
 * CLIP's image encoder (Radford et al. 2021): ViT with a norm before the first block and quick
 * GELU; what describes an image is the normed class token, projected where the checkpoint has it.
 */
public record ClipVision() implements Family {
  private static final String PROJECTED = "CLIPVisionModelWithProjection";
  private static final String BARE = "CLIPVisionModel";

  @Override
  public String modelType() {
    return "clip_vision_model";
  }

  @Override
  public Kind kind() {
    return Kind.VISION;
  }

  @Override
  public Spec read(JsonObject c) throws FormatException {
    EncoderFields.refuseForeign(c);
    int width = c.integer("hidden_size", 1, EncoderFields.MAX);
    Spec.Image image = Vit.image(c, false, false, 32);
    boolean projected = EncoderFields.architecture(c, List.of(BARE, PROJECTED)).equals(PROJECTED);
    return new Spec(
        modelType(),
        0,
        image.positions(),
        width,
        c.integer("num_hidden_layers", 1, 10_000),
        new Spec.Embedding(width, 1, true, 0, Optional.of(image)),
        EncoderFields.attention(c, width, true),
        EncoderFields.feedForward(c, "quick_gelu"),
        EncoderFields.norms(c, 1e-5, Spec.Placement.BEFORE, true),
        new Spec.Positions.Learned(0),
        List.of(Spec.Layer.FULL),
        EncoderFields.features(
            projected ? c.integer("projection_dim", 1, EncoderFields.MAX, 512) : 0,
            Optional.empty()),
        Linear.Layout.OUT_IN);
  }

  @Override
  public JsonObject write(Spec s, int endOfText) {
    if (s.head().kind() != Spec.HeadKind.FEATURES)
      throw new IllegalArgumentException(
          modelType()
              + ": this format has no head of classes; the reference's CLIP classifier averages the patches");
    boolean projected = s.head().outputs() > 0;
    JsonObject c = Vit.write(s, modelType(), projected ? PROJECTED : BARE);
    if (projected) c.put("projection_dim", s.head().outputs());
    return c.put("attention_dropout", 0.0);
  }

  @Override
  public NameTable names() {
    NameTable t =
        NameTable.of("vision_model.")
            .name("embed.first.weight", "embeddings.class_embedding")
            .name("embed.patch.weight", "embeddings.patch_embedding.weight")
            .name("embed.position.weight", "embeddings.position_embedding.weight")
            .unprefixed("projection.weight", "visual_projection.weight")
            // A buffer that old checkpoints carry.
            .ignore("embeddings.position_ids");
    for (String kind : List.of("weight", "bias"))
      t =
          t.name("embed.norm." + kind, "pre_layrnorm." + kind)
              .name("blocks.{}.norm1." + kind, "encoder.layers.{}.layer_norm1." + kind)
              .name("blocks.{}.attn.q." + kind, "encoder.layers.{}.self_attn.q_proj." + kind)
              .name("blocks.{}.attn.k." + kind, "encoder.layers.{}.self_attn.k_proj." + kind)
              .name("blocks.{}.attn.v." + kind, "encoder.layers.{}.self_attn.v_proj." + kind)
              .name("blocks.{}.attn.out." + kind, "encoder.layers.{}.self_attn.out_proj." + kind)
              .name("blocks.{}.norm2." + kind, "encoder.layers.{}.layer_norm2." + kind)
              .name("blocks.{}.mlp.up." + kind, "encoder.layers.{}.mlp.fc1." + kind)
              .name("blocks.{}.mlp.down." + kind, "encoder.layers.{}.mlp.fc2." + kind)
              .name("norm." + kind, "post_layernorm." + kind);
    return t;
  }
}
