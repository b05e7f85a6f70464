package dev.outpost.transformer.family;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.load.NameTable;
import java.util.List;

/**
 * CLIP as published, images and text in one checkpoint, of which the image half is read: from then
 * on it is a {@link ClipVision} with its projection.
 */
public record Clip() implements Family {
  private static final ClipVision VISION = new ClipVision();

  @Override
  public String modelType() {
    return "clip";
  }

  @Override
  public Kind kind() {
    return Kind.VISION;
  }

  @Override
  public JsonObject kept(JsonObject c) throws FormatException {
    EncoderFields.architecture(c, List.of("CLIPModel"));
    // Written into the file's own object, so that what is wrong in it is told by its place.
    return c.object("vision_config")
        .put("architectures", List.of("CLIPVisionModelWithProjection"))
        .put("model_type", VISION.modelType())
        .put("projection_dim", (long) c.integer("projection_dim", 1, EncoderFields.MAX, 512));
  }

  @Override
  public Spec read(JsonObject c) throws FormatException {
    return VISION.read(kept(c));
  }

  @Override
  public JsonObject write(Spec s, int endOfText) {
    return VISION.write(s, endOfText);
  }

  @Override
  public NameTable names() {
    return VISION.names().ignore("text_model.*").ignore("text_projection.*").ignore("logit_scale");
  }
}
