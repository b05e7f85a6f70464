package dev.outpost.offsite.emulator;

import dev.outpost.offsite.split.Split;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TransformerBlock;
import dev.outpost.transformer.layer.Dense;
import dev.outpost.transformer.layer.FeedForward;
import dev.outpost.transformer.layer.QueryKeyValue;
import dev.outpost.transformer.layer.SelfAttention;
import dev.outpost.transformer.module.Projection;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Compression that keeps the adapter's gradients and raises the loss (GradOT, Yao et al. 2025, from
 * a third party's notes): of a change δ of a matrix, {@code GCS(δ) = ‖H·δ‖₁ − λ·⟨∂l/∂W, δ⟩} is to
 * be small, H by {@link Kfac} from public text. Attention's matrices lose the singular directions,
 * the feed-forward part the inner channels, whose removal has the smallest GCS.
 *
 * <p>How each is scored: {@link GradotDirections}, {@link GradotChannels}; what stays: {@link
 * GradotChoice}. λ, its units and the budget are choices of ours, as the notes do not tell them.
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
    Draft narrow =
        channels < 1 ? new GradotChannels(this, observer, shop.kernels()).of(draft) : draft;
    if (rank == 1) return narrow;
    Cut cut = new GradotDirections(this, observer, shop).of(draft);
    return new RankCompress(cut, Targets.ATTN).apply(narrow, shop);
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

  static IllegalArgumentException prefixed(String path) {
    return new IllegalArgumentException(
        "step gradot: " + path + " carries a prefix; take it off first");
  }

  static Dense dense(String path, Projection p) {
    if (p instanceof Dense d) return d;
    throw new IllegalArgumentException(
        "step gradot: "
            + path
            + " is a "
            + p.getClass().getSimpleName()
            + ", of which nothing can be chosen; do gradot before rank-compress");
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
