package dev.outpost.transformer.family;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.load.NameTable;
import java.util.List;

/**
 * RoBERTa (Liu et al. 2019): BERT whose positions begin behind the padding token's number, with
 * heads of other names.
 */
public record Roberta() implements Family {
  @Override
  public String modelType() {
    return "roberta";
  }

  @Override
  public Kind kind() {
    return Kind.ENCODER;
  }

  @Override
  public Spec read(JsonObject c) throws FormatException {
    int padding = c.integer("pad_token_id", 0, EncoderFields.MAX, 1);
    return Bert.read(c, modelType(), "Roberta", padding + 1);
  }

  @Override
  public JsonObject write(Spec s, int endOfText) {
    JsonObject c = Bert.write(s, modelType(), "Roberta");
    int offset = ((Spec.Positions.Learned) s.positions()).offset();
    return c.put("pad_token_id", offset - 1).put("bos_token_id", 0).put("eos_token_id", endOfText);
  }

  @Override
  public NameTable names() {
    return heads(false);
  }

  @Override
  public NameTable names(Spec spec) {
    return heads(spec.head().kind() == Spec.HeadKind.CLASSES);
  }

  /** A classifier has a dense layer of its own; some files hold the encoder's pooler as well. */
  private static NameTable heads(boolean classes) {
    NameTable t =
        Bert.encoder("roberta.")
            .unprefixed("head.weight", "lm_head.decoder.weight")
            .unprefixed("head.bias", "lm_head.bias")
            // The same numbers again.
            .ignore("lm_head.decoder.bias");
    for (String kind : List.of("weight", "bias")) {
      t =
          t.unprefixed("head.transform." + kind, "lm_head.dense." + kind)
              .unprefixed("head.transform.norm." + kind, "lm_head.layer_norm." + kind)
              .unprefixed("classifier." + kind, "classifier.out_proj." + kind);
      t =
          classes
              ? t.unprefixed("pooler." + kind, "classifier.dense." + kind)
              : t.name("pooler." + kind, "pooler.dense." + kind);
    }
    return t;
  }
}
