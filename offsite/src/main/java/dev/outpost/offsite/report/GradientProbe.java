package dev.outpost.offsite.report;

import dev.outpost.autograd.Gradients;
import dev.outpost.autograd.Tape;
import dev.outpost.autograd.Var;
import dev.outpost.autograd.op.Linear;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.Input;
import dev.outpost.transformer.TransformerBlock;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.layer.Dense;
import dev.outpost.transformer.layer.Norm;
import dev.outpost.transformer.layer.QueryKeyValue;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Projection;
import dev.outpost.transformer.train.Batch;
import dev.outpost.transformer.train.Examples;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Whether the tokens of one example can be read off the gradient of the first block's attention,
 * with no gradient of the embeddings. {@code dW = Σₜ dyₜ xₜᵀ}, so its rows span the inputs x, and
 * an input depends on nothing but token and place: every token is tried at every place, and the one
 * that lies in the span was there (Petrov et al. 2024, DAGER, arXiv:2405.15586, first stage).
 *
 * @param read tokens found at their very place
 * @param tokens that had any part in the loss: all but the last of each example
 * @param examples each with a gradient of its own
 */
public record GradientProbe(int read, int tokens, int examples) {
  /**
   * Share of its length by which a true input may miss the span: f32 arithmetic and weak tokens.
   */
  private static final double MISS = 0.02;

  /** Directions weaker than this beside the strongest are rounding. */
  private static final double WEAK = 2e-6;

  /** Vocabulary entries tried at a time. */
  private static final int CHUNK = 32;

  /**
   * Tries examples 0 to {@code count}.
   *
   * @return empty where it cannot be tried: the first block takes no norm before attention that is
   *     part of the model, or an example is as long as the model is wide, so that everything is in
   *     the span
   */
  public static Optional<GradientProbe> of(
      TransformerModel model, Kernels kernels, Examples text, int count) {
    String slot = model.slots().getFirst().name();
    TransformerModel open = model.trainable(n -> n.startsWith(slot + ".attn."));
    if (!(open.slots().getFirst().block() instanceof TransformerBlock block))
      return Optional.empty();
    Norm norm = block.norm1().before();
    if (norm == null) return Optional.empty();
    List<Dense> watched = new ArrayList<>();
    List<Projection> inputs =
        switch (block.attention().inputs()) {
          case QueryKeyValue.Fused f -> List.of(f.qkv());
          case QueryKeyValue.Separate q -> List.of(q.q(), q.k(), q.v());
          case QueryKeyValue.Prefixed x -> List.of();
        };
    for (Projection p : inputs) if (p instanceof Dense d) watched.add(d);
    int n = Math.min(count, text.count());
    if (watched.isEmpty() || text.batch(new int[] {0}).time() >= model.spec().width())
      return Optional.empty();
    int read = 0;
    int tokens = 0;
    for (int i = 0; i < n; i++) {
      Batch one = text.batch(new int[] {i});
      double[][] span = span(rows(open, kernels, one, watched));
      int[] found = nearest(model, norm, kernels, one.time(), span);
      int[] ids = ids(one.input());
      for (int t = 0; t + 1 < ids.length; t++) if (found[t] == ids[t]) read++;
      tokens += ids.length - 1;
    }
    return Optional.of(new GradientProbe(read, tokens, n));
  }

  private static int[] ids(Input input) {
    return switch (input) {
      case Input.Tokens t -> t.ids();
      default -> throw new IllegalArgumentException("gradient probe: reads text only");
    };
  }

  /** The gradients' rows, each in the space of inputs. */
  private static List<double[]> rows(
      TransformerModel open, Kernels kernels, Batch one, List<Dense> watched) {
    Workspace workspace = new Workspace();
    Gradients gradients = new Gradients();
    Tape tape = Tape.recording(kernels, workspace);
    tape.backward(open.loss(one.pass(tape), one.input(), one.targets()), gradients);
    List<double[]> rows = new ArrayList<>();
    for (Dense d : watched) {
      Tensor g = gradients.get((HeapWeight) d.weight().weight());
      if (g == null) continue;
      boolean inputsFirst = d.layout() == Linear.Layout.IN_OUT;
      for (int o = 0; o < d.out(); o++) {
        double[] row = new double[d.in()];
        for (int i = 0; i < row.length; i++)
          row[i] = g.get(inputsFirst ? i * d.out() + o : o * row.length + i);
        rows.add(row);
      }
    }
    return rows;
  }

  /** An orthonormal basis of the rows, strongest first: Gram-Schmidt, the longest rest next. */
  private static double[][] span(List<double[]> rows) {
    List<double[]> basis = new ArrayList<>();
    double first = 0;
    while (basis.size() < rows.getFirst().length) {
      double[] longest = rows.getFirst();
      for (double[] r : rows) if (dot(r, r) > dot(longest, longest)) longest = r;
      double length = Math.sqrt(dot(longest, longest));
      if (basis.isEmpty()) first = length;
      if (length <= WEAK * first) break;
      double[] unit = longest.clone();
      for (int c = 0; c < unit.length; c++) unit[c] /= length;
      basis.add(unit);
      for (double[] r : rows) subtract(r, unit, dot(r, unit));
    }
    return basis.toArray(double[][]::new);
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) sum += a[i] * b[i];
    return sum;
  }

  private static void subtract(double[] from, double[] unit, double times) {
    for (int i = 0; i < from.length; i++) from[i] -= times * unit[i];
  }

  /** For each place the token nearest to the span, −1 where none lies in it. */
  private static int[] nearest(
      TransformerModel model, Norm norm, Kernels kernels, int time, double[][] span) {
    int[] best = new int[time];
    double[] miss = new double[time];
    Arrays.fill(best, -1);
    Arrays.fill(miss, MISS * MISS);
    int vocabulary = model.spec().vocabularySize();
    Workspace workspace = new Workspace();
    for (int from = 0; from < vocabulary; from += CHUNK) {
      int size = Math.min(CHUNK, vocabulary - from);
      int[] ids = new int[size * time];
      for (int i = 0; i < ids.length; i++) ids[i] = from + i / time;
      try {
        Pass pass = Pass.of(Tape.evaluating(kernels, workspace), size, time);
        Var x = norm.apply(pass, model.embed(pass, Input.of(ids)));
        for (int i = 0; i < ids.length; i++) {
          double m = miss(x.value(), i, span);
          if (m < miss[i % time]) {
            miss[i % time] = m;
            best[i % time] = ids[i];
          }
        }
      } finally {
        workspace.releaseAll();
      }
    }
    return best;
  }

  /** Squared distance of a row from the span, beside its own squared length. */
  private static double miss(Tensor x, int row, double[][] span) {
    int c = x.cols();
    double all = 0;
    for (int j = 0; j < c; j++) all += (double) x.get(row * c + j) * x.get(row * c + j);
    double inside = 0;
    for (double[] unit : span) {
      double d = 0;
      for (int j = 0; j < c; j++) d += unit[j] * x.get(row * c + j);
      inside += d * d;
    }
    return all == 0 ? 1 : Math.max(0, all - inside) / all;
  }

  /** Share of tokens that were read. */
  public double share() {
    return (double) read / tokens;
  }

  /** What was read of what. */
  public JsonObject toJson() {
    return JsonObject.create()
        .put("tokens_read", read)
        .put("tokens", tokens)
        .put("share", share())
        .put("examples", examples);
  }
}
