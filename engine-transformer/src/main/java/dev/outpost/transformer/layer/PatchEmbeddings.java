package dev.outpost.transformer.layer;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Add;
import dev.outpost.autograd.op.Embedding;
import dev.outpost.autograd.op.Join;
import dev.outpost.autograd.op.Patches;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.ShapeException;
import dev.outpost.transformer.Input;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.ParameterVisitor;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Rewriter;
import org.jspecify.annotations.Nullable;

/**
 * What an image enters the first block as: a class token, then its patches, each projected, with
 * the row of its position (Dosovitskiy et al. 2021), normed where the family has it.
 *
 * @param patch [C, channels, P, P]
 * @param bias [C], or null
 * @param first the class token, C numbers
 * @param position a row of C for each of T positions
 * @param norm of the sum, or null
 * @param size pixels of an image's side
 */
public record PatchEmbeddings(
    Parameter patch,
    @Nullable Parameter bias,
    Parameter first,
    Parameter position,
    @Nullable Norm norm,
    int size)
    implements Embeddings {
  /** Fails when the images are not of the model's size. */
  @Override
  public Var apply(Pass pass, Input input) {
    if (!(input instanceof Input.Images(var pixels)))
      throw new IllegalArgumentException("embeddings: a model of images reads images, not tokens");
    Shape fitting = Shape.of(pass.batch(), patch.shape().dim(1), size, size);
    if (!pixels.shape().equals(fitting) || pass.time() != position.shape().rows())
      throw new ShapeException(
          "embeddings",
          "images must be [batch, channels, height, width] of the model's size, which is "
              + position.shape().rows()
              + " positions",
          pixels.shape(),
          fitting + " in " + pass.time());
    Tape tape = pass.tape();
    Var squares =
        Patches.patches(tape, pixels, pass.of(patch), bias == null ? null : pass.of(bias));
    Var firsts = Embedding.embedding(tape, pass.of(first), new int[pass.batch()]);
    Var x = Join.join(tape, firsts, squares, pass.batch());
    int[] places = new int[pass.batch() * pass.time()];
    for (int i = 0; i < places.length; i++) places[i] = i % pass.time();
    x = Add.add(tape, x, Embedding.embedding(tape, pass.of(position), places));
    return norm == null ? x : norm.apply(pass, x);
  }

  @Override
  public Parameter token() {
    throw new IllegalStateException("embeddings: a model of images has no token table");
  }

  @Override
  public void visit(String path, ParameterVisitor visitor) {
    visitor.visit(path + ".patch.weight", patch);
    if (bias != null) visitor.visit(path + ".patch.bias", bias);
    visitor.visit(path + ".first.weight", first);
    visitor.visit(path + ".position.weight", position);
    if (norm != null) norm.visit(path + ".norm", visitor);
  }

  @Override
  public PatchEmbeddings rewrite(String path, Rewriter r) {
    return new PatchEmbeddings(
        r.parameter(path + ".patch.weight", patch),
        bias == null ? null : r.parameter(path + ".patch.bias", bias),
        r.parameter(path + ".first.weight", first),
        r.parameter(path + ".position.weight", position),
        norm == null ? null : norm.rewrite(path + ".norm", r),
        size);
  }
}
