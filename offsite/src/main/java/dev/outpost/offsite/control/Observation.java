package dev.outpost.offsite.control;

import java.util.List;

/**
 * What is known of a federation before a round. A server fills it with what it has measured, a
 * simulation with what it computed.
 *
 * @param round from 0
 * @param rounds that are planned
 * @param devices always in the same order
 */
public record Observation(int round, int rounds, List<Device> devices) {
  /** {@link Device#holding} of a device that was never handed an emulator. */
  public static final int NONE = -1;

  /**
   * One device.
   *
   * @param samples of its data
   * @param memoryLimit bytes it allows to tuning
   * @param memoryUsed bytes that tuning took in the last round, 0 when it did not tune
   * @param loss of the global adapter on its data, in nats per token; NaN when not yet measured
   * @param participated in the last round
   * @param bitsPerSecond estimate of its link in this round
   * @param exchanges emulators handed to it so far
   * @param holding index of the emulator it holds, or {@link #NONE}
   */
  public record Device(
      long samples,
      long memoryLimit,
      long memoryUsed,
      double loss,
      boolean participated,
      double bitsPerSecond,
      int exchanges,
      int holding) {}

  public Observation {
    devices = List.copyOf(devices);
    if (round < 0 || rounds < 1 || devices.isEmpty())
      throw new IllegalArgumentException(
          "observation: needs rounds and devices, got round "
              + round
              + " of "
              + rounds
              + " with "
              + devices.size()
              + " devices");
  }
}
