package dev.outpost.tensor.kernel;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.Shape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.KernelCase.Output;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.tensor.weight.Weight;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The one table of kernel calls that every backend is held to: odd and zero sizes, odd strides, all
 * stored types. Seeds are fixed, so that a failing name reproduces.
 */
public final class KernelCases {
  private static final ValueLayout.OfShort LE16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat LE32 =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int[] SIZES = {0, 1, 7, 8, 17, 33, 1025};

  private KernelCases() {}

  private static void copies(List<KernelCase> cases, int rows, int cols) {
    for (String layout : List.of("N", "T", "strided"))
      for (boolean add : new boolean[] {false, true})
        cases.add(
            new KernelCase(
                "copy " + rows + "x" + cols + " " + layout + (add ? " +=" : ""),
                kernels -> {
                  Guarded g = new Guarded(rows * 31L + cols);
                  MatView from = view(g, rows, cols, layout.charAt(0));
                  Tensor to = g.random(rows, cols + 2);
                  double[] magnitude = new double[to.size()];
                  for (int i = 0; i < rows; i++)
                    for (int j = 0; j < cols; j++) {
                      int at = i * (cols + 2) + j;
                      magnitude[at] = Math.abs(from.at(i, j)) + Math.abs(to.get(at));
                    }
                  kernels.copy(
                      from, MatView.of(to.data(), to.offset(), rows, cols, cols + 2, 1), add);
                  return List.of(new Output("to", Guarded.read(to), magnitude));
                }));
  }

  /** Every case. */
  public static List<KernelCase> all() {
    List<KernelCase> cases = new ArrayList<>(small());
    // Each size once beyond its block, then all of them.
    gemm(cases, 131, 19, 20);
    gemm(cases, 9, 530, 20);
    gemm(cases, 9, 19, 520);
    gemm(cases, List.of("NN"), 131, 530, 33);
    gemm(cases, 3, 515, 40);
    gemm(cases, 1, 40, 1027);
    for (DType type : DType.values()) {
      gemmNative(cases, type, 9, 70, 259);
      gemmNative(cases, type, 1, 530, 130);
      gemmNative(cases, type, 7, 37, 96);
    }
    rows(cases, 150, 515);
    elements(cases, 40_003);
    rotary(cases, new RotaryShape(3, 37, 5, 9, 64, 32));
    AttentionCases.large(cases);
    return cases;
  }

  /** Cases that end soon even where vectors are emulated. */
  public static List<KernelCase> small() {
    List<KernelCase> cases = new ArrayList<>();
    int[][] sizes = {
      {0, 3, 2},
      {3, 0, 2},
      {2, 3, 0},
      {1, 1, 1},
      {2, 5, 3},
      {1, 17, 9},
      {3, 33, 20},
      {5, 7, 11},
      {4, 16, 8},
      {8, 32, 16},
      {17, 19, 23},
      {9, 65, 34}
    };
    for (int[] s : sizes) gemm(cases, s[0], s[1], s[2]);
    for (DType type : DType.values()) {
      gemmNative(cases, type, 1, 21, 19);
      gemmNative(cases, type, 6, 37, 18);
      table(cases, type);
    }
    for (int n : SIZES) elements(cases, n);
    copies(cases, 0, 3);
    copies(cases, 1, 1);
    copies(cases, 7, 33);
    rows(cases, 0, 5);
    rows(cases, 1, 1);
    rows(cases, 3, 7);
    rows(cases, 5, 33);
    rows(cases, 70, 130);
    rotary(cases, new RotaryShape(1, 0, 0, 2, 4, 2));
    rotary(cases, new RotaryShape(1, 1, 0, 1, 2, 1));
    rotary(cases, new RotaryShape(2, 3, 4, 3, 6, 3));
    rotary(cases, new RotaryShape(2, 5, 0, 2, 37, 17));
    rotary(cases, new RotaryShape(1, 2, 1, 2, 5, 0));
    AttentionCases.small(cases);
    return cases;
  }

  // ---- matrix product

  private static void gemm(List<KernelCase> cases, int m, int n, int k) {
    gemm(cases, List.of("NN", "NT", "TN", "TT", "strided"), m, n, k);
  }

  private static void gemm(List<KernelCase> cases, List<String> layouts, int m, int n, int k) {
    for (String layout : layouts)
      for (boolean add : new boolean[] {false, true})
        cases.add(
            new KernelCase(
                "gemm " + m + "x" + n + "x" + k + " " + layout + (add ? " +=" : ""),
                kernels -> {
                  Guarded g = new Guarded(m * 31L + n * 7L + k);
                  MatView a = view(g, m, k, layout.charAt(0));
                  MatView b = view(g, k, n, layout.charAt(1));
                  return product(g, kernels, a, b, add);
                }));
  }

  private static MatView view(Guarded g, int rows, int cols, char layout) {
    return switch (layout) {
      case 'N' -> window(g.random(rows, cols + 3), rows, cols, cols + 3, 1);
      case 'T' -> window(g.random(cols, rows + 5), rows, cols, 1, rows + 5);
      default -> window(g.random(rows, 2 * cols + 1), rows, cols, 2 * cols + 1, 2);
    };
  }

  private static MatView window(Tensor t, int rows, int cols, int rowStride, int colStride) {
    return MatView.of(t.data(), t.offset(), rows, cols, rowStride, colStride);
  }

  /** Blocked types round n and k up to whole blocks, for either may be the weight's rows. */
  private static void gemmNative(List<KernelCase> cases, DType type, int m, int ragged, int depth) {
    int n = whole(type, ragged);
    int k = whole(type, depth);
    for (boolean transposed : new boolean[] {false, true})
      cases.add(
          new KernelCase(
              "gemm " + m + "x" + n + "x" + k + " " + type + (transposed ? " NT" : " NN"),
              kernels -> {
                Guarded g = new Guarded(m + n + k);
                MatView w =
                    transposed ? stored(g, type, n, k).view().t() : stored(g, type, k, n).view();
                return product(g, kernels, view(g, m, k, 'N'), w, true);
              }));
    cases.add(
        new KernelCase(
            "gemm " + m + "x" + n + "x" + k + " " + type + " left",
            kernels -> {
              Guarded g = new Guarded(m + n + k);
              return product(g, kernels, stored(g, type, m, k).view(), view(g, k, n, 'N'), false);
            }));
  }

  /** c has two spare columns, which must keep what they held. */
  private static List<Output> product(
      Guarded g, Kernels kernels, MatView a, MatView b, boolean add) {
    int m = a.rows();
    int n = b.cols();
    Tensor c = g.random(m, n + 2);
    double[] magnitude = new double[c.size()];
    for (int i = 0; i < m; i++)
      for (int j = 0; j < n; j++) {
        double sum = add ? Math.abs(c.get(i * (n + 2) + j)) : 0;
        for (int p = 0; p < a.cols(); p++) sum += Math.abs((double) a.at(i, p) * b.at(p, j));
        magnitude[i * (n + 2) + j] = sum;
      }
    kernels.gemm(a, b, MatView.of(c.data(), c.offset(), m, n, n + 2, 1), add);
    return List.of(new Output("c", Guarded.read(c), magnitude));
  }

  private static int whole(DType type, int n) {
    return (n + type.blockSize() - 1) / type.blockSize() * type.blockSize();
  }

  /** A weight in native memory, special values of its type included. */
  private static Weight stored(Guarded g, DType type, int rows, int cols) {
    MemorySegment s = Arena.ofAuto().allocate(type.byteSize((long) rows * cols) + 2);
    // Two bytes in: files promise no alignment.
    MemorySegment data = s.asSlice(2, type.byteSize((long) rows * cols));
    Tensor values = g.random(rows, cols);
    if (type.isBlocked()) {
      blocks(g, type, data);
      return MappedWeight.of(data.asReadOnly(), type, Shape.of(rows, cols));
    }
    for (int i = 0; i < rows * cols; i++) {
      float v = i % 17 == 5 ? values.get(i) * 1e-6f : values.get(i);
      switch (type) {
        case F32 -> data.set(LE32, i * 4L, v);
        case F16 -> data.set(LE16, i * 2L, Float.floatToFloat16(v));
        case BF16 -> data.set(LE16, i * 2L, (short) (Float.floatToIntBits(v) >>> 16));
        case Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K -> throw new AssertionError("above");
      }
    }
    return MappedWeight.of(data.asReadOnly(), type, Shape.of(rows, cols));
  }

  /**
   * Any bytes, and scales of either sign, some tiny, where a type has its binary16: every other bit
   * pattern of a block is a number.
   */
  private static void blocks(Guarded g, DType type, MemorySegment data) {
    for (long at = 0; at < data.byteSize(); at += type.blockBytes()) {
      float scale = g.nextInt(1000) / 4000f - 0.125f;
      if (at % 7 == 0) scale *= 1e-6f;
      for (int i = 0; i < type.blockBytes(); i++)
        data.set(ValueLayout.JAVA_BYTE, at + i, (byte) g.nextInt(256));
      for (int field : halves(type)) {
        data.set(LE16, at + field, Float.floatToFloat16(scale));
        scale *= -0.7f;
      }
    }
  }

  private static int[] halves(DType type) {
    return switch (type) {
      case F32, F16, BF16 -> new int[0];
      case Q8_0, Q4_0, Q5_0 -> new int[] {0};
      case Q4_1, Q5_1, Q4_K, Q5_K -> new int[] {0, 2};
      case Q6_K -> new int[] {208};
    };
  }

  // ---- tables

  private static void table(List<KernelCase> cases, DType type) {
    int[] ids = {3, 0, 3, 10, 3};
    int cols = whole(type, 21);
    for (boolean add : new boolean[] {false, true})
      cases.add(
          new KernelCase(
              "gather " + type + (add ? " +=" : ""),
              kernels -> {
                Guarded g = new Guarded(5);
                Weight table =
                    type == DType.F32 && add
                        ? HeapWeight.of(g.random(11, cols))
                        : stored(g, type, 11, cols);
                Tensor out = add ? g.random(5, cols) : Guarded.empty(5, cols);
                kernels.gather(table, ids, out, add);
                return List.of(flat("out", out, 2));
              }));
    if (type != DType.F32) return;
    cases.add(
        new KernelCase(
            "scatterAdd",
            kernels -> {
              Guarded g = new Guarded(6);
              Tensor d = g.random(11, 133);
              kernels.scatterAdd(g.random(5, 133), ids, d);
              return List.of(flat("dTable", d, 4));
            }));
  }

  // ---- element by element

  private static void elements(List<KernelCase> cases, int n) {
    cases.add(
        new KernelCase(
            "fill " + n,
            kernels -> {
              Tensor y = Guarded.empty(n);
              kernels.fill(y, -0.37f);
              return List.of(flat("y", y, 1));
            }));
    cases.add(
        new KernelCase(
            "axpby " + n,
            kernels -> {
              Guarded g = new Guarded(n);
              Tensor x = g.random(n);
              Tensor y = g.random(n);
              kernels.axpby(0.3f, x, -1.7f, y);
              Tensor fresh = Guarded.empty(n);
              kernels.axpby(0.3f, x, 0, fresh);
              return List.of(flat("y", y, 2), flat("beta 0", fresh, 1));
            }));
    cases.add(
        new KernelCase(
            "add, multiply " + n,
            kernels -> {
              Guarded g = new Guarded(n);
              Tensor a = g.random(n);
              Tensor b = g.random(n);
              Tensor sum = Guarded.empty(n);
              Tensor product = Guarded.empty(n);
              Tensor more = g.random(n);
              kernels.add(a, b, sum);
              kernels.multiply(a, b, product, false);
              kernels.multiply(a, b, more, true);
              kernels.add(a, b, a);
              return List.of(
                  flat("sum", sum, 1),
                  flat("product", product, 1),
                  flat("more", more, 2),
                  flat("in place", a, 1));
            }));
    for (UnaryMap op : UnaryMap.values())
      cases.add(
          new KernelCase(
              op + " " + n,
              kernels -> {
                Guarded g = new Guarded(n);
                Tensor x = g.scaled(12, n);
                Tensor dy = g.random(n);
                Tensor y = Guarded.empty(n);
                Tensor dx = Guarded.empty(n);
                Tensor more = g.random(n);
                kernels.map(op, x, y);
                kernels.mapBackward(op, x, dy, dx, false);
                kernels.mapBackward(op, x, dy, more, true);
                // e^−u makes a relative error of u's rounding, and GELU_TANH's u reaches 100 here.
                double condition = op == UnaryMap.GELU_TANH ? 8 : 1;
                return List.of(
                    relative("y", y, condition), flat("dx", dx, 2), flat("more", more, 3));
              }));
    // The gates that families have: SwiGLU has its own loops, the others share theirs.
    for (UnaryMap op : List.of(UnaryMap.SILU, UnaryMap.GELU_TANH, UnaryMap.RELU))
      cases.add(
          new KernelCase(
              "gate " + op + " " + n,
              kernels -> {
                Guarded g = new Guarded(n);
                Tensor gate = g.scaled(12, n);
                Tensor up = g.random(n);
                Tensor dy = g.random(n);
                Tensor y = Guarded.empty(n);
                Tensor dgate = Guarded.empty(n);
                Tensor dup = Guarded.empty(n);
                kernels.gate(op, gate, up, y);
                kernels.gateBackward(op, gate, up, dy, dgate, dup);
                kernels.gateBackward(op, gate, up, dy, Guarded.empty(n), dy);
                kernels.gate(op, gate, up, gate);
                double condition = op == UnaryMap.GELU_TANH ? 8 : 2;
                return List.of(
                    relative("y", y, condition),
                    relative("in place", gate, condition),
                    flat("dgate", dgate, 2),
                    relative("dup", dup, condition),
                    relative("dup in place", dy, condition));
              }));
    cases.add(
        new KernelCase(
            "adamW " + n,
            kernels -> {
              Guarded g = new Guarded(n);
              Tensor p = g.random(n);
              Tensor m = g.random(n);
              Tensor v = g.positive(n);
              kernels.adamW(
                  p, g.random(n), m, v, new AdamWStep(1e-2f, 0.9f, 0.999f, 1e-8f, 0.1f, 3, 0.7f));
              return List.of(flat("p", p, 2), flat("m", m, 1), flat("v", v, 1));
            }));
    cases.add(
        new KernelCase(
            "sums of squares " + n,
            kernels -> {
              Guarded g = new Guarded(n);
              Tensor a = g.random(n);
              Tensor b = g.random(n);
              // In f64: far closer than f32's bound, hence the small magnitude.
              double scale = 1e-6 * n;
              return List.of(
                  new Output(
                      "Σx²",
                      new float[] {(float) kernels.sumSquares(a)},
                      new double[] {scale + n * 0.1}),
                  new Output(
                      "Σ(a−b)²",
                      new float[] {(float) kernels.sumSquaredDifference(a, b)},
                      new double[] {scale + n * 0.1}));
            }));
  }

  // ---- rows

  private static void rows(List<KernelCase> cases, int r, int c) {
    rmsNorm(cases, r, c);
    String size = r + "x" + c;
    cases.add(
        new KernelCase(
            "addBias, sumRows " + size,
            kernels -> {
              Guarded g = new Guarded(r + c);
              Tensor x = g.random(r, c);
              Tensor y = Guarded.empty(r, c);
              Tensor sum = Guarded.empty(c);
              Tensor more = g.random(c);
              kernels.addBias(x, g.random(c), y);
              kernels.sumRows(x, sum, false);
              kernels.sumRows(x, more, true);
              return List.of(flat("y", y, 2), flat("sum", sum, r), flat("more", more, r + 1));
            }));
    cases.add(
        new KernelCase(
            "softmax " + size,
            kernels -> {
              Guarded g = new Guarded(r + c);
              Tensor x = g.scaled(9, r, c);
              if (r > 2) Arrays.fill(x.data(), x.offset(), x.offset() + c, Float.NEGATIVE_INFINITY);
              if (r > 2 && c > 2) x.data()[x.offset() + c + 2] = Float.NEGATIVE_INFINITY;
              Tensor y = Guarded.empty(r, c);
              kernels.softmax(x, y);
              kernels.softmax(x, x);
              return List.of(relative("y", y, 1), relative("in place", x, 1));
            }));
    for (boolean gradient : new boolean[] {true, false})
      cases.add(
          new KernelCase(
              "crossEntropy " + size + (gradient ? " with gradient" : ""),
              kernels -> {
                Guarded g = new Guarded(r + c);
                Tensor x = g.scaled(5, r, c);
                int[] targets = new int[r];
                for (int i = 0; i < r; i++) targets[i] = i % 4 == 2 ? -100 : g.nextInt(c);
                Tensor losses = Guarded.empty(r);
                float[] out = new float[r];
                kernels.crossEntropy(x, targets, 0.25f, out, gradient);
                System.arraycopy(out, 0, losses.data(), losses.offset(), r);
                Output loss = flat("loss", losses, 10);
                float[] logits = Guarded.read(x);
                return gradient ? List.of(loss, constant("gradient", logits, 0.25)) : List.of(loss);
              }));
    cases.add(
        new KernelCase(
            "layerNorm " + size,
            kernels -> {
              Guarded g = new Guarded(r + c);
              Tensor x = g.random(r, c);
              // A row far from zero: the variance must not be the difference of two large numbers.
              for (int i = 0; i < c && r > 2; i++) x.data()[x.offset() + 2 * c + i] += 50;
              Tensor y = Guarded.empty(r, c);
              Tensor mean = Guarded.empty(r);
              Tensor rstd = Guarded.empty(r);
              kernels.layerNorm(x, g.random(c), g.random(c), 1e-5f, y, mean, rstd);
              double far = r > 2 ? 50 : 1;
              return List.of(
                  flat("y", y, 3 * far), flat("mean", mean, far), relative("rstd", rstd, 1));
            }));
    cases.add(
        new KernelCase(
            "layerNormBackward " + size,
            kernels -> {
              Guarded g = new Guarded(r + c);
              Tensor x = g.random(r, c);
              Tensor gamma = g.random(c);
              Tensor dy = g.random(r, c);
              Tensor mean = g.scaled(0.1f, r);
              Tensor rstd = g.positive(r);
              Tensor dx = Guarded.empty(r, c);
              Tensor dxMore = g.random(r, c);
              Tensor dgamma = Guarded.empty(c);
              Tensor dbeta = g.random(c);
              Tensor dgammaMore = g.random(c);
              Tensor dbetaMore = g.random(c);
              kernels.layerNormBackward(x, gamma, mean, rstd, dy, dx, false, dgamma, dbeta, false);
              kernels.layerNormBackward(
                  x, gamma, mean, rstd, dy, dxMore, true, dgammaMore, dbetaMore, true);
              kernels.layerNormBackward(
                  x, gamma, mean, rstd, dy, null, false, dgammaMore, dbetaMore, true);
              kernels.layerNormBackward(x, gamma, mean, rstd, dy, dxMore, true, null, null, false);
              return List.of(
                  flat("dx", dx, 4),
                  flat("dx +=", dxMore, 8),
                  flat("dgamma", dgamma, r),
                  flat("dbeta", dbeta, r),
                  flat("dgamma +=", dgammaMore, 2 * r + 1),
                  flat("dbeta +=", dbetaMore, 2 * r + 1));
            }));
  }

  private static void rmsNorm(List<KernelCase> cases, int r, int c) {
    String size = r + "x" + c;
    cases.add(
        new KernelCase(
            "rmsNorm " + size,
            kernels -> {
              Guarded g = new Guarded(r + c);
              Tensor x = g.random(r, c);
              for (int i = 0; i < c && r > 2; i++) x.data()[x.offset() + 2 * c + i] *= 1e4f;
              // A row of zeros: only eps keeps the root away from 0.
              for (int i = 0; i < c && r > 2; i++) x.data()[x.offset() + i] = 0;
              Tensor y = Guarded.empty(r, c);
              Tensor rstd = Guarded.empty(r);
              kernels.rmsNorm(x, g.random(c), 1e-5f, y, rstd);
              return List.of(relative("y", y, 3), relative("rstd", rstd, 2));
            }));
    cases.add(
        new KernelCase(
            "rmsNormBackward " + size,
            kernels -> {
              Guarded g = new Guarded(r + c);
              Tensor x = g.random(r, c);
              Tensor gamma = g.random(c);
              Tensor dy = g.random(r, c);
              Tensor rstd = g.positive(r);
              Tensor dx = Guarded.empty(r, c);
              Tensor dxMore = g.random(r, c);
              Tensor dgamma = Guarded.empty(c);
              Tensor dgammaMore = g.random(c);
              kernels.rmsNormBackward(x, gamma, rstd, dy, dx, false, dgamma, false);
              kernels.rmsNormBackward(x, gamma, rstd, dy, dxMore, true, dgammaMore, true);
              kernels.rmsNormBackward(x, gamma, rstd, dy, null, false, dgammaMore, true);
              kernels.rmsNormBackward(x, gamma, rstd, dy, dxMore, true, null, false);
              return List.of(
                  flat("dx", dx, 4),
                  flat("dx +=", dxMore, 8),
                  flat("dgamma", dgamma, r),
                  flat("dgamma +=", dgammaMore, 2 * r + 1));
            }));
  }

  // ---- positions

  private static void rotary(List<KernelCase> cases, RotaryShape halves) {
    for (RotaryPairing pairing : RotaryPairing.values())
      turned(
          cases,
          new RotaryShape(
              halves.batch(),
              halves.time(),
              halves.past(),
              halves.heads(),
              halves.headDim(),
              halves.pairs(),
              pairing));
  }

  private static void turned(List<KernelCase> cases, RotaryShape s) {
    for (boolean inverse : new boolean[] {false, true})
      cases.add(
          new KernelCase(
              s + (inverse ? " inverse" : ""),
              kernels -> {
                Guarded g = new Guarded(s.time() + s.headDim());
                int rows = s.batch() * s.time();
                int cols = s.heads() * s.headDim();
                Tensor angles = g.random(s.past() + s.time(), 2 * s.pairs());
                // Other columns to the left and right, as in a fused projection: they must stay.
                Tensor x = g.random(rows, cols + 5);
                Tensor y = g.random(rows, cols + 7);
                HeadView from = HeadView.of(x, s.time(), 3);
                kernels.rotary(s, angles, from, HeadView.of(y, s.time(), 4), inverse);
                kernels.rotary(s, angles, from, from, inverse);
                return List.of(flat("y", y, 2), flat("in place", x, 2));
              }));
  }

  static Output flat(String name, Tensor t, double magnitude) {
    return constant(name, Guarded.read(t), magnitude);
  }

  private static Output constant(String name, float[] values, double magnitude) {
    double[] m = new double[values.length];
    Arrays.fill(m, magnitude);
    return new Output(name, values, m);
  }

  private static Output relative(String name, Tensor t, double condition) {
    float[] values = Guarded.read(t);
    double[] m = new double[values.length];
    for (int i = 0; i < m.length; i++) m[i] = condition * Math.abs(values[i]);
    return new Output(name, values, m);
  }
}
