package dev.outpost.offsite.emulator;

import dev.outpost.offsite.svd.Svd;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import java.util.Locale;
import java.util.Map;

/** How much of a matrix's rank stays. */
public sealed interface Cut {
  /** Of a matrix [out, in], the part that stays; {@code name} is its own, for random numbers. */
  Svd of(Tensor w, Kernels k, long seed, String name);

  /** A rank that is known without looking at the numbers. */
  sealed interface Known extends Cut {
    /** From 1 to {@code full}. */
    int rank(int full);

    @Override
    default Svd of(Tensor w, Kernels k, long seed, String name) {
      return Svd.largest(w, rank(Math.min(w.rows(), w.cols())), k, seed, name);
    }
  }

  /** This share of the full rank, rounded, at least 1. */
  record Ratio(double share) implements Known {
    public Ratio {
      if (!(share > 0 && share <= 1))
        throw new IllegalArgumentException(
            "step rank-compress: ratio must be above 0 and at most 1, got " + share);
    }

    @Override
    public int rank(int full) {
      return Math.max(1, (int) Math.round(share * full));
    }
  }

  /** This rank, or the full one where it is smaller. */
  record Fixed(int rank) implements Known {
    public Fixed {
      if (rank < 1)
        throw new IllegalArgumentException(
            "step rank-compress: rank must be at least 1, got " + rank);
    }

    @Override
    public int rank(int full) {
      return Math.min(rank, full);
    }
  }

  /**
   * The published β (Yao et al. 2024), which can be read two ways.
   *
   * @param beta in (0, 1)
   * @param keeps which share of the rank it leaves
   */
  record Beta(double beta, Keeps keeps) implements Known {
    /** A reading of β. */
    public enum Keeps {
      /** β of the rank stays. */
      SHARE,
      /** β of the rank goes, 1 − β stays. */
      REST;

      String word() {
        return name().toLowerCase(Locale.ROOT);
      }
    }

    public Beta {
      if (!(beta > 0 && beta < 1))
        throw new IllegalArgumentException(
            "step rank-compress: beta must be between 0 and 1, got " + beta);
    }

    @Override
    public int rank(int full) {
      return new Ratio(keeps == Keeps.SHARE ? beta : 1 - beta).rank(full);
    }
  }

  /** The least rank whose squared singular values make up this share of all. */
  record Energy(double share) implements Cut {
    public Energy {
      if (!(share > 0 && share <= 1))
        throw new IllegalArgumentException(
            "step rank-compress: energy must be above 0 and at most 1, got " + share);
    }

    @Override
    public Svd of(Tensor w, Kernels k, long seed, String name) {
      return Svd.energy(w, share, k, seed, name);
    }
  }

  /**
   * What another step chose.
   *
   * @param kept by the matrix's name
   */
  record Chosen(Map<String, Svd> kept) implements Cut {
    public Chosen {
      kept = Map.copyOf(kept);
    }

    @Override
    public Svd of(Tensor w, Kernels k, long seed, String name) {
      Svd svd = kept.get(name);
      if (svd == null) throw new IllegalStateException("cut: nothing was chosen of " + name);
      return svd;
    }
  }

  /** From a step's settings: one of ratio, energy, rank, beta. */
  static Cut read(StepSettings s) {
    int given = 0;
    for (String way : new String[] {"ratio", "energy", "rank", "beta"}) if (s.has(way)) given++;
    if (given != 1)
      throw s.wrong(
          "ratio, energy, rank or beta", "must be given, one of them, such as ratio=0.25");
    if (s.has("ratio")) return new Ratio(s.number("ratio", 0, 1, 0));
    if (s.has("energy")) return new Energy(s.number("energy", 0, 1, 0));
    if (s.has("rank")) return new Fixed(s.integer("rank", 1, 1 << 20));
    String keeps = s.choice("beta-keeps", "share", "share", "rest");
    return new Beta(s.number("beta", 0, 1, 0), Beta.Keeps.valueOf(keeps.toUpperCase(Locale.ROOT)));
  }
}
