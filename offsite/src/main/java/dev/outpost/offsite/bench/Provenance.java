package dev.outpost.offsite.bench;

import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Machine;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;

/**
 * Where a result comes from: without it a figure cannot be compared with another.
 *
 * @param commit of the sources, as the build wrote it down; {@code unknown} when it did not
 * @param cpu the processor's name
 * @param jdk version of the Java runtime
 * @param flags what the JVM was started with
 * @param kernels which kernels ran
 */
public record Provenance(String commit, String cpu, String jdk, String flags, String kernels) {
  /** Of this process. */
  public static Provenance of(Kernels kernels, Machine machine) {
    return new Provenance(
        builtFrom(),
        machine.cpu(),
        Runtime.version().toString(),
        String.join(" ", ManagementFactory.getRuntimeMXBean().getInputArguments()),
        kernels.name());
  }

  Map<String, Object> fields() {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("commit", commit);
    all.put("cpu", cpu);
    all.put("jdk", jdk);
    all.put("flags", flags);
    all.put("kernels", kernels);
    return all;
  }

  private static String builtFrom() {
    Properties build = new Properties();
    try (InputStream in = Provenance.class.getResourceAsStream("build.properties")) {
      if (in != null) build.load(in);
    } catch (IOException e) {
      return "unknown";
    }
    String commit = build.getProperty("git.commit.id.abbrev", "");
    if (commit.isBlank()) return "unknown";
    return "true".equals(build.getProperty("git.dirty")) ? commit + "-dirty" : commit;
  }
}
