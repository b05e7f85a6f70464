package dev.outpost.transformer;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.transformer.layer.FeedForward;
import dev.outpost.transformer.layer.SelfAttention;
import dev.outpost.transformer.module.ParameterVisitor;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Rewriter;

/**
 * Attention, then the feed-forward part, each added to the stream: with norms before, as in most
 * decoders, {@code h = x + attn(norm1(x)); y = h + mlp(norm2(h))}.
 *
 * @param norm1 how attention joins
 * @param norm2 how the feed-forward part joins
 */
public record TransformerBlock(
    Residual norm1, SelfAttention attention, Residual norm2, FeedForward mlp) implements Block {
  @Override
  public Var forward(Pass pass, Var x) {
    Tape tape = pass.tape();
    try (Tape.Scope scope = tape.scope()) {
      Var h = norm1.apply(pass, x, v -> attention.apply(pass, v));
      return scope.keep(norm2.apply(pass, h, v -> mlp.apply(pass, v)));
    }
  }

  /** The same block with other attention. */
  public TransformerBlock with(SelfAttention other) {
    return new TransformerBlock(norm1, other, norm2, mlp);
  }

  @Override
  public void visit(String path, ParameterVisitor visitor) {
    norm1.visit(path + ".norm1", visitor);
    attention.visit(path + ".attn", visitor);
    norm2.visit(path + ".norm2", visitor);
    mlp.visit(path + ".mlp", visitor);
  }

  @Override
  public Block rewrite(String path, Rewriter r) {
    return new TransformerBlock(
        norm1.rewrite(path + ".norm1", r),
        attention.rewrite(path + ".attn", r),
        norm2.rewrite(path + ".norm2", r),
        mlp.rewrite(path + ".mlp", r));
  }
}
