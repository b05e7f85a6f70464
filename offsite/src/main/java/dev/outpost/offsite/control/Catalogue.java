package dev.outpost.offsite.control;

import java.util.List;

/**
 * What a controller may hand out: emulators from the thinnest to the whole middle, and, for
 * federated full tuning, the whole model.
 *
 * @param levels emulators, thinnest first
 * @param whole the whole model: everything moves and everything is tuned
 * @param baseBytes moved to a device once, with its first emulator: what is frozen and not emulator
 * @param modelBytes memory that the full model takes, untuned
 */
public record Catalogue(List<Level> levels, Level whole, long baseBytes, long modelBytes) {
  public Catalogue {
    levels = List.copyOf(levels);
    if (levels.isEmpty()) throw new IllegalArgumentException("catalogue: needs an emulator");
    if (baseBytes < 0 || modelBytes < 1)
      throw new IllegalArgumentException("catalogue: bytes must not be negative");
    for (int i = 1; i < levels.size(); i++)
      if (levels.get(i).memoryBytes() < levels.get(i - 1).memoryBytes())
        throw new IllegalArgumentException(
            "catalogue: emulators must come thinnest first, but "
                + levels.get(i).name()
                + " takes less memory than "
                + levels.get(i - 1).name());
  }

  /** The index that stands for the whole model in a {@link Decision}. */
  public int wholeModel() {
    return levels.size();
  }

  /** An emulator, or the whole model. */
  public Level level(int index) {
    return index == wholeModel() ? whole : levels.get(index);
  }

  /** Loss before any tuning. */
  public double startLoss() {
    return levels.getLast().curve().at(0);
  }

  /** The least loss that tuning through an emulator reaches. */
  public double bestLoss() {
    double least = Double.POSITIVE_INFINITY;
    for (Level l : levels) least = Math.min(least, l.curve().floor());
    return least;
  }

  /** How far a loss is from {@link #bestLoss}: 1 at the start, 0 when there or beyond. */
  public double distance(double loss) {
    if (Double.isNaN(loss)) return 1;
    double best = bestLoss();
    return Math.max(0, (loss - best) / (startLoss() - best));
  }
}
