package dev.outpost.tensor.kernel;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * The machine that figures come from, and its limits: the peak of fused multiply-adds and the
 * bandwidth of reads from memory, measured in the instructions of the chosen kernels.
 *
 * <p>The limits drift with the clock and with what else runs: measure them beside what is compared
 * with them, in turns.
 */
public final class Machine {
  /**
   * Four times the largest last-level cache of the machines we know, so that reads reach memory.
   */
  private static final int READ_FLOATS = 64 << 20;

  private final Ceilings ceilings;
  private final String cpu;
  private float[] memory = new float[0];

  private Machine(Ceilings ceilings, String cpu) {
    this.ceilings = ceilings;
    this.cpu = cpu;
  }

  /** This machine, seen through the kernels that {@link KernelsSelection#current} chose. */
  public static Machine current() {
    return new Machine(KernelsSelection.current().ceilings(), cpuName());
  }

  /** The processor's name as the operating system tells it, or the architecture. */
  public String cpu() {
    return cpu;
  }

  /** Processors that this JVM may use. */
  public int processors() {
    return Runtime.getRuntime().availableProcessors();
  }

  /** Widest vector used, in bits; 0 without vectors. */
  public int vectorBits() {
    return ceilings.vectorBits();
  }

  /** Vector registers; 0 without vectors. */
  public int registers() {
    return ceilings.registers();
  }

  /** One line for people: processor, processors, vectors. */
  public String describe() {
    return String.format(
        Locale.ROOT, "%s, %d processors, %s", cpu, processors(), ceilings.describe());
  }

  /** GFLOP/s of f32 fused multiply-adds on the team's threads, timed once. */
  public double fmaGflops(Team team) {
    long start = System.nanoTime();
    float kept = ceilings.multiplyAdd(team);
    return ceilings.operations(team) / elapsed(start, kept);
  }

  /**
   * GB/s of reads from memory on the team's threads, timed once. The first call takes 256 MiB of
   * heap, kept until {@link #release}.
   */
  public double readGigabytes(Team team) {
    if (memory.length == 0) memory = new float[READ_FLOATS];
    long start = System.nanoTime();
    float kept = ceilings.read(team, memory);
    return memory.length * 4.0 / elapsed(start, kept);
  }

  /** Gives the memory of {@link #readGigabytes} back. */
  public void release() {
    memory = new float[0];
  }

  private static double elapsed(long start, float kept) {
    long nanos = Math.max(1, System.nanoTime() - start);
    if (Float.isNaN(kept)) throw new IllegalStateException("machine: a ceiling's loop gave NaN");
    return nanos;
  }

  private static String cpuName() {
    String otherwise = System.getProperty("os.arch", "unknown");
    Path info = Path.of("/proc/cpuinfo");
    if (!Files.isReadable(info)) return otherwise;
    try (Stream<String> lines = Files.lines(info)) {
      return lines
          .filter(l -> l.startsWith("model name"))
          .findFirst()
          .map(l -> l.substring(l.indexOf(':') + 1).strip())
          .orElse(otherwise);
    } catch (IOException e) {
      return otherwise;
    }
  }
}
