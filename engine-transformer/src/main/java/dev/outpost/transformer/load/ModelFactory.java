package dev.outpost.transformer.load;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.kernel.AttentionScores;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.Residual;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TransformerBlock;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.layer.Embeddings;
import dev.outpost.transformer.layer.FeedForward;
import dev.outpost.transformer.layer.Head;
import dev.outpost.transformer.layer.Norm;
import dev.outpost.transformer.layer.PatchEmbeddings;
import dev.outpost.transformer.layer.QueryKeyValue;
import dev.outpost.transformer.layer.RotaryTable;
import dev.outpost.transformer.layer.SelfAttention;
import dev.outpost.transformer.layer.TokenEmbeddings;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Projection;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Puts a model together from a {@link Spec} and a {@link WeightSource}. */
public final class ModelFactory {
  private ModelFactory() {}

  /** The full model of {@code spec}. */
  public static TransformerModel build(Spec spec, WeightSource source) throws FormatException {
    return build(
        spec, IntStream.range(0, spec.layers()).mapToObj(i -> "blocks." + i).toList(), source);
  }

  /** A model of {@code spec} that has only the named slots: an emulator. */
  public static TransformerModel build(Spec spec, List<String> slots, WeightSource source)
      throws FormatException {
    return build(spec, slots, slot -> spec, source);
  }

  /** The same, each slot's block by choices of its own. */
  public static TransformerModel build(
      Spec spec, List<String> slots, Function<String, Spec> own, WeightSource source)
      throws FormatException {
    int c = spec.width();
    int e = spec.embedding().width();
    Map<Spec.Positions.Rotary, RotaryTable> tables = new HashMap<>();
    List<Slot> built = new ArrayList<>();
    Embeddings embeddings = embeddings(spec, source);
    for (String name : slots)
      built.add(new Slot(name, block(own.apply(name), name, tables, source)));
    return new TransformerModel(
        spec,
        embeddings,
        built,
        spec.norms().last() ? norm(spec, "norm", c, source) : null,
        e == c ? null : projection(spec, "head.narrow", c, e, false, source),
        head(spec, source));
  }

  private static Head head(Spec spec, WeightSource source) throws FormatException {
    Spec.Head h = spec.head();
    int e = spec.embedding().width();
    String path = Head.path(h.kind());
    String inner = Head.transformPath(h.kind());
    Head.Transform transform = null;
    if (h.transform().isPresent()) {
      Spec.Transform t = h.transform().get();
      transform =
          new Head.Transform(
              projection(spec, inner, e, e, true, source),
              t.activation(),
              t.norm() ? norm(spec, inner + ".norm", e, source) : null);
    }
    boolean projected = !h.tied() && (h.kind() != Spec.HeadKind.FEATURES || h.outputs() > 0);
    return new Head(
        h.kind(),
        h.pool(),
        transform,
        projected ? source.get(path + ".weight", Shape.of(spec.outputs(), e)) : null,
        h.bias() ? source.get(path + ".bias", Shape.of(spec.outputs())) : null);
  }

  private static PatchEmbeddings patches(Spec spec, Spec.Image image, WeightSource source)
      throws FormatException {
    int c = spec.width();
    int t = image.positions();
    boolean leading = image.leadingAxes();
    return new PatchEmbeddings(
        source.get(
            "embed.patch.weight", Shape.of(c, image.channels(), image.patch(), image.patch())),
        image.bias() ? source.get("embed.patch.bias", Shape.of(c)) : null,
        source.get("embed.first.weight", leading ? Shape.of(1, 1, c) : Shape.of(c)),
        source.get("embed.position.weight", leading ? Shape.of(1, t, c) : Shape.of(t, c)),
        spec.embedding().norm() ? norm(spec, "embed.norm", c, source) : null,
        image.size());
  }

  private static Embeddings embeddings(Spec spec, WeightSource source) throws FormatException {
    Optional<Spec.Image> image = spec.embedding().image();
    return image.isPresent() ? patches(spec, image.get(), source) : tokens(spec, source);
  }

  private static TokenEmbeddings tokens(Spec spec, WeightSource source) throws FormatException {
    int c = spec.width();
    int types = spec.embedding().types();
    int e = spec.embedding().width();
    int offset = spec.positions() instanceof Spec.Positions.Learned l ? l.offset() : 0;
    return new TokenEmbeddings(
        source.get("embed.token.weight", Shape.of(spec.vocabularySize(), e)),
        null,
        spec.embedding().scale(),
        e == c ? null : projection(spec, "embed.widen", e, c, false, source),
        types == 0 ? null : source.get("embed.type.weight", Shape.of(types, c)),
        switch (spec.positions()) {
          case Spec.Positions.Learned l ->
              source.get("embed.position.weight", Shape.of(spec.context() + offset, c));
          case Spec.Positions.Rotary r -> null;
          case Spec.Positions.Alibi a -> null;
          case Spec.Positions.None n -> null;
        },
        offset,
        spec.embedding().norm() ? norm(spec, "embed.norm", c, source) : null,
        spec.context());
  }

  private static TransformerBlock block(
      Spec spec, String path, Map<Spec.Positions.Rotary, RotaryTable> tables, WeightSource source)
      throws FormatException {
    int layer = Integer.parseInt(path.substring(path.lastIndexOf('.') + 1));
    RotaryTable rotary =
        spec.positions(layer) instanceof Spec.Positions.Rotary r
            ? tables.computeIfAbsent(r, RotaryTable::new)
            : null;
    return new TransformerBlock(
        residual(spec, path + ".norm1", source),
        attention(spec, path + ".attn", scores(spec, layer), rotary, source),
        residual(spec, path + ".norm2", source),
        feedForward(spec, path + ".mlp", source));
  }

  private static Residual residual(Spec spec, String path, WeightSource source)
      throws FormatException {
    Norm norm = norm(spec, path, spec.width(), source);
    return switch (spec.norms().placement()) {
      case BEFORE -> Residual.before(norm);
      case AFTER -> new Residual(null, null, norm);
      case AROUND -> new Residual(norm, norm(spec, path + "_inside", spec.width(), source), null);
    };
  }

  private static AttentionScores scores(Spec spec, int layer) {
    Spec.Attention a = spec.attention();
    AttentionScores sight =
        a.causal()
            ? AttentionScores.causal(a.headDim())
            : AttentionScores.bidirectional(a.headDim());
    AttentionScores plain =
        sight.withScale(a.scale()).withWindow(spec.layer(layer).window()).withSoftcap(a.softCap());
    return spec.positions(layer) instanceof Spec.Positions.Alibi
        ? plain.withSlopes(AttentionScores.alibi(a.heads()))
        : plain;
  }

  private static SelfAttention attention(
      Spec spec,
      String path,
      AttentionScores scores,
      @Nullable RotaryTable rotary,
      WeightSource source)
      throws FormatException {
    Spec.Attention a = spec.attention();
    int c = spec.width();
    int q = a.queryWidth();
    int kv = a.keyWidth();
    QueryKeyValue inputs =
        switch (a.inputs()) {
          case FUSED, INTERLEAVED ->
              new QueryKeyValue.Fused(
                  projection(spec, path + ".qkv", c, q + 2 * kv, a.inputBias(), source),
                  a.inputs() == Spec.Inputs.INTERLEAVED ? a.heads() : 0);
          case FUSED_WITHOUT_KEY_BIAS ->
              new QueryKeyValue.Fused(
                  projection(spec, path + ".qkv", c, q + 2 * kv, false, source),
                  0,
                  new QueryKeyValue.OuterBiases(
                      source.get(path + ".q.bias", Shape.of(q)),
                      source.get(path + ".v.bias", Shape.of(kv))));
          case SEPARATE ->
              new QueryKeyValue.Separate(
                  projection(spec, path + ".q", c, q, a.inputBias(), source),
                  projection(spec, path + ".k", c, kv, a.inputBias(), source),
                  projection(spec, path + ".v", c, kv, a.inputBias(), source),
                  a.headNorm() ? headNorms(spec, path, source) : null);
        };
    Projection out = projection(spec, path + ".out", q, c, a.outputBias(), source);
    return new SelfAttention(inputs, out, a.heads(), a.kvHeads(), a.headDim(), scores, rotary);
  }

  private static QueryKeyValue.HeadNorms headNorms(Spec spec, String path, WeightSource source)
      throws FormatException {
    int d = spec.attention().headDim();
    return new QueryKeyValue.HeadNorms(
        norm(spec, path + ".q_norm", d, source), norm(spec, path + ".k_norm", d, source));
  }

  private static FeedForward feedForward(Spec spec, String path, WeightSource source)
      throws FormatException {
    Spec.FeedForward f = spec.feedForward();
    int c = spec.width();
    return new FeedForward(
        f.gated() && !f.fused()
            ? projection(spec, path + ".gate", c, f.width(), f.bias(), source)
            : null,
        f.fused()
            ? projection(spec, path + ".gate_up", c, 2 * f.width(), f.bias(), source)
            : projection(spec, path + ".up", c, f.width(), f.bias(), source),
        f.fused(),
        f.activation(),
        projection(spec, path + ".down", f.width(), c, f.bias(), source));
  }

  private static Norm norm(Spec spec, String path, int columns, WeightSource source)
      throws FormatException {
    Shape c = Shape.of(columns);
    Parameter weight = source.get(path + ".weight", c);
    Parameter bias =
        switch (spec.norms().kind()) {
          case LAYER -> source.get(path + ".bias", c);
          case RMS, RMS_FROM_ONE -> null;
        };
    return new Norm(spec.norms().kind(), weight, bias, spec.norms().eps());
  }

  private static Projection projection(
      Spec spec, String path, int in, int out, boolean bias, WeightSource source)
      throws FormatException {
    return source.projection(path, in, out, bias, spec.layout());
  }

  /**
   * Fresh numbers as GPT-2 starts (Radford et al. 2019): matrices from N(0, 0.02²), the two
   * projections into the residual stream scaled by 1/√(2·layers), norms 1, biases 0. Frozen; make
   * what should train {@link TransformerModel#trainable trainable}.
   */
  public static TransformerModel random(Spec spec, long seed) {
    double residual = 0.02 / Math.sqrt(2.0 * spec.layers());
    try {
      return build(
          spec,
          (name, shape) -> {
            Tensor t = Tensor.zeros(shape);
            if (name.endsWith(".weight")) {
              if (shape.rank() == 1 && !name.equals("embed.first.weight"))
                t.fill(spec.norms().kind() == Norm.Kind.RMS_FROM_ONE ? 0 : 1);
              else {
                RandomStream stream = RandomStream.of(seed, "init." + name);
                double std =
                    name.endsWith(".attn.out.weight") || name.endsWith(".mlp.down.weight")
                        ? residual
                        : 0.02;
                for (int i = 0; i < t.size(); i++)
                  t.data()[i] = (float) (std * stream.nextGaussian());
              }
            }
            return Parameter.frozen(HeapWeight.of(t));
          });
    } catch (FormatException e) {
      throw new AssertionError("a random source refuses nothing", e);
    }
  }
}
