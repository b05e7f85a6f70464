package dev.outpost.tensor.kernel.scalar;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AttentionScores;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.HeadView;

/**
 * Attention written as its definition, one query at a time: {@code s = cap(scale·q kᵀ) + bias},
 * {@code p = softmax(s)}, {@code out = p v}; backward {@code dv = pᵀ dout}, {@code ds = p ⊙ (dout
 * vᵀ − dout·out) ⊙ cap'}, {@code dq = scale·ds k}, {@code dk = scale·dsᵀ q}.
 */
final class ScalarAttention {
  private ScalarAttention() {}

  static void forward(
      AttentionShape s, HeadView q, HeadView k, HeadView v, HeadView out, Tensor lse) {
    int dim = s.headDim();
    double[] p = new double[s.keys()];
    for (int b = 0; b < s.batch(); b++)
      for (int h = 0; h < s.heads(); h++)
        for (int t = 0; t < s.queries(); t++) {
          int kh = h / (s.heads() / s.kvHeads());
          int from = s.firstKey(t);
          int to = Math.max(from, s.endKey(b, t));
          double max = Double.NEGATIVE_INFINITY;
          for (int j = from; j < to; j++) {
            double product = dot(q, q.at(b, t, h, dim), k, k.at(b, j, kh, dim), dim);
            p[j] = capped(s.scores(), product) + bias(s, h, t, j);
            max = Math.max(max, p[j]);
          }
          double sum = 0;
          for (int j = from; j < to; j++) sum += p[j] = Math.exp(p[j] - max);
          for (int d = 0; d < dim; d++) {
            double y = 0;
            for (int j = from; j < to; j++) y += p[j] * v.data()[v.at(b, j, kh, dim) + d];
            out.data()[out.at(b, t, h, dim) + d] = from == to ? 0 : (float) (y / sum);
          }
          lse.data()[lse.offset() + (b * s.heads() + h) * s.queries() + t] =
              (float) (max + Math.log(sum));
        }
  }

  static void backward(
      AttentionShape s,
      HeadView q,
      HeadView k,
      HeadView v,
      HeadView out,
      Tensor lse,
      HeadView dout,
      HeadView dq,
      HeadView dk,
      HeadView dv) {
    int dim = s.headDim();
    int group = s.heads() / s.kvHeads();
    for (int b = 0; b < s.batch(); b++)
      for (int kh = 0; kh < s.kvHeads(); kh++) {
        double[] sumK = new double[s.keys() * dim];
        double[] sumV = new double[s.keys() * dim];
        for (int h = kh * group; h < (kh + 1) * group; h++)
          for (int t = 0; t < s.queries(); t++) {
            int qAt = q.at(b, t, h, dim);
            int doutAt = dout.at(b, t, h, dim);
            double delta = dot(dout, doutAt, out, out.at(b, t, h, dim), dim);
            double logSum = lse.get((b * s.heads() + h) * s.queries() + t);
            double[] sumQ = new double[dim];
            for (int j = s.firstKey(t); j < s.endKey(b, t); j++) {
              int kAt = k.at(b, j, kh, dim);
              double capped = capped(s.scores(), dot(q, qAt, k, kAt, dim));
              double p = Math.exp(capped + bias(s, h, t, j) - logSum);
              double dp = dot(dout, doutAt, v, v.at(b, j, kh, dim), dim);
              double ds = p * (dp - delta) * slope(s.scores(), capped);
              for (int d = 0; d < dim; d++) {
                sumQ[d] += ds * k.data()[kAt + d];
                sumK[j * dim + d] += ds * q.data()[qAt + d];
                sumV[j * dim + d] += p * dout.data()[doutAt + d];
              }
            }
            for (int d = 0; d < dim; d++) dq.data()[dq.at(b, t, h, dim) + d] = (float) sumQ[d];
          }
        for (int j = 0; j < s.keys(); j++)
          for (int d = 0; d < dim; d++) {
            dk.data()[dk.at(b, j, kh, dim) + d] = (float) sumK[j * dim + d];
            dv.data()[dv.at(b, j, kh, dim) + d] = (float) sumV[j * dim + d];
          }
      }
  }

  private static double capped(AttentionScores s, double product) {
    double x = s.scale() * product;
    return s.softcap() == 0 ? x : s.softcap() * Math.tanh(x / s.softcap());
  }

  /** The derivative of {@link #capped} by the product. */
  private static double slope(AttentionScores s, double capped) {
    double ratio = s.softcap() == 0 ? 0 : capped / s.softcap();
    return s.scale() * (1 - ratio * ratio);
  }

  private static double bias(AttentionShape s, int head, int query, int key) {
    float[] slopes = s.scores().slopes();
    return slopes == null ? 0 : (double) slopes[head] * (key - s.position(query));
  }

  private static double dot(HeadView a, int aAt, HeadView b, int bAt, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double) a.data()[aAt + i] * b.data()[bAt + i];
    return sum;
  }
}
