package dev.outpost.offsite.control;

import dev.outpost.tensor.random.RandomStream;
import java.util.ArrayList;
import java.util.List;

/**
 * How devices differ: each number is drawn evenly between its bounds, places evenly over a disc
 * around the server. All of it is ours; FedPEAT says that powers and gains are random.
 *
 * @param devices how many
 * @param radius of the disc in km; nobody is nearer than a tenth of it
 * @param watts bounds of transmit power
 * @param memory bounds, in units of what the full model takes
 * @param share of memory that tuning may take
 * @param samples bounds
 * @param flops bounds of tuning speed; infinite where tuning time is left out
 */
public record FleetModel(
    int devices,
    double radius,
    Range watts,
    Range memory,
    double share,
    Range samples,
    Range flops) {
  private static final double NEAREST = 0.1;

  /** Two bounds, both included. */
  public record Range(double low, double high) {
    public Range {
      if (!(low > 0 && low <= high))
        throw new IllegalArgumentException(
            "range: needs 0 < low <= high, got " + low + " and " + high);
    }

    double draw(RandomStream random) {
      double u = random.nextDouble();
      return low == high ? low : low + u * (high - low);
    }
  }

  /**
   * Ten devices within 500 m, 0.1 to 0.2 W, 0.6 to 2.5 models of memory of which half may be used,
   * 500 to 1,500 samples; tuning takes no time, as in the paper's experiments.
   */
  public static final FleetModel DEFAULT =
      new FleetModel(
          10,
          0.5,
          new Range(0.1, 0.2),
          new Range(0.6, 2.5),
          0.5,
          new Range(500, 1500),
          new Range(Double.POSITIVE_INFINITY, Double.POSITIVE_INFINITY));

  public FleetModel {
    if (devices < 1 || devices > 10_000)
      throw new IllegalArgumentException("fleet: needs 1 to 10000 devices, got " + devices);
    if (!(radius > 0))
      throw new IllegalArgumentException("fleet: radius must be positive, got " + radius);
  }

  /** The same with another number of devices. */
  public FleetModel of(int count) {
    return new FleetModel(count, radius, watts, memory, share, samples, flops);
  }

  /** The same with other bounds of memory. */
  public FleetModel remembering(Range bounds) {
    return new FleetModel(devices, radius, watts, bounds, share, samples, flops);
  }

  /** The same, tuning at these speeds. */
  public FleetModel tuningAt(Range speeds) {
    return new FleetModel(devices, radius, watts, memory, share, samples, speeds);
  }

  /**
   * The devices of a seed.
   *
   * @param modelBytes what the full model takes
   */
  public List<DeviceModel> draw(long seed, long modelBytes) {
    RandomStream random = RandomStream.of(seed, "control/fleet");
    List<DeviceModel> all = new ArrayList<>();
    for (int i = 0; i < devices; i++)
      all.add(
          new DeviceModel(
              radius * Math.max(NEAREST, StrictMath.sqrt(random.nextDouble())),
              watts.draw(random),
              Math.max(1, (long) (memory.draw(random) * modelBytes)),
              share,
              (long) samples.draw(random),
              flops.draw(random)));
    return all;
  }
}
