package dev.outpost.transformer.layer;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Attention;
import dev.outpost.autograd.op.Columns;
import dev.outpost.autograd.op.OuterBias;
import dev.outpost.autograd.op.PrefixAttention;
import dev.outpost.autograd.op.Rotary;
import dev.outpost.autograd.op.SwapColumns;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.tensor.kernel.RotaryShape;
import dev.outpost.transformer.module.Module;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.ParameterVisitor;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.module.Rewriter;
import org.jspecify.annotations.Nullable;

/**
 * The projections that make queries, keys and values, as the family's files store them: fused in
 * one matrix or three of their own; and what stands before all keys, if anything.
 */
public sealed interface QueryKeyValue extends Module<QueryKeyValue> {
  /** x [B·T, C] → queries, keys and values of every position. */
  Heads apply(Pass pass, Var x);

  /** Queries, keys and values on a tape. */
  sealed interface Heads {
    /** The same with queries and keys turned by position; {@code s} counts the query heads. */
    Heads turned(Tape tape, RotaryShape s, Tensor angles, int kvHeads);

    /** Every query over the keys of this pass: [B·T, H·D]. */
    Var attend(Tape tape, AttentionShape s);

    /** The same as three values. */
    SeparateHeads separate(Tape tape, AttentionShape s);

    /**
     * Makes a result [B·T, H·D] over cached keys, and its log-sum-exps [B, H, T], those over keys
     * without position too, where there are any.
     */
    default void extend(Tape tape, AttentionShape s, Tensor out, Tensor lse) {}

    /** Queries; {@code s} has this pass's positions, as for the two below. */
    HeadView queries(AttentionShape s);

    /** Keys. */
    HeadView keys(AttentionShape s);

    /** Values. */
    HeadView values(AttentionShape s);
  }

  /**
   * One projection.
   *
   * @param qkv C → (H + 2·Hkv)·D, columns ordered query, key, value; or by head first
   * @param interleaved heads in whose order the columns lie, 0 where queries come first
   * @param biases where the projection has none and the keys neither, or null
   */
  record Fused(Projection qkv, int interleaved, @Nullable OuterBiases biases)
      implements QueryKeyValue {
    /** With the projection's own bias, or none. */
    public Fused(Projection qkv, int interleaved) {
      this(qkv, interleaved, null);
    }

    @Override
    public Heads apply(Pass pass, Var x) {
      Var y = qkv.apply(pass, "attn.qkv", x);
      if (biases != null)
        y = OuterBias.outerBias(pass.tape(), y, pass.of(biases.q), pass.of(biases.v));
      return new FusedHeads(
          interleaved == 0 ? y : SwapColumns.swapColumns(pass.tape(), y, interleaved, 3));
    }

    @Override
    public void visit(String path, ParameterVisitor visitor) {
      qkv.visit(path + ".qkv", visitor);
      if (biases == null) return;
      visitor.visit(path + ".q.bias", biases.q);
      visitor.visit(path + ".v.bias", biases.v);
    }

    @Override
    public QueryKeyValue rewrite(String path, Rewriter r) {
      return new Fused(
          qkv.rewrite(path + ".qkv", r),
          interleaved,
          biases == null
              ? null
              : new OuterBiases(
                  r.parameter(path + ".q.bias", biases.q),
                  r.parameter(path + ".v.bias", biases.v)));
    }
  }

  /** Biases of queries [H·D] and of values [Hkv·D]. */
  record OuterBiases(Parameter q, Parameter v) {}

  /**
   * Three projections.
   *
   * @param q C → H·D
   * @param k C → Hkv·D
   * @param v C → Hkv·D
   * @param norms of each query and key head [D], or null
   */
  record Separate(Projection q, Projection k, Projection v, @Nullable HeadNorms norms)
      implements QueryKeyValue {
    @Override
    public Heads apply(Pass pass, Var x) {
      Var queries = q.apply(pass, "attn.q", x);
      Var keys = k.apply(pass, "attn.k", x);
      Var values = v.apply(pass, "attn.v", x);
      return norms == null
          ? new SeparateHeads(queries, keys, values)
          : new SeparateHeads(norms.q.apply(pass, queries), norms.k.apply(pass, keys), values);
    }

    @Override
    public void visit(String path, ParameterVisitor visitor) {
      q.visit(path + ".q", visitor);
      k.visit(path + ".k", visitor);
      v.visit(path + ".v", visitor);
      if (norms == null) return;
      norms.q.visit(path + ".q_norm", visitor);
      norms.k.visit(path + ".k_norm", visitor);
    }

    @Override
    public QueryKeyValue rewrite(String path, Rewriter r) {
      return new Separate(
          q.rewrite(path + ".q", r),
          k.rewrite(path + ".k", r),
          v.rewrite(path + ".v", r),
          norms == null
              ? null
              : new HeadNorms(
                  norms.q.rewrite(path + ".q_norm", r), norms.k.rewrite(path + ".k_norm", r)));
    }
  }

  /**
   * Keys and values that every query sees besides, at no position (Li & Liang 2021).
   *
   * @param inputs the projections
   * @param keys [P, Hkv·D], as they are compared with turned queries
   * @param values [P, Hkv·D]
   */
  record Prefixed(QueryKeyValue inputs, Parameter keys, Parameter values) implements QueryKeyValue {
    @Override
    public Heads apply(Pass pass, Var x) {
      return new PrefixedHeads(inputs.apply(pass, x), pass.of(keys), pass.of(values));
    }

    @Override
    public void visit(String path, ParameterVisitor visitor) {
      inputs.visit(path, visitor);
      visitor.visit(path + ".prefix_keys.weight", keys);
      visitor.visit(path + ".prefix_values.weight", values);
    }

    @Override
    public QueryKeyValue rewrite(String path, Rewriter r) {
      return new Prefixed(
          inputs.rewrite(path, r),
          r.parameter(path + ".prefix_keys.weight", keys),
          r.parameter(path + ".prefix_values.weight", values));
    }
  }

  /** Norms of a query's and a key's D numbers. */
  record HeadNorms(Norm q, Norm k) {}

  /** Side by side in one tensor. */
  record FusedHeads(Var qkv) implements Heads {
    @Override
    public Heads turned(Tape tape, RotaryShape s, Tensor angles, int kvHeads) {
      // Keys lie right behind the queries: to the rotation they are more heads.
      return new FusedHeads(Rotary.rotary(tape, s.ofHeads(s.heads() + kvHeads), angles, qkv));
    }

    @Override
    public Var attend(Tape tape, AttentionShape s) {
      return Attention.attention(tape, s, qkv);
    }

    @Override
    public SeparateHeads separate(Tape tape, AttentionShape s) {
      int q = s.heads() * s.headDim();
      int kv = s.kvHeads() * s.headDim();
      return new SeparateHeads(
          Columns.columns(tape, qkv, 0, q),
          Columns.columns(tape, qkv, q, q + kv),
          Columns.columns(tape, qkv, q + kv, q + 2 * kv));
    }

    @Override
    public HeadView queries(AttentionShape s) {
      return HeadView.of(qkv.value(), s.queries(), 0);
    }

    @Override
    public HeadView keys(AttentionShape s) {
      return HeadView.of(qkv.value(), s.queries(), s.heads() * s.headDim());
    }

    @Override
    public HeadView values(AttentionShape s) {
      return HeadView.of(qkv.value(), s.queries(), (s.heads() + s.kvHeads()) * s.headDim());
    }
  }

  /** A tensor each. */
  record SeparateHeads(Var q, Var k, Var v) implements Heads {
    @Override
    public Heads turned(Tape tape, RotaryShape s, Tensor angles, int kvHeads) {
      return new SeparateHeads(
          Rotary.rotary(tape, s, angles, q), Rotary.rotary(tape, s.ofHeads(kvHeads), angles, k), v);
    }

    @Override
    public Var attend(Tape tape, AttentionShape s) {
      return Attention.attention(tape, s, q, k, v);
    }

    @Override
    public SeparateHeads separate(Tape tape, AttentionShape s) {
      return this;
    }

    @Override
    public HeadView queries(AttentionShape s) {
      return HeadView.of(q.value(), s.queries(), 0);
    }

    @Override
    public HeadView keys(AttentionShape s) {
      return HeadView.of(k.value(), s.queries(), 0);
    }

    @Override
    public HeadView values(AttentionShape s) {
      return HeadView.of(v.value(), s.queries(), 0);
    }
  }

  /** With a prefix's keys and values [P, Hkv·D]. */
  record PrefixedHeads(Heads own, Var keys, Var values) implements Heads {
    @Override
    public Heads turned(Tape tape, RotaryShape s, Tensor angles, int kvHeads) {
      return new PrefixedHeads(own.turned(tape, s, angles, kvHeads), keys, values);
    }

    @Override
    public Var attend(Tape tape, AttentionShape s) {
      SeparateHeads h = separate(tape, s);
      return PrefixAttention.attention(tape, s, h.q, h.k, h.v, keys, values);
    }

    @Override
    public SeparateHeads separate(Tape tape, AttentionShape s) {
      return own.separate(tape, s);
    }

    @Override
    public void extend(Tape tape, AttentionShape s, Tensor out, Tensor lse) {
      own.extend(tape, s, out, lse);
      PrefixAttention.extend(tape, s, queries(s), keys.value(), values.value(), out, lse);
    }

    @Override
    public HeadView queries(AttentionShape s) {
      return own.queries(s);
    }

    @Override
    public HeadView keys(AttentionShape s) {
      return own.keys(s);
    }

    @Override
    public HeadView values(AttentionShape s) {
      return own.values(s);
    }
  }
}
