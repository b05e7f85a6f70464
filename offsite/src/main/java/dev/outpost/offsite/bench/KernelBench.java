package dev.outpost.offsite.bench;

import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Machine;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.memory.DeviceMemory;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.function.DoubleSupplier;
import java.util.function.Function;

/**
 * One kernel on one shape.
 *
 * @param limit what binds it
 * @param work of one call: floating-point operations, or bytes that must move (inputs read and
 *     outputs written once)
 * @param setup takes memory, checks one result where a check is cheap, and gives the call to time
 */
public record KernelBench(
    String name,
    String shape,
    Limit limit,
    double work,
    Map<String, Object> details,
    Function<Kernels, Runnable> setup)
    implements Bench {
  /** Which of the machine's limits binds a kernel. */
  public enum Limit {
    /** Fused multiply-adds per second. */
    ARITHMETIC,
    /** Reads from memory. A kernel whose data fits a cache can exceed it. */
    BANDWIDTH
  }

  @Override
  public Kind kind() {
    return Kind.KERNELS;
  }

  @Override
  public Row measure(Kernels kernels, Machine machine, int rounds) {
    if (kernels.memory() != DeviceMemory.HOST) return onDevice(kernels, rounds);
    Team team = kernels.team();
    DoubleSupplier ceiling =
        switch (limit) {
          case ARITHMETIC -> () -> peak(machine, team);
          case BANDWIDTH -> () -> machine.readGigabytes(team);
        };
    double[][] rates = Stopwatch.inTurns(rounds, work, setup.apply(kernels), ceiling);
    Spread rate = Spread.of(rates[0]);
    double most = Spread.of(rates[1]).median();
    Map<String, Object> fields = new LinkedHashMap<>(details);
    switch (limit) {
      case ARITHMETIC -> {
        fields.put("gflops", rate.median());
        fields.put("peak_gflops", most);
        fields.put("fraction_of_peak", rate.median() / most);
      }
      case BANDWIDTH -> {
        fields.put("gigabytes_per_second", rate.median());
        fields.put("bandwidth_gigabytes_per_second", most);
        fields.put("fraction_of_bandwidth", rate.median() / most);
      }
    }
    fields.put("ms", work / rate.median() / 1e6);
    return new Row(
        kind(),
        name,
        shape,
        team.threads(),
        limit == Limit.ARITHMETIC ? "GFLOP/s" : "GB/s",
        rate,
        OptionalDouble.of(most),
        fields);
  }

  /** On numbers that lie on the device; what binds it there nobody tells. */
  private Row onDevice(Kernels device, int rounds) {
    Resident resident = new Resident(device);
    try {
      Runnable call = setup.apply(resident.kernels());
      resident.keep();
      call.run();
      Spread rate = Spread.of(Stopwatch.inTurns(rounds, work, call, () -> 1)[0]);
      Map<String, Object> fields = new LinkedHashMap<>(details);
      fields.put(limit == Limit.ARITHMETIC ? "gflops" : "gigabytes_per_second", rate.median());
      fields.put("ms", work / rate.median() / 1e6);
      return new Row(
          kind(),
          name,
          shape,
          device.team().threads(),
          limit == Limit.ARITHMETIC ? "GFLOP/s" : "GB/s",
          rate,
          OptionalDouble.empty(),
          fields);
    } finally {
      resident.release();
    }
  }

  /** One run of the loop is a millisecond or two: too short to stand alone. */
  private static double peak(Machine machine, Team team) {
    double sum = 0;
    for (int i = 0; i < 4; i++) sum += 1 / machine.fmaGflops(team);
    return 4 / sum;
  }
}
