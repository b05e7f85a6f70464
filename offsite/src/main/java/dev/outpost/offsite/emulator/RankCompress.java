package dev.outpost.offsite.emulator;

import dev.outpost.offsite.svd.Svd;
import dev.outpost.tensor.DType;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.io.Rounding;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.Block;
import dev.outpost.transformer.TransformerBlock;
import dev.outpost.transformer.layer.Dense;
import dev.outpost.transformer.layer.FeedForward;
import dev.outpost.transformer.layer.LowRank;
import dev.outpost.transformer.layer.QueryKeyValue;
import dev.outpost.transformer.layer.SelfAttention;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Projection;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Selective rank compression (Yao et al. 2024, ScaleOT): projections of the middle's blocks cut to
 * their largest singular values, by default attention's alone, as published. What takes fewer
 * parameters as two factors is stored so; above that rank the product is, which hides as much but
 * is no smaller. Queries, keys and values are cut each on its own, also where the family stores
 * them as one matrix; a cut one makes the block keep them apart. Biases stay.
 *
 * <p>Factors and products are of the matrix's own type, f32 where that is a block type. Blocks that
 * are no transformer blocks (harmonizers) pass as they are.
 *
 * @param cut how much stays
 * @param targets which projections
 */
public record RankCompress(Cut cut, Targets targets) implements EmulatorStep {
  static final String NAME = "rank-compress";

  static RankCompress read(StepSettings s) {
    return new RankCompress(Cut.read(s), Targets.read(s, Targets.ATTN));
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Draft apply(Draft draft, Workshop shop) {
    return draft.with(
        Targets.each(
            draft.middle(),
            (slot, block) ->
                block instanceof TransformerBlock b ? new Work(shop).block(slot, b) : block));
  }

  @Override
  public JsonObject describe() {
    JsonObject json = JsonObject.create().put("step", NAME);
    switch (cut) {
      case Cut.Ratio r -> json.put("ratio", r.share());
      case Cut.Energy e -> json.put("energy", e.share());
      case Cut.Fixed f -> json.put("rank", f.rank());
      case Cut.Chosen c -> throw new IllegalStateException("its own step describes what it chose");
      case Cut.Beta b -> json.put("beta", b.beta()).put("beta-keeps", b.keeps().word());
    }
    return json.put("targets", targets.word());
  }

  /** One step at work. */
  private final class Work {
    private final Kernels kernels;
    private final long seed;

    Work(Workshop shop) {
      this.kernels = shop.kernels();
      this.seed = shop.seed();
    }

    Block block(String slot, TransformerBlock b) {
      return new TransformerBlock(
          b.norm1(),
          targets.has(slot + ".attn.") ? attention(slot + ".attn", b.attention()) : b.attention(),
          b.norm2(),
          targets.has(slot + ".mlp.") ? feedForward(slot + ".mlp", b.mlp()) : b.mlp());
    }

    private SelfAttention attention(String path, SelfAttention a) {
      return new SelfAttention(
          inputs(path, a),
          projection(path + ".out", a.out()),
          a.heads(),
          a.kvHeads(),
          a.headDim(),
          a.scores(),
          a.rotary());
    }

    private QueryKeyValue inputs(String path, SelfAttention a) {
      return switch (a.inputs()) {
        case QueryKeyValue.Separate s ->
            new QueryKeyValue.Separate(
                projection(path + ".q", s.q()),
                projection(path + ".k", s.k()),
                projection(path + ".v", s.v()),
                s.norms());
        case QueryKeyValue.Fused f -> {
          Parts parts = Parts.of(path + ".qkv", f, a);
          List<Piece> each = pieces(path, parts, "q", "k", "v");
          yield worthIt(each)
              ? new QueryKeyValue.Separate(of(each.get(0)), of(each.get(1)), of(each.get(2)), null)
              : new QueryKeyValue.Fused(joined(parts, each), f.interleaved(), f.biases());
        }
        case QueryKeyValue.Prefixed p ->
            throw new IllegalArgumentException(
                "step rank-compress: " + path + " carries a prefix; take it off first");
      };
    }

    private FeedForward feedForward(String path, FeedForward f) {
      Projection down = projection(path + ".down", f.down());
      if (!f.paired()) {
        Projection gate = f.gate();
        return new FeedForward(
            gate == null ? null : projection(path + ".gate", gate),
            projection(path + ".up", f.up()),
            false,
            f.activation(),
            down);
      }
      Parts parts = Parts.halves(path + ".gate_up", f.up());
      List<Piece> p = pieces(path, parts, "gate", "up");
      return worthIt(p)
          ? new FeedForward(of(p.get(0)), of(p.get(1)), false, f.activation(), down)
          : new FeedForward(null, joined(parts, p), true, f.activation(), down);
    }

    private List<Piece> pieces(String path, Parts parts, String... names) {
      List<Piece> all = new ArrayList<>();
      for (int i = 0; i < names.length; i++)
        all.add(piece(path + "." + names[i], parts.matrix(i), parts.bias(i), parts.fused()));
      return all;
    }

    private boolean worthIt(List<Piece> pieces) {
      return pieces.stream().anyMatch(Piece::isFactored);
    }

    /** The one matrix again, where no part is worth factors. */
    private Dense joined(Parts parts, List<Piece> pieces) {
      if (pieces.stream().allMatch(p -> p.svd == null)) return parts.fused();
      return parts.join(pieces.stream().map(p -> p.matrix(kernels)).toList());
    }

    private Projection projection(String path, Projection p) {
      return switch (p) {
        case Dense d -> {
          Piece piece = piece(path, Parts.outIn(d), d.bias(), d);
          yield piece.svd == null ? d : of(piece);
        }
        case LowRank l -> {
          Dense d = l.dense(kernels);
          Svd svd = cut.of(Parts.outIn(d), kernels, seed, path);
          yield svd.rank() < l.rank() ? factors(svd, l.a().weight().dtype(), l.bias()) : l;
        }
        default ->
            throw new IllegalArgumentException(
                "step rank-compress: "
                    + path
                    + " is a "
                    + p.getClass().getSimpleName()
                    + ", whose rank cannot be cut; merge it first");
      };
    }

    private Piece piece(String path, Tensor w, @Nullable Parameter bias, Dense like) {
      int full = Math.min(w.rows(), w.cols());
      boolean whole = cut instanceof Cut.Known known && known.rank(full) == full;
      Svd svd = whole ? null : cut.of(w, kernels, seed, path);
      return new Piece(w, svd == null || svd.rank() == full ? null : svd, bias, like);
    }

    private Projection of(Piece p) {
      return p.svd != null && p.isFactored()
          ? factors(p.svd, Parts.plain(p.like), p.bias)
          : Parts.dense(p.matrix(kernels), p.bias, p.like);
    }

    private LowRank factors(Svd svd, DType type, @Nullable Parameter bias) {
      return new LowRank(
          Parameter.frozen(Rounding.to(type, svd.right())),
          Parameter.frozen(Rounding.to(type, svd.left())),
          bias);
    }
  }

  /**
   * A matrix and what stays of it.
   *
   * @param w [out, in]
   * @param svd null where all of it does
   * @param like how its projection, or the one that it is part of, is stored
   */
  private record Piece(Tensor w, @Nullable Svd svd, @Nullable Parameter bias, Dense like) {
    boolean isFactored() {
      return svd != null && LowRank.saves(svd.rank(), w.cols(), w.rows());
    }

    Tensor matrix(Kernels k) {
      return svd == null ? w : svd.matrix(k);
    }
  }
}
