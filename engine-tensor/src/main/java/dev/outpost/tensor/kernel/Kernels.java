package dev.outpost.tensor.kernel;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.scalar.ScalarKernels;
import dev.outpost.tensor.memory.DeviceMemory;
import dev.outpost.tensor.weight.Weight;
import org.jspecify.annotations.Nullable;

/**
 * The one seam between the engine and a machine's arithmetic: few, coarse, stateless operations.
 * {@code ScalarKernels} is the specification; a backend overrides what it does faster and is held
 * to the specification by the shared case table.
 *
 * <p>Tensors are seen as {@code [rows, cols]} with {@code cols} the last extent. Shapes are checked
 * by the callers (the operations of the autograd module); kernels only {@code assert}. Results
 * never depend on the number of threads: work is split over rows or columns, never across a
 * reduction. Outputs may not overlap inputs unless said so. {@code accumulate} means {@code out +=
 * result} instead of {@code out = result}.
 */
public interface Kernels {
  /**
   * The fastest kernels that this JVM can run, on these threads; {@link KernelsSelection} tells
   * which and why.
   */
  static Kernels best(Team team) {
    return KernelsSelection.current().open(team);
  }

  /** The specification, on the calling thread. */
  static Kernels scalar() {
    return new ScalarKernels(Team.of(1));
  }

  /** Short name for logs and benchmark lines, such as {@code vector-256}. */
  String name();

  /** The threads this backend runs on. */
  Team team();

  /** Where these kernels' numbers lie. */
  default DeviceMemory memory() {
    return DeviceMemory.HOST;
  }

  /** Sets every element. */
  void fill(Tensor t, float value);

  /**
   * {@code to (+)= from}, element by element. from [R, C] with any strides on the heap, to [R, C]
   * on the heap with column stride 1.
   */
  void copy(MatView from, MatView to, boolean accumulate);

  /**
   * {@code c = a·b} or {@code c += a·b}. a [M, K], b [K, N], c [M, N] on the heap with column
   * stride 1. Transposes come as swapped strides; a and b may be native.
   */
  void gemm(MatView a, MatView b, MatView c, boolean accumulate);

  /** {@code y[r, :] = x[r, :] + bias}. x, y [R, C] (may be the same), bias [C]. */
  void addBias(Tensor x, Tensor bias, Tensor y);

  /** {@code out[c] (+)= Σ_r x[r, c]}. x [R, C], out [C]. */
  void sumRows(Tensor x, Tensor out, boolean accumulate);

  /**
   * {@code y = alpha·x + beta·y}, element by element; {@code beta == 0} ignores what y held, NaN
   * included. y may be x.
   */
  void axpby(float alpha, Tensor x, float beta, Tensor y);

  /** {@code y = a + b}, element by element; y may be a or b. */
  void add(Tensor a, Tensor b, Tensor y);

  /** {@code y (+)= a ⊙ b}, element by element. */
  void multiply(Tensor a, Tensor b, Tensor y, boolean accumulate);

  /** {@code y = op(x)}, element by element; y may be x. */
  void map(UnaryMap op, Tensor x, Tensor y);

  /** {@code dx (+)= op'(x) ⊙ dy}; dx may be dy when not accumulating. */
  void mapBackward(UnaryMap op, Tensor x, Tensor dy, Tensor dx, boolean accumulate);

  /**
   * LayerNorm (Ba et al. 2016): {@code y = (x − mean)·rstd·gamma + beta}, variance biased, {@code
   * rstd = 1/√(var + eps)}. x, y [R, C]; gamma, beta [C]; mean, rstd [R] are outputs kept for
   * backward.
   */
  void layerNorm(
      Tensor x, Tensor gamma, Tensor beta, float eps, Tensor y, Tensor mean, Tensor rstd);

  /**
   * Backward of {@link #layerNorm}. dx [R, C] or null when x needs no gradient; dgamma, dbeta [C]
   * or both null when frozen.
   *
   * @param accumulateX {@code dx +=}
   * @param accumulateParameters {@code dgamma +=, dbeta +=}
   */
  void layerNormBackward(
      Tensor x,
      Tensor gamma,
      Tensor mean,
      Tensor rstd,
      Tensor dy,
      @Nullable Tensor dx,
      boolean accumulateX,
      @Nullable Tensor dgamma,
      @Nullable Tensor dbeta,
      boolean accumulateParameters);

  /**
   * RMSNorm (Zhang & Sennrich 2019): {@code y = x·rstd·gamma}, {@code rstd = 1/√(avg(x²) + eps)}.
   * x, y [R, C]; gamma [C]; rstd [R] is an output kept for backward.
   */
  void rmsNorm(Tensor x, Tensor gamma, float eps, Tensor y, Tensor rstd);

  /**
   * Backward of {@link #rmsNorm}. dx [R, C] or null when x needs no gradient; dgamma [C] or null
   * when frozen.
   *
   * @param accumulateX {@code dx +=}
   * @param accumulateGamma {@code dgamma +=}
   */
  void rmsNormBackward(
      Tensor x,
      Tensor gamma,
      Tensor rstd,
      Tensor dy,
      @Nullable Tensor dx,
      boolean accumulateX,
      @Nullable Tensor dgamma,
      boolean accumulateGamma);

  /**
   * Rotary position embedding (Su et al. 2021) of every head: with c, s = row {@code past + t} of
   * {@code angles}, {@code y[a] = x[a]·c[i] − x[b]·s[i]} and {@code y[b] = x[b]·c[i] + x[a]·s[i]}
   * for each pair i of a head, whose numbers a and b the shape's {@link RotaryPairing} names. y may
   * be x.
   *
   * @param angles [≥ past + time, 2·pairs]: cosines, then sines, of each position
   * @param inverse turns back, which is also the backward: the rotation is orthogonal
   */
  void rotary(RotaryShape shape, Tensor angles, HeadView x, HeadView y, boolean inverse);

  /**
   * A gated activation (Shazeer 2020): {@code y = op(gate) ⊙ up}, element by element; SwiGLU when
   * op is SILU. y may be gate.
   */
  void gate(UnaryMap op, Tensor gate, Tensor up, Tensor y);

  /**
   * Backward of {@link #gate}, written, not accumulated: {@code dgate = op'(gate) ⊙ up ⊙ dy, dup =
   * op(gate) ⊙ dy}. dup may be dy.
   */
  void gateBackward(UnaryMap op, Tensor gate, Tensor up, Tensor dy, Tensor dgate, Tensor dup);

  /** Softmax over each row; a row that is all −∞ becomes zeros. y may be x. */
  void softmax(Tensor x, Tensor y);

  /**
   * Dot-product attention: {@code out = softmax(s)·v} over the keys that each query sees, with the
   * scores s of {@link AttentionScores}. A query that sees none gets zeros. Never holds a T×T
   * matrix for more than the head at work.
   *
   * @param lse out [batch, heads, queries]: log Σ exp of each query's scores, −∞ where it sees no
   *     key; kept for backward
   */
  void attention(
      AttentionShape shape, HeadView q, HeadView k, HeadView v, HeadView out, Tensor lse);

  /**
   * Backward of {@link #attention}; dq, dk, dv are written (not accumulated), zeros for queries
   * that see no key and keys that no query sees. {@code out} and {@code lse} are the forward's.
   */
  void attentionBackward(
      AttentionShape shape,
      HeadView q,
      HeadView k,
      HeadView v,
      HeadView out,
      Tensor lse,
      HeadView dout,
      HeadView dq,
      HeadView dk,
      HeadView dv);

  /** {@code out[i, :] (+)= table[ids[i], :]}. table [V, C] of any dtype, out [n, C]. */
  void gather(Weight table, int[] ids, Tensor out, boolean accumulate);

  /** {@code dTable[ids[i], :] += dOut[i, :]}; repeated ids add up in the order of i. */
  void scatterAdd(Tensor dOut, int[] ids, Tensor dTable);

  /**
   * Cross-entropy of each row against its target, and in place the gradient: on return {@code
   * logits[r, :] = scale·(softmax(logits[r, :]) − onehot(target))}; rows whose target is negative
   * are ignored: gradient zero, loss zero. logits [R, V].
   *
   * @param losses out, one per row: {@code −log softmax(logits[r, :])[target]} in nats
   * @param gradient false leaves logits unspecified and computes losses only
   */
  void crossEntropy(Tensor logits, int[] targets, float scale, float[] losses, boolean gradient);

  /**
   * One AdamW update in place (Loshchilov & Hutter 2019). All of p's size; m, v are the moments.
   */
  void adamW(Tensor p, Tensor g, Tensor m, Tensor v, AdamWStep step);

  /** Σ x², summed in f64 in an order that does not depend on the number of threads. */
  double sumSquares(Tensor x);

  /** Σ (a − b)², in f64, as {@link #sumSquares}. */
  double sumSquaredDifference(Tensor a, Tensor b);
}
