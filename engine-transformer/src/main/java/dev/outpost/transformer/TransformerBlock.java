package dev.outpost.transformer;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Add;
import dev.outpost.transformer.layer.FeedForward;
import dev.outpost.transformer.layer.Norm;
import dev.outpost.transformer.layer.SelfAttention;
import dev.outpost.transformer.module.ParameterVisitor;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Rewriter;

/** The pre-norm block: {@code h = x + attn(norm1(x)); y = h + mlp(norm2(h))}. */
public record TransformerBlock(Norm norm1, SelfAttention attention, Norm norm2, FeedForward mlp)
    implements Block {
  @Override
  public Var forward(Pass pass, Var x) {
    Tape tape = pass.tape();
    try (Tape.Scope scope = tape.scope()) {
      Var h = Add.add(tape, x, attention.apply(pass, norm1.apply(pass, x)));
      return scope.keep(Add.add(tape, h, mlp.apply(pass, norm2.apply(pass, h))));
    }
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
