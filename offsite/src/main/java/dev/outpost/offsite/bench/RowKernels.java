package dev.outpost.offsite.bench;

import dev.outpost.offsite.bench.KernelBench.Limit;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.AdamWStep;
import dev.outpost.tensor.kernel.AttentionShape;
import dev.outpost.tensor.kernel.HeadView;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.tensor.weight.HeapWeight;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

/** Everything but matrix products, on the sizes of GPT-2 124M at 4096 tokens. */
final class RowKernels {
  private static final int ROWS = 4096;
  private static final int WIDTH = 768;
  private static final int INNER = 3072;
  private static final int VOCABULARY = 50_257;
  private static final int PARAMETERS = 16 << 20;

  private RowKernels() {}

  static List<Bench> all() {
    List<Bench> all = new ArrayList<>();
    norms(all);
    maps(all);
    elements(all);
    all.add(
        bytes(
            "softmax",
            ROWS,
            1024,
            8.0,
            k -> {
              Tensor x = Noise.tensor(1, ROWS, 1024);
              Tensor y = Tensor.zeros(ROWS, 1024);
              return () -> k.softmax(x, y);
            }));
    vocabulary(all);
    optimizer(all);
    attention(all);
    return all;
  }

  private static void norms(List<Bench> all) {
    all.add(
        bytes(
            "layernorm",
            ROWS,
            WIDTH,
            8.0,
            k -> {
              Tensor x = Noise.tensor(1, ROWS, WIDTH);
              Tensor y = Tensor.zeros(ROWS, WIDTH);
              Tensor g = Noise.tensor(2, WIDTH);
              Tensor mean = Tensor.zeros(ROWS);
              Tensor rstd = Tensor.zeros(ROWS);
              return () -> k.layerNorm(x, g, g, 1e-5f, y, mean, rstd);
            }));
    all.add(
        bytes(
            "layernorm-backward",
            ROWS,
            WIDTH,
            12.0,
            k -> {
              Tensor x = Noise.tensor(1, ROWS, WIDTH);
              Tensor dy = Noise.tensor(3, ROWS, WIDTH);
              Tensor dx = Tensor.zeros(ROWS, WIDTH);
              Tensor g = Noise.tensor(2, WIDTH);
              Tensor mean = Tensor.zeros(ROWS);
              Tensor rstd = Tensor.zeros(ROWS);
              Tensor dg = Tensor.zeros(WIDTH);
              Tensor db = Tensor.zeros(WIDTH);
              k.layerNorm(x, g, g, 1e-5f, dx, mean, rstd);
              return () -> k.layerNormBackward(x, g, mean, rstd, dy, dx, false, dg, db, false);
            }));
  }

  private static void maps(List<Bench> all) {
    for (UnaryMap op : UnaryMap.values()) {
      String name = op.name().toLowerCase(Locale.ROOT).replace('_', '-');
      all.add(
          bytes(
              name,
              ROWS,
              INNER,
              8.0,
              k -> {
                Tensor x = Noise.tensor(1, ROWS, INNER);
                Tensor y = Tensor.zeros(ROWS, INNER);
                return () -> k.map(op, x, y);
              }));
      all.add(
          bytes(
              name + "-backward",
              ROWS,
              INNER,
              12.0,
              k -> {
                Tensor x = Noise.tensor(1, ROWS, INNER);
                Tensor dy = Noise.tensor(2, ROWS, INNER);
                Tensor dx = Tensor.zeros(ROWS, INNER);
                return () -> k.mapBackward(op, x, dy, dx, false);
              }));
    }
  }

  private static void elements(List<Bench> all) {
    all.add(
        bytes(
            "add",
            ROWS,
            INNER,
            12.0,
            k -> {
              Tensor a = Noise.tensor(1, ROWS, INNER);
              Tensor b = Noise.tensor(2, ROWS, INNER);
              Tensor y = Tensor.zeros(ROWS, INNER);
              return () -> k.add(a, b, y);
            }));
    all.add(
        bytes(
            "multiply",
            ROWS,
            INNER,
            12.0,
            k -> {
              Tensor a = Noise.tensor(1, ROWS, INNER);
              Tensor b = Noise.tensor(2, ROWS, INNER);
              Tensor y = Tensor.zeros(ROWS, INNER);
              return () -> k.multiply(a, b, y, false);
            }));
    all.add(
        bytes(
            "axpby",
            ROWS,
            INNER,
            12.0,
            k -> {
              Tensor x = Noise.tensor(1, ROWS, INNER);
              Tensor y = Tensor.zeros(ROWS, INNER);
              return () -> k.axpby(1, x, 0.5f, y);
            }));
    all.add(
        bytes(
            "add-bias",
            ROWS,
            INNER,
            8.0,
            k -> {
              Tensor x = Noise.tensor(1, ROWS, INNER);
              Tensor bias = Noise.tensor(2, INNER);
              Tensor y = Tensor.zeros(ROWS, INNER);
              return () -> k.addBias(x, bias, y);
            }));
    all.add(
        bytes(
            "sum-rows",
            ROWS,
            INNER,
            4.0,
            k -> {
              Tensor x = Noise.tensor(1, ROWS, INNER);
              Tensor out = Tensor.zeros(INNER);
              return () -> k.sumRows(x, out, false);
            }));
  }

  private static void vocabulary(List<Bench> all) {
    // Half the work where no gradient is wanted. With it the logits are overwritten, and a second
    // run on gradients costs what the first on logits did.
    for (boolean gradient : new boolean[] {false, true}) {
      String name = gradient ? "cross-entropy-gradient" : "cross-entropy";
      all.add(
          bytes(
              name,
              512,
              VOCABULARY,
              gradient ? 8.0 : 4.0,
              k -> {
                Tensor logits = Noise.tensor(1, 512, VOCABULARY);
                int[] targets = Noise.tokens(512, VOCABULARY, 2);
                float[] losses = new float[512];
                return () -> k.crossEntropy(logits, targets, 1f / 512, losses, gradient);
              }));
    }
    all.add(
        bytes(
            "gather",
            ROWS,
            WIDTH,
            8.0,
            k -> {
              HeapWeight table = HeapWeight.of(Noise.tensor(1, VOCABULARY, WIDTH));
              int[] ids = Noise.tokens(ROWS, VOCABULARY, 2);
              Tensor out = Tensor.zeros(ROWS, WIDTH);
              return () -> k.gather(table, ids, out, false);
            }));
    all.add(
        bytes(
            "scatter-add",
            ROWS,
            WIDTH,
            12.0,
            k -> {
              Tensor dOut = Noise.tensor(1, ROWS, WIDTH);
              int[] ids = Noise.tokens(ROWS, VOCABULARY, 2);
              Tensor table = Tensor.zeros(VOCABULARY, WIDTH);
              return () -> k.scatterAdd(dOut, ids, table);
            }));
  }

  private static void optimizer(List<Bench> all) {
    // Reads p, g, m, v and writes p, m, v.
    all.add(
        bytes(
            "adamw",
            1,
            PARAMETERS,
            28.0,
            k -> {
              Tensor p = Noise.tensor(1, PARAMETERS);
              Tensor g = Noise.tensor(2, PARAMETERS);
              Tensor m = Tensor.zeros(PARAMETERS);
              Tensor v = Tensor.zeros(PARAMETERS);
              AdamWStep step = new AdamWStep(1e-4f, 0.9f, 0.999f, 1e-8f, 0.01f, 10, 1);
              return () -> k.adamW(p, g, m, v, step);
            }));
    all.add(
        bytes(
            "sum-squares",
            1,
            PARAMETERS,
            4.0,
            k -> {
              Tensor x = Noise.tensor(1, PARAMETERS);
              return () -> k.sumSquares(x);
            }));
  }

  private static void attention(List<Bench> all) {
    AttentionShape shape = AttentionShape.causal(4, 512, 12, 64);
    // Two products forward and five backward, half of the square each.
    double half = 2.0 * 4 * 12 * 512 * 512 * 64 / 2;
    all.add(
        new KernelBench(
            "attention",
            "4x12x512x64",
            Limit.ARITHMETIC,
            2 * half,
            Map.of("causal", true),
            k -> {
              Heads h = new Heads();
              return () -> k.attention(shape, h.q(), h.k(), h.v(), h.out(), h.lse);
            }));
    all.add(
        new KernelBench(
            "attention-backward",
            "4x12x512x64",
            Limit.ARITHMETIC,
            5 * half,
            Map.of("causal", true),
            k -> {
              Heads h = new Heads();
              Heads d = new Heads();
              k.attention(shape, h.q(), h.k(), h.v(), h.out(), h.lse);
              return () ->
                  k.attentionBackward(
                      shape, h.q(), h.k(), h.v(), h.out(), h.lse, d.out(), d.q(), d.k(), d.v());
            }));
  }

  /** Query, key and value side by side as a projection leaves them. */
  private static final class Heads {
    final Tensor qkv = Noise.tensor(1, 4 * 512, 3 * WIDTH);
    final Tensor result = Noise.tensor(2, 4 * 512, WIDTH);
    final Tensor lse = Tensor.zeros(4, 12, 512);

    HeadView q() {
      return HeadView.of(qkv, 512, 0);
    }

    HeadView k() {
      return HeadView.of(qkv, 512, WIDTH);
    }

    HeadView v() {
      return HeadView.of(qkv, 512, 2 * WIDTH);
    }

    HeadView out() {
      return HeadView.of(result, 512, 0);
    }
  }

  private static KernelBench bytes(
      String name, int rows, int cols, double perElement, Function<Kernels, Runnable> setup) {
    return new KernelBench(
        name,
        rows == 1 ? "" + cols : rows + "x" + cols,
        Limit.BANDWIDTH,
        perElement * rows * cols,
        Map.of(),
        setup);
  }
}
