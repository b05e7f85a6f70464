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
import org.jspecify.annotations.Nullable;

/**
 * Token embeddings, and learned position embeddings where the family has them.
 *
 * @param token [V, C]
 * @param position [context, C], or null where positions enter elsewhere
 * @param context longest sequence
 */
public record Embeddings(Parameter token, @Nullable Parameter position, int context)
    implements Module<Embeddings> {
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
    if (end > context)
      throw new ShapeException(
          "embeddings",
          "a sequence may have at most "
              + context
              + " tokens, the model's context; shorten or split the text",
          end + " tokens");
    Var tokens = Embedding.embedding(pass.tape(), pass.of(token), ids);
    return position == null ? tokens : placed(pass, tokens, position);
  }

  private static Var placed(Pass pass, Var tokens, Parameter table) {
    int[] positions = new int[pass.batch() * pass.time()];
    for (int i = 0; i < positions.length; i++) positions[i] = pass.past() + i % pass.time();
    return Add.add(
        pass.tape(), tokens, Embedding.embedding(pass.tape(), pass.of(table), positions));
  }

  @Override
  public void visit(String path, ParameterVisitor visitor) {
    visitor.visit(path + ".token.weight", token);
    if (position != null) visitor.visit(path + ".position.weight", position);
  }

  @Override
  public Embeddings rewrite(String path, Rewriter r) {
    return new Embeddings(
        r.parameter(path + ".token.weight", token),
        position == null ? null : r.parameter(path + ".position.weight", position),
        context);
  }
}
