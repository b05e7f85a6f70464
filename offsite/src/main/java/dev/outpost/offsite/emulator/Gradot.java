package dev.outpost.offsite.emulator;

import dev.outpost.offsite.split.Split;
import dev.outpost.offsite.svd.Svd;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MatView;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.transformer.Block;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TransformerBlock;
import dev.outpost.transformer.layer.Dense;
import dev.outpost.transformer.layer.FeedForward;
import dev.outpost.transformer.layer.QueryKeyValue;
import dev.outpost.transformer.layer.SelfAttention;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Projection;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Compression that keeps the adapter's gradients and raises the loss (GradOT, Yao et al. 2025, from
 * a third party's notes): of a change δ of a matrix, {@code GCS(δ) = ‖H·δ‖₁ − λ·⟨∂l/∂W, δ⟩} is to
 * be small, H by {@link Kfac} from public text. Attention's matrices lose the singular directions,
 * the feed-forward part the inner channels, whose removal has the smallest GCS.
 *
 * <p>Removing direction i of {@code W = Σ σ·u·vᵀ} is {@code δ = −σ·u·vᵀ}, so {@code GCS = σ·‖G·u‖₁·
 * ‖A·v‖₁ + λ·σ·uᵀ·(∂l/∂W)·v}. Removing a channel clears a row of each matrix into the inner width
 * and a column of the one out of it; its GCS is the sum over these.
 *
 * @param rank share of each attention matrix's directions that stays; 1 for all
 * @param channels share of the inner width that stays; 1 for all
 * @param attentionLambda λ of attention
 * @param channelLambda λ of the feed-forward part
 * @param always share of a matrix's directions, the largest, that stay whatever their score
 * @param scale in what units the two terms are weighed
 * @param budget over what the shares are taken
 * @param span share of a matrix's directions, the largest, among which is chosen; the rest goes.
 *     Below 3/4 a sketch finds them
 * @param samples sequences of text to look at
 */
public record Gradot(
    double rank,
    double channels,
    double attentionLambda,
    double channelLambda,
    double always,
    Units scale,
    Budget budget,
    double span,
    int samples)
    implements EmulatorStep {
  static final String NAME = "gradot";
  private static final int BATCH = 8;

  /** Units of the two terms, whose own differ. */
  public enum Units {
    /** Each in its mean size over what is chosen among. */
    RELATIVE,
    /** As they come. */
    RAW
  }

  /** What is chosen among. */
  public enum Budget {
    /** The directions of one matrix, the channels of one block. */
    MATRIX,
    /** Those of the whole middle: some blocks keep more than others. */
    MIDDLE
  }

  public Gradot {
    if (!(rank > 0 && rank <= 1 && channels > 0 && channels <= 1) || rank * channels == 1)
      throw new IllegalArgumentException(
          "step gradot: rank and channels must be above 0 and at most 1, and not both 1; got "
              + rank
              + " and "
              + channels);
    if (!(span >= rank && span <= 1))
      throw new IllegalArgumentException(
          "step gradot: span must be from rank, " + rank + ", to 1; got " + span);
  }

  /** These shares, everything else by default. */
  public static Gradot of(double rank, double channels) {
    return new Gradot(rank, channels, 1, 1, 0.05, Units.RELATIVE, Budget.MATRIX, 1, 64);
  }

  static Gradot read(StepSettings s) {
    Gradot usual = of(0.5, 0.5);
    return new Gradot(
        s.number("rank", 0, 1, 1),
        s.number("channels", 0, 1, 1),
        s.number("lambda-attn", 0, 1e12, usual.attentionLambda),
        s.number("lambda-mlp", 0, 1e12, usual.channelLambda),
        s.number("always", 0, 1, usual.always),
        s.choice("units", "relative", "relative", "raw").equals("raw") ? Units.RAW : Units.RELATIVE,
        s.choice("budget", "matrix", "matrix", "middle").equals("middle")
            ? Budget.MIDDLE
            : Budget.MATRIX,
        s.number("span", 0, 1, 1),
        s.integer("samples", 1, 1 << 20, usual.samples));
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean needsText() {
    return true;
  }

  @Override
  public Draft apply(Draft draft, Workshop shop) {
    for (Slot s : draft.middle()) if (s.block() instanceof TransformerBlock b) check(s.name(), b);
    Set<String> middle = draft.middle().stream().map(Slot::name).collect(Collectors.toSet());
    Kfac.Observer observer = new Kfac.Observer();
    observer.run(
        draft.model(),
        path -> Split.owns(middle, path) && (path.contains(".attn.") ? rank < 1 : channels < 1),
        shop.kernels(),
        shop.text(this),
        samples,
        BATCH);
    Work work = new Work(observer, shop);
    Draft narrow = channels < 1 ? work.channels(draft) : draft;
    return rank < 1
        ? new RankCompress(work.directions(draft), Targets.ATTN).apply(narrow, shop)
        : narrow;
  }

  /** Refuses what would only be found unfit after the text was read. */
  private void check(String slot, TransformerBlock b) {
    if (rank < 1) {
      SelfAttention a = b.attention();
      dense(slot + ".attn.out", a.out());
      switch (a.inputs()) {
        case QueryKeyValue.Fused f -> dense(slot + ".attn.qkv", f.qkv());
        case QueryKeyValue.Separate s -> {
          dense(slot + ".attn.q", s.q());
          dense(slot + ".attn.k", s.k());
          dense(slot + ".attn.v", s.v());
        }
        case QueryKeyValue.Prefixed p -> throw prefixed(slot + ".attn");
      }
    }
    if (channels < 1) {
      FeedForward f = b.mlp();
      if (f.gate() != null) dense(slot + ".mlp.gate", f.gate());
      dense(slot + ".mlp.up", f.up());
      dense(slot + ".mlp.down", f.down());
    }
  }

  /** Something that can go: its two terms. */
  record Candidate(int of, int index, double curvature, double pull) {}

  /**
   * Which of the candidates stay: {@code share} of them, those whose removal has the largest GCS.
   *
   * @param kept how many of each group's first stay whatever their score, at least 1
   */
  static List<boolean[]> chosen(
      List<List<Candidate>> groups, double share, double lambda, Units units, int[] kept) {
    double curvature = 1;
    double pull = 1;
    List<Candidate> all = groups.stream().flatMap(List::stream).toList();
    if (units == Units.RELATIVE) {
      curvature = mean(all.stream().mapToDouble(Candidate::curvature).toArray());
      pull = mean(all.stream().mapToDouble(c -> Math.abs(c.pull)).toArray());
    }
    double c = curvature;
    double p = pull;
    List<boolean[]> stay = new ArrayList<>();
    int left = Math.max(1, (int) Math.round(share * all.size()));
    for (int g = 0; g < groups.size(); g++) {
      boolean[] mine = new boolean[groups.get(g).size()];
      for (int i = 0; i < Math.min(kept[g], mine.length); i++) {
        mine[i] = true;
        left--;
      }
      stay.add(mine);
    }
    // Ties go to what came first, so that the order is the same everywhere.
    List<Candidate> falling = new ArrayList<>(all);
    falling.sort(
        Comparator.comparingDouble((Candidate x) -> -(x.curvature / c + lambda * x.pull / p)));
    for (Candidate x : falling) {
      if (left <= 0) break;
      if (stay.get(x.of)[x.index]) continue;
      stay.get(x.of)[x.index] = true;
      left--;
    }
    return stay;
  }

  private static double mean(double[] values) {
    double sum = 0;
    for (double v : values) sum += v;
    return sum > 0 ? sum / values.length : 1;
  }

  /** One step at work. */
  private final class Work {
    private final Kfac.Observer observer;
    private final Kernels kernels;
    private final long seed;

    Work(Kfac.Observer observer, Workshop shop) {
      this.observer = observer;
      this.kernels = shop.kernels();
      this.seed = shop.seed();
    }

    /** Groups chosen among together, or each for itself. */
    private List<boolean[]> choose(
        List<List<Candidate>> groups, double share, double lambda, int[] kept) {
      if (budget == Budget.MIDDLE) return chosen(groups, share, lambda, scale, kept);
      List<boolean[]> stay = new ArrayList<>();
      for (int g = 0; g < groups.size(); g++) {
        List<Candidate> own = new ArrayList<>();
        for (Candidate c : groups.get(g)) own.add(new Candidate(0, c.index, c.curvature, c.pull));
        stay.addAll(chosen(List.of(own), share, lambda, scale, new int[] {kept[g]}));
      }
      return stay;
    }

    // Attention.

    /** A matrix of attention and what was seen of it. */
    private record Matrix(String path, Tensor w, Tensor inputs, Tensor outputs, Tensor gradient) {}

    Cut directions(Draft draft) {
      List<Matrix> matrices = new ArrayList<>();
      Set<Block> done = Collections.newSetFromMap(new IdentityHashMap<>());
      for (Slot s : draft.middle())
        if (s.block() instanceof TransformerBlock b && done.add(b))
          attention(s.name() + ".attn", b.attention(), matrices);
      List<Svd> whole = new ArrayList<>();
      List<List<Candidate>> groups = new ArrayList<>();
      int[] kept = new int[matrices.size()];
      for (Matrix m : matrices) {
        int full = Math.min(m.w.rows(), m.w.cols());
        int most = Math.max(1, (int) Math.ceil(span * full));
        Svd svd = Svd.largest(m.w, most, kernels, seed, "gradot." + m.path);
        kept[groups.size()] = Math.max(1, (int) Math.ceil(always * full));
        groups.add(candidates(groups.size(), svd, m));
        whole.add(svd);
      }
      List<boolean[]> stay = choose(groups, rank / span, attentionLambda, kept);
      Map<String, Svd> left = new HashMap<>();
      for (int i = 0; i < matrices.size(); i++)
        left.put(matrices.get(i).path, of(whole.get(i), stay.get(i)));
      return new Cut.Chosen(left);
    }

    private void attention(String path, SelfAttention a, List<Matrix> to) {
      switch (a.inputs()) {
        case QueryKeyValue.Separate s -> {
          add(path + ".q", s.q(), to);
          add(path + ".k", s.k(), to);
          add(path + ".v", s.v(), to);
        }
        case QueryKeyValue.Fused f -> {
          Parts parts = Parts.of(path + ".qkv", f, a);
          Kfac seen = observer.of(parts.fused().weight().weight());
          for (int i = 0; i < 3; i++) {
            int[] rows = parts.rows().get(i);
            to.add(
                new Matrix(
                    path + "." + "qkv".charAt(i),
                    parts.matrix(i),
                    seen.inputs(),
                    square(seen.outputs(), rows),
                    rows(seen.gradient(), rows)));
          }
        }
        case QueryKeyValue.Prefixed p -> throw prefixed(path);
      }
      add(path + ".out", a.out(), to);
    }

    private void add(String path, Projection p, List<Matrix> to) {
      Dense d = dense(path, p);
      Kfac seen = observer.of(d.weight().weight());
      to.add(new Matrix(path, Parts.outIn(d), seen.inputs(), seen.outputs(), seen.gradient()));
    }

    private List<Candidate> candidates(int group, Svd svd, Matrix m) {
      Tensor gu = times(svd.u(), m.outputs);
      Tensor av = times(svd.v(), m.inputs);
      Tensor ug = times(svd.u(), m.gradient);
      List<Candidate> all = new ArrayList<>();
      for (int i = 0; i < svd.rank(); i++) {
        double sigma = svd.values()[i];
        double pull = 0;
        for (int j = 0; j < ug.cols(); j++)
          pull += (double) ug.get(i * ug.cols() + j) * svd.v().get(i * ug.cols() + j);
        all.add(new Candidate(group, i, sigma * ones(gu, i) * ones(av, i), sigma * pull));
      }
      return all;
    }

    private Tensor times(Tensor x, Tensor w) {
      Tensor y = Tensor.zeros(x.rows(), w.cols());
      kernels.gemm(MatView.of(x), MatView.of(w), MatView.of(y), false);
      return y;
    }

    // The feed-forward part.

    Draft channels(Draft draft) {
      List<Block> blocks = new ArrayList<>();
      List<List<Candidate>> groups = new ArrayList<>();
      Set<Block> done = Collections.newSetFromMap(new IdentityHashMap<>());
      for (Slot s : draft.middle())
        if (s.block() instanceof TransformerBlock b && done.add(b)) {
          groups.add(candidates(groups.size(), s.name() + ".mlp", b.mlp()));
          blocks.add(b);
        }
      int[] kept = new int[groups.size()];
      Arrays.fill(kept, budget == Budget.MIDDLE ? 1 : 0);
      List<boolean[]> stay = choose(groups, channels, channelLambda, kept);
      Map<Block, boolean[]> channelsOf = new IdentityHashMap<>();
      for (int i = 0; i < blocks.size(); i++) channelsOf.put(blocks.get(i), stay.get(i));
      return draft.with(
          Targets.each(
              draft.middle(),
              (slot, block) ->
                  block instanceof TransformerBlock b
                      ? new TransformerBlock(
                          b.norm1(),
                          b.attention(),
                          b.norm2(),
                          narrow(slot + ".mlp", b.mlp(), Objects.requireNonNull(channelsOf.get(b))))
                      : block));
    }

    private List<Candidate> candidates(int group, String path, FeedForward f) {
      int width = f.down().in();
      double[] curvature = new double[width];
      double[] pull = new double[width];
      Dense down = dense(path + ".down", f.down());
      Kfac seen = observer.of(down.weight().weight());
      // A column of [C, F] is a row of its transpose.
      score(
          transposed(Parts.outIn(down)),
          seen.inputs(),
          seen.outputs(),
          transposed(seen.gradient()),
          0,
          curvature,
          pull);
      for (Projection p : f.gate() == null ? List.of(f.up()) : List.of(f.gate(), f.up())) {
        Dense in = dense(path, p);
        Kfac k = observer.of(in.weight().weight());
        for (int from = 0; from < in.out(); from += width)
          score(Parts.outIn(in), k.outputs(), k.inputs(), k.gradient(), from, curvature, pull);
      }
      List<Candidate> all = new ArrayList<>();
      for (int j = 0; j < width; j++) all.add(new Candidate(group, j, curvature[j], pull[j]));
      return all;
    }

    /**
     * Adds the terms of clearing each of some rows of a matrix.
     *
     * @param rows factor of the rows' side
     * @param columns factor of the columns' side
     */
    private void score(
        Tensor w,
        Tensor rows,
        Tensor columns,
        Tensor gradient,
        int from,
        double[] curvature,
        double[] pull) {
      Tensor through = times(w, columns);
      for (int j = 0; j < curvature.length; j++) {
        curvature[j] += ones(rows, from + j) * ones(through, from + j);
        int at = (from + j) * w.cols();
        for (int i = 0; i < w.cols(); i++) pull[j] += (double) w.get(at + i) * gradient.get(at + i);
      }
    }

    private FeedForward narrow(String path, FeedForward f, boolean[] stay) {
      int[] kept = indices(stay);
      int[] both = kept;
      if (f.paired()) {
        both = Arrays.copyOf(kept, 2 * kept.length);
        for (int i = 0; i < kept.length; i++) both[kept.length + i] = stay.length + kept[i];
      }
      Dense down = dense(path + ".down", f.down());
      return new FeedForward(
          f.gate() == null ? null : outs(dense(path + ".gate", f.gate()), kept),
          outs(dense(path + ".up", f.up()), both),
          f.paired(),
          f.activation(),
          Parts.dense(transposed(rows(transposed(Parts.outIn(down)), kept)), down.bias(), down));
    }

    /** The projection to some of its outputs. */
    private Dense outs(Dense d, int[] kept) {
      Parameter bias = d.bias();
      Parameter fewer =
          bias == null
              ? null
              : Parameter.frozen(
                  HeapWeight.of(
                      rows(bias.weight().toTensor().reshape(d.out(), 1), kept)
                          .reshape(kept.length)));
      return Parts.dense(rows(Parts.outIn(d), kept), fewer, d);
    }
  }

  private static int[] indices(boolean[] stay) {
    return IntStream.range(0, stay.length).filter(i -> stay[i]).toArray();
  }

  private static Svd of(Svd whole, boolean[] stay) {
    int[] kept = indices(stay);
    double[] values = new double[kept.length];
    for (int i = 0; i < kept.length; i++) values[i] = whole.values()[kept[i]];
    return new Svd(rows(whole.u(), kept), values, rows(whole.v(), kept));
  }

  private static IllegalArgumentException prefixed(String path) {
    return new IllegalArgumentException(
        "step gradot: " + path + " carries a prefix; take it off first");
  }

  private static Dense dense(String path, Projection p) {
    if (p instanceof Dense d) return d;
    throw new IllegalArgumentException(
        "step gradot: "
            + path
            + " is a "
            + p.getClass().getSimpleName()
            + ", of which nothing can be chosen; do gradot before rank-compress");
  }

  /** Σ |x| of a row. */
  private static double ones(Tensor t, int row) {
    double sum = 0;
    for (int j = row * t.cols(); j < (row + 1) * t.cols(); j++) sum += Math.abs(t.get(j));
    return sum;
  }

  private static Tensor rows(Tensor t, int[] which) {
    Tensor some = Tensor.zeros(which.length, t.cols());
    for (int i = 0; i < which.length; i++)
      some.slice(i, i + 1).copyFrom(t.slice(which[i], which[i] + 1));
    return some;
  }

  private static Tensor square(Tensor t, int[] which) {
    return transposed(rows(transposed(rows(t, which)), which));
  }

  private static Tensor transposed(Tensor t) {
    Tensor out = Tensor.zeros(t.cols(), t.rows());
    for (int i = 0; i < t.rows(); i++)
      for (int j = 0; j < t.cols(); j++) out.data()[j * t.rows() + i] = t.get(i * t.cols() + j);
    return out;
  }

  @Override
  public JsonObject describe() {
    return JsonObject.create()
        .put("step", NAME)
        .put("rank", rank)
        .put("channels", channels)
        .put("lambda-attn", attentionLambda)
        .put("lambda-mlp", channelLambda)
        .put("always", always)
        .put("units", scale.name().toLowerCase(Locale.ROOT))
        .put("budget", budget.name().toLowerCase(Locale.ROOT))
        .put("span", span)
        .put("samples", samples);
  }
}
