package dev.outpost.offsite.app;

import com.sun.management.OperatingSystemMXBean;
import dev.outpost.offsite.bench.DeviceSpeed;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Device;
import dev.outpost.tensor.kernel.DeviceException;
import dev.outpost.tensor.kernel.Devices;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Machine;
import dev.outpost.tensor.kernel.OpenDevice;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/** {@code inspect devices}: the processor and every device, what each is and how fast. */
final class DeviceTable {
  /** Plenty for what is measured, little for a device that others use. */
  private static final long MEMORY = 512L << 20;

  private static final List<String> HEADING =
      List.of(
          "id",
          "name",
          "driver",
          "kind",
          "memory",
          "f32 gemm 1024³",
          "add of 4 Mi",
          "to it",
          "from it",
          "call");

  /** One of them: what it is, and its figures or why there are none. */
  private record Row(
      String id,
      String name,
      String driver,
      String kind,
      long memoryBytes,
      @Nullable DeviceSpeed speed,
      List<String> onHost,
      String failure) {}

  private final Console console;
  private final Kernels host;
  private final double seconds;

  /**
   * @param seconds for each figure, and as long to warm up
   */
  DeviceTable(Console console, Kernels host, double seconds) {
    this.console = console;
    this.host = host;
    this.seconds = seconds;
  }

  /** Measures, and tells people; what is returned tells machines, and is empty for people. */
  JsonObject show(Devices devices) {
    List<Row> rows = new ArrayList<>();
    rows.add(processor());
    for (Device d : devices.all()) rows.add(row(d));
    // As --device auto does: a GPU that does not open leaves the processor.
    String wanted = devices.choose(Devices.AUTO).map(Device::id).orElse(Devices.CPU);
    String auto =
        rows.stream().anyMatch(r -> r.id.equals(wanted) && r.speed != null) ? wanted : Devices.CPU;
    table(rows, auto);
    for (Row r : rows) if (r.speed != null && !r.onHost.isEmpty()) division(r);
    devices.refused().forEach(r -> console.say("not usable: " + r));
    devices.advice().ifPresent(a -> console.say("no software for devices: " + a));
    return console.json() ? json(rows, auto, devices.refused()) : JsonObject.create();
  }

  private Row processor() {
    console.bar("measuring the processor …");
    long memory =
        ManagementFactory.getOperatingSystemMXBean() instanceof OperatingSystemMXBean system
            ? system.getTotalMemorySize()
            : Runtime.getRuntime().maxMemory();
    int threads = host.team().threads();
    return new Row(
        Devices.CPU,
        Machine.current().cpu(),
        host.name() + ", " + threads + (threads == 1 ? " thread" : " threads"),
        kind(Device.Kind.CPU),
        memory,
        DeviceSpeed.of(host, seconds),
        List.of(),
        "");
  }

  private Row row(Device d) {
    console.bar("measuring " + d.id() + " " + d.name() + " …");
    DeviceSpeed speed = null;
    List<String> onHost = List.of();
    String failure = "";
    try (OpenDevice open =
        d.open(host, Math.min(MEMORY, d.memoryBytes() / 2), true, console::note)) {
      onHost = open.onHost();
      speed = DeviceSpeed.of(open.kernels(), seconds);
    } catch (DeviceException e) {
      failure = String.valueOf(e.getMessage());
    }
    return new Row(
        d.id(),
        d.name(),
        d.driver(),
        kind(d.kind()),
        d.memoryBytes(),
        failure.isEmpty() ? speed : null,
        onHost,
        failure);
  }

  private static String kind(Device.Kind kind) {
    return switch (kind) {
      case CPU, GPU -> kind.name();
      case OTHER -> "other";
    };
  }

  private void table(List<Row> rows, String auto) {
    List<List<String>> lines = new ArrayList<>();
    lines.add(HEADING);
    for (Row r : rows) lines.add(cells(r));
    int[] widths = new int[HEADING.size()];
    for (List<String> line : lines)
      for (int i = 0; i < line.size(); i++)
        // A reason is the last of its line and wider than any figure.
        if (line.size() == widths.length || i < line.size() - 1)
          widths[i] = Math.max(widths[i], line.get(i).length());
    for (List<String> line : lines) {
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < line.size(); i++) {
        String cell = line.get(i);
        String gap = " ".repeat(Math.max(0, widths[i] - cell.length()));
        // Words to the left, quantities to the right, so that units meet.
        boolean words = i < 4 || line.size() < widths.length && i == line.size() - 1;
        text.append(words ? cell + gap : gap + cell).append("  ");
      }
      if (line.getFirst().equals(auto)) text.append("<- --device auto");
      console.say(text.toString().stripTrailing());
    }
  }

  private static List<String> cells(Row r) {
    List<String> cells =
        new ArrayList<>(
            List.of(
                r.id,
                r.name,
                r.driver,
                r.kind,
                String.format(Locale.ROOT, "%,d MiB", r.memoryBytes >> 20)));
    DeviceSpeed s = r.speed;
    if (s == null) {
      cells.add(r.failure);
      return cells;
    }
    cells.add(number(s.gemmGflops()) + " GFLOP/s");
    cells.add(number(s.addGigabytes()) + " GB/s");
    cells.add(bus(s.upGigabytes()));
    cells.add(bus(s.downGigabytes()));
    cells.add(number(s.callMicroseconds()) + " µs");
    return cells;
  }

  private static String bus(OptionalDouble rate) {
    return rate.isEmpty() ? "-" : number(rate.getAsDouble()) + " GB/s";
  }

  /** Three significant digits, or all of a large number. */
  private static String number(double x) {
    return String.format(Locale.ROOT, x >= 100 ? "%,.0f" : x >= 10 ? "%.1f" : "%.2f", x);
  }

  private void division(Row r) {
    console.say(
        r.id
            + " computes what training and generation consist of; the processor reads text, chooses"
            + " tokens, and does these:");
    r.onHost.forEach(o -> console.say("  " + o));
  }

  private static JsonObject json(List<Row> rows, String auto, List<String> refused) {
    return JsonObject.create()
        .put("kind", "devices")
        .put("auto", auto)
        .put("devices", rows.stream().map(DeviceTable::json).toList())
        .put("refused", refused);
  }

  private static JsonObject json(Row r) {
    JsonObject o =
        JsonObject.create()
            .put("id", r.id)
            .put("name", r.name)
            .put("driver", r.driver)
            .put("kind", r.kind.toLowerCase(Locale.ROOT))
            .put("memory_bytes", r.memoryBytes);
    DeviceSpeed s = r.speed;
    if (s == null) return o.put("failure", r.failure);
    o.put("gemm_gflops", s.gemmGflops()).put("add_gigabytes_per_second", s.addGigabytes());
    if (s.upGigabytes().isPresent() && s.downGigabytes().isPresent())
      o.put("to_device_gigabytes_per_second", s.upGigabytes().getAsDouble())
          .put("from_device_gigabytes_per_second", s.downGigabytes().getAsDouble());
    return o.put("call_microseconds", s.callMicroseconds()).put("on_processor", r.onHost);
  }
}
