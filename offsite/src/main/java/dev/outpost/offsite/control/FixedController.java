package dev.outpost.offsite.control;

import java.util.ArrayList;
import java.util.List;

/** FedPEAT without adaptive control: every device takes part in every round, nothing changes. */
public final class FixedController implements Controller {
  private final String name;
  private final Catalogue catalogue;
  private final int level;

  private FixedController(String name, Catalogue catalogue, int level) {
    this.name = name;
    this.catalogue = catalogue;
    this.level = level;
  }

  /** Everybody gets this emulator. */
  public static FixedController of(Catalogue catalogue, int level) {
    if (level < 0 || level >= catalogue.levels().size())
      throw new IllegalArgumentException(
          "fixed controller: level must be one of " + catalogue.levels().size() + ", got " + level);
    return new FixedController("fixed " + catalogue.level(level).name(), catalogue, level);
  }

  /** Everybody gets the largest emulator that fits its memory, or the thinnest. */
  public static FixedController fitting(Catalogue catalogue) {
    return new FixedController("fixed, fitting", catalogue, Observation.NONE);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Decision decide(Observation o) {
    if (level != Observation.NONE) return Decision.all(o.devices().size(), level);
    List<Decision.Choice> choices = new ArrayList<>();
    for (Observation.Device d : o.devices()) {
      int most = catalogue.levels().size() - 1;
      while (most > 0 && catalogue.level(most).memoryBytes() > d.memoryLimit()) most--;
      choices.add(new Decision.Choice(true, most));
    }
    return new Decision(choices);
  }
}
