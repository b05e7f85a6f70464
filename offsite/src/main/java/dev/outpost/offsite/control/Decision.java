package dev.outpost.offsite.control;

import java.util.Arrays;
import java.util.List;

/**
 * Who tunes in a round, and through which emulator. FedPEAT's action (ε, U).
 *
 * @param devices one per device of the observation
 */
public record Decision(List<Choice> devices) {
  /**
   * For one device.
   *
   * @param selected U: whether it takes part
   * @param level ε: index into {@link Catalogue}; handed out only when selected
   */
  public record Choice(boolean selected, int level) {}

  public Decision {
    devices = List.copyOf(devices);
  }

  /** All devices take part through the same emulator. */
  public static Decision all(int devices, int level) {
    Choice[] choices = new Choice[devices];
    Arrays.fill(choices, new Choice(true, level));
    return new Decision(List.of(choices));
  }
}
