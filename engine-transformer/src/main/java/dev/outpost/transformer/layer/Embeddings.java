package dev.outpost.transformer.layer;

import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Add;
import dev.outpost.autograd.op.Embedding;
import dev.outpost.tensor.ShapeException;
import dev.outpost.transformer.module.Module;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.ParameterVisitor;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Rewriter;

/**
 * Token and learned position embeddings.
 *
 * @param token [V, C]
 * @param position [context, C]
 */
public record Embeddings(Parameter token, Parameter position) implements Module<Embeddings> {
  /**
   * ids (batch·time of them, sequence by sequence) → [B·T, C]. Fails when the sequence is longer
   * than the model's context.
   */
  public Var apply(Pass pass, int[] ids) {
    if (ids.length != pass.batch() * pass.time())
      throw new ShapeException(
          "embeddings",
          "ids must number batch × time",
          ids.length,
          pass.batch() + "x" + pass.time());
    int end = pass.past() + pass.time();
    if (end > position.shape().rows())
      throw new ShapeException(
          "embeddings",
          "a sequence may have at most "
              + position.shape().rows()
              + " tokens, the model's context; shorten or split the text",
          end + " tokens");
    int[] positions = new int[ids.length];
    for (int i = 0; i < ids.length; i++) positions[i] = pass.past() + i % pass.time();
    Var tokens = Embedding.embedding(pass.tape(), pass.of(token), ids);
    return Add.add(
        pass.tape(), tokens, Embedding.embedding(pass.tape(), pass.of(position), positions));
  }

  @Override
  public void visit(String path, ParameterVisitor visitor) {
    visitor.visit(path + ".token.weight", token);
    visitor.visit(path + ".position.weight", position);
  }

  @Override
  public Embeddings rewrite(String path, Rewriter r) {
    return new Embeddings(
        r.parameter(path + ".token.weight", token),
        r.parameter(path + ".position.weight", position));
  }
}
