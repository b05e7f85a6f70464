package dev.outpost.transformer.load;

import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TransformerBlock;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.layer.Dense;
import dev.outpost.transformer.layer.Embeddings;
import dev.outpost.transformer.layer.FeedForward;
import dev.outpost.transformer.layer.Norm;
import dev.outpost.transformer.layer.SelfAttention;
import dev.outpost.transformer.module.Parameter;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

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
    int c = spec.width();
    Embeddings embeddings =
        new Embeddings(
            source.get("embed.token.weight", Shape.of(spec.vocabularySize(), c)),
            source.get("embed.position.weight", Shape.of(spec.context(), c)));
    List<Slot> built = new ArrayList<>();
    for (String name : slots) built.add(new Slot(name, block(spec, name, source)));
    Parameter head =
        spec.tiedHead() ? null : source.get("head.weight", Shape.of(spec.vocabularySize(), c));
    return new TransformerModel(spec, embeddings, built, norm(spec, "norm", source), head);
  }

  private static TransformerBlock block(Spec spec, String path, WeightSource source)
      throws FormatException {
    int c = spec.width();
    int f = spec.feedForwardWidth();
    return new TransformerBlock(
        norm(spec, path + ".norm1", source),
        new SelfAttention(
            dense(spec, path + ".attn.qkv", c, 3 * c, source),
            dense(spec, path + ".attn.out", c, c, source),
            spec.heads()),
        norm(spec, path + ".norm2", source),
        new FeedForward(
            dense(spec, path + ".mlp.up", c, f, source),
            spec.activation(),
            dense(spec, path + ".mlp.down", f, c, source)));
  }

  private static Norm norm(Spec spec, String path, WeightSource source) throws FormatException {
    Shape c = Shape.of(spec.width());
    return new Norm(source.get(path + ".weight", c), source.get(path + ".bias", c), spec.normEps());
  }

  private static Dense dense(Spec spec, String path, int in, int out, WeightSource source)
      throws FormatException {
    Shape shape =
        switch (spec.layout()) {
          case IN_OUT -> Shape.of(in, out);
          case OUT_IN -> Shape.of(out, in);
        };
    return new Dense(
        source.get(path + ".weight", shape),
        source.get(path + ".bias", Shape.of(out)),
        spec.layout());
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
              if (shape.rank() == 1) t.fill(1);
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
