package dev.outpost.offsite.control;

/**
 * A simulated device.
 *
 * @param kilometres to the server
 * @param watts transmit power, the same both ways
 * @param memory bytes
 * @param share of it that tuning may take, in (0, 1]
 * @param samples of its data: its weight in the mean
 * @param flops floating-point operations per second while tuning; infinite leaves tuning time out
 */
public record DeviceModel(
    double kilometres, double watts, long memory, double share, long samples, double flops) {
  public DeviceModel {
    if (!(kilometres > 0 && watts > 0 && memory > 0 && samples > 0 && flops > 0))
      throw new IllegalArgumentException(
          "device: distance, power, memory, samples and speed must be positive, got "
              + kilometres
              + " km, "
              + watts
              + " W, "
              + memory
              + " bytes, "
              + samples
              + " samples, "
              + flops
              + " FLOP/s");
    if (!(share > 0 && share <= 1))
      throw new IllegalArgumentException("device: share must be in (0, 1], got " + share);
  }

  /** Bytes that tuning may take. */
  public long allowed() {
    return (long) (memory * share);
  }
}
