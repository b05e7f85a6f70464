package dev.outpost.transformer.layer;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AttentionScores;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.tensor.kernel.RotaryShape;
import dev.outpost.transformer.module.KvCache;
import dev.outpost.transformer.module.Module;
import dev.outpost.transformer.module.ParameterVisitor;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.module.Rewriter;
import org.jspecify.annotations.Nullable;

/**
 * Multi-head self-attention; several query heads may share a key-value head.
 *
 * @param inputs projections to queries, keys and values
 * @param out H·D → C
 * @param heads H: query heads
 * @param kvHeads Hkv: key and value heads; H is a multiple
 * @param headDim D
 * @param scores how products become scores, and how far a query sees
 * @param rotary angles that turn queries and keys by position, or null
 */
public record SelfAttention(
    QueryKeyValue inputs,
    Projection out,
    int heads,
    int kvHeads,
    int headDim,
    AttentionScores scores,
    @Nullable RotaryTable rotary)
    implements Module<SelfAttention> {
  /** x [B·T, C] → [B·T, C]. */
  public Var apply(Pass pass, Var x) {
    QueryKeyValue.Heads qkv = inputs.apply(pass, x);
    if (rotary != null) qkv = turned(pass, rotary, qkv);
    KvCache cache = pass.cache();
    Var mixed = cache == null ? qkv.attend(pass.tape(), shape(pass, 0)) : cached(pass, cache, qkv);
    return out.apply(pass, "attn.out", mixed);
  }

  private QueryKeyValue.Heads turned(Pass pass, RotaryTable table, QueryKeyValue.Heads qkv) {
    int end = pass.past() + pass.time();
    if (pass.past() > 0 && table.turnsAnew(pass.past(), end))
      throw new IllegalStateException(
          "attention: the angles change between "
              + pass.past()
              + " and "
              + end
              + " tokens; begin with an empty key/value cache");
    RotaryShape s =
        new RotaryShape(
            pass.batch(), pass.time(), pass.past(), heads, headDim, table.pairs(), table.pairing());
    return qkv.turned(pass.tape(), s, table.angles(end), kvHeads);
  }

  private AttentionShape shape(Pass pass, int past) {
    return new AttentionShape(
            pass.batch(), pass.time(), past + pass.time(), heads, kvHeads, headDim, scores)
        .withLengths(pass.lengths());
  }

  private Var cached(Pass pass, KvCache cache, QueryKeyValue.Heads qkv) {
    Tape tape = pass.tape();
    if (tape.isRecording())
      throw new IllegalStateException(
          "attention: a key/value cache cannot be used on a recording tape");
    AttentionShape s = shape(pass, pass.past());
    KvCache.Entry past =
        cache.append(pass.path(), qkv.keys(s), qkv.values(s), kvHeads * headDim, pass.time());
    Tensor y = tape.take(pass.batch() * pass.time(), heads * headDim);
    Tensor lse = tape.take(pass.batch(), heads, pass.time());
    HeadView out = HeadView.of(y, pass.time(), 0);
    tape.kernels().attention(s, qkv.queries(s), past.keys(), past.values(), out, lse);
    qkv.extend(tape, s, y, lse);
    return tape.constant(y);
  }

  /** The same with other projections to queries, keys and values. */
  public SelfAttention with(QueryKeyValue other) {
    return new SelfAttention(other, out, heads, kvHeads, headDim, scores, rotary);
  }

  @Override
  public void visit(String path, ParameterVisitor visitor) {
    inputs.visit(path, visitor);
    out.visit(path + ".out", visitor);
  }

  @Override
  public SelfAttention rewrite(String path, Rewriter r) {
    return new SelfAttention(
        inputs.rewrite(path, r),
        out.rewrite(path + ".out", r),
        heads,
        kvHeads,
        headDim,
        scores,
        rotary);
  }
}
