package dev.outpost.transformer.layer;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Attention;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.transformer.module.KvCache;
import dev.outpost.transformer.module.Module;
import dev.outpost.transformer.module.ParameterVisitor;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.module.Rewriter;

/**
 * Multi-head causal self-attention with one fused query-key-value projection.
 *
 * @param qkv C → 3C, columns ordered query, key, value
 * @param out C → C
 * @param heads number of heads; C must be a multiple
 */
public record SelfAttention(Projection qkv, Projection out, int heads)
    implements Module<SelfAttention> {
  /** x [B·T, C] → [B·T, C]. */
  public Var apply(Pass pass, Var x) {
    Var fused = qkv.apply(pass, "attn.qkv", x);
    KvCache cache = pass.cache();
    Var mixed =
        cache == null
            ? Attention.attention(pass.tape(), shape(pass), fused)
            : cached(pass, cache, fused);
    return out.apply(pass, "attn.out", mixed);
  }

  private AttentionShape shape(Pass pass) {
    return AttentionShape.causal(pass.batch(), pass.time(), heads, out.in() / heads);
  }

  private Var cached(Pass pass, KvCache cache, Var fused) {
    Tape tape = pass.tape();
    if (tape.isRecording())
      throw new IllegalStateException(
          "attention: a key/value cache cannot be used on a recording tape");
    KvCache.Entry past = cache.append(pass.path(), fused.value(), pass.time());
    AttentionShape s = shape(pass);
    s =
        new AttentionShape(
            s.batch(),
            s.queries(),
            cache.length() + s.queries(),
            heads,
            heads,
            s.headDim(),
            s.scale(),
            true);
    Tensor y = tape.take(pass.batch() * pass.time(), out.in());
    Tensor lse = tape.take(pass.batch(), heads, pass.time());
    HeadView q = HeadView.of(fused.value(), pass.time(), 0);
    tape.kernels().attention(s, q, past.keys(), past.values(), HeadView.of(y, pass.time(), 0), lse);
    return tape.constant(y);
  }

  @Override
  public void visit(String path, ParameterVisitor visitor) {
    qkv.visit(path + ".qkv", visitor);
    out.visit(path + ".out", visitor);
  }

  @Override
  public SelfAttention rewrite(String path, Rewriter r) {
    return new SelfAttention(qkv.rewrite(path + ".qkv", r), out.rewrite(path + ".out", r), heads);
  }
}
