package dev.outpost.offsite.control;

/**
 * One emulator that the owner can hand out, and what the owner expects of tuning through it.
 *
 * @param name for people
 * @param kept share of the middle's blocks that it keeps; 0 where there is no emulator
 * @param emulatorBytes moved to a device that does not hold it
 * @param adapterBytes moved each way in every round
 * @param memoryBytes that tuning with it takes
 * @param flops of one device's tuning in a round
 * @param curve expected loss of the plugged-in model by steps
 */
public record Level(
    String name,
    double kept,
    long emulatorBytes,
    long adapterBytes,
    long memoryBytes,
    double flops,
    LossCurve curve) {
  public Level {
    if (!(kept >= 0 && kept <= 1))
      throw new IllegalArgumentException("level " + name + ": share kept must be in [0, 1]");
    if (emulatorBytes < 0 || adapterBytes < 0 || memoryBytes < 1 || !(flops >= 0))
      throw new IllegalArgumentException(
          "level " + name + ": bytes and operations must not be negative, memory positive");
  }
}
