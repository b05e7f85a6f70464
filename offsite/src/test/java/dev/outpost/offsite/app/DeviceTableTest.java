package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Device;
import dev.outpost.tensor.kernel.DeviceException;
import dev.outpost.tensor.kernel.DeviceProvider;
import dev.outpost.tensor.kernel.Devices;
import dev.outpost.tensor.kernel.FakeDevice;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MirrorKernels;
import dev.outpost.tensor.kernel.Team;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** {@code inspect devices}, without a device. */
final class DeviceTableTest {
  private static final Team TEAM = Team.of(2);
  private static final Kernels HOST = Kernels.best(TEAM);
  private static final Device GPU =
      new FakeDevice("0:0", "a GPU", Device.Kind.GPU, MirrorKernels::new);
  private static final Device BROKEN =
      new FakeDevice(
          "0:1",
          "a broken GPU",
          Device.Kind.GPU,
          host -> {
            throw new DeviceException("device 0:1: its fan has stopped; clean it");
          });
  private static final DeviceProvider ASLEEP = FakeDevice.unusable("other", "it sleeps; wake it");

  @AfterAll
  static void close() {
    TEAM.close();
  }

  private final StringWriter out = new StringWriter();

  private JsonObject json(Device... devices) throws IOException {
    return JsonObject.parse("line", show(true, devices).toLine());
  }

  private JsonObject show(boolean json, Device... devices) {
    PrintWriter to = new PrintWriter(out, true);
    Console console = new Console(to, to, json, true, Terminal.NONE);
    return new DeviceTable(console, HOST, 0)
        .show(Devices.of(List.of(FakeDevice.provider(List.of(devices)), ASLEEP)));
  }

  @Test
  void aRowEachWithUnitsInColumns() {
    assertThat(show(false, BROKEN, GPU).names()).isEmpty();
    List<String> lines = out.toString().lines().toList();
    assertThat(lines.get(0)).matches("id +name +driver +kind +memory +f32 gemm 1024³ .*call");
    assertThat(lines.get(1))
        .matches(
            "cpu .*"
                + HOST.name()
                + ", 2 threads +CPU .*MiB +[\\d.,]+ GFLOP/s +[\\d.,]+ GB/s"
                + " +- +- +[\\d.,]+ µs  <- --device auto");
    assertThat(lines.get(2))
        .matches("0:1 +a broken GPU +fake driver +GPU +3,072 MiB  device 0:1: its fan .* clean it");
    assertThat(lines.get(3))
        .matches(
            "0:0 +a GPU +fake driver +GPU +3,072 MiB +[\\d.,]+ GFLOP/s( +[\\d.,]+ GB/s){3}"
                + " +[\\d.,]+ µs");
    for (String unit : List.of("MiB", "GFLOP/s", "µs"))
      assertThat(lines.get(1).indexOf(unit)).isEqualTo(lines.get(3).indexOf(unit));
    assertThat(lines.subList(4, lines.size()))
        .satisfiesExactly(
            l -> assertThat(l).startsWith("0:0 computes ").endsWith(":"),
            l -> assertThat(l).isEqualTo("  " + FakeDevice.ON_HOST.getFirst()),
            l -> assertThat(l).isEqualTo("not usable: other: it sleeps; wake it"));
  }

  @Test
  void theSameForMachines() throws IOException {
    JsonObject found = json(GPU, BROKEN);
    assertThat(out.toString()).isEmpty();
    assertThat(found.string("auto")).isEqualTo("0:0");
    assertThat(found.strings("refused")).containsExactly("other: it sleeps; wake it");
    List<JsonObject> rows = found.objects("devices");
    assertThat(rows).hasSize(3);
    assertThat(rows.get(0).string("id")).isEqualTo("cpu");
    assertThat(rows.get(0).has("to_device_gigabytes_per_second")).isFalse();
    assertThat(rows.get(0).number("gemm_gflops", 0)).isPositive();
    for (String figure :
        List.of(
            "gemm_gflops",
            "add_gigabytes_per_second",
            "to_device_gigabytes_per_second",
            "from_device_gigabytes_per_second",
            "call_microseconds")) assertThat(rows.get(1).number(figure, 0)).as(figure).isPositive();
    assertThat(rows.get(1).string("kind")).isEqualTo("gpu");
    assertThat(rows.get(1).integer("memory_bytes")).isEqualTo(3L << 30);
    assertThat(rows.get(1).strings("on_processor")).isEqualTo(FakeDevice.ON_HOST);
    assertThat(rows.get(2).string("failure")).contains("fan has stopped");
    assertThat(rows.get(2).has("gemm_gflops")).isFalse();
  }

  @Test
  void autoIsTheProcessorWhereTheGpuDoesNotOpen() throws IOException {
    assertThat(json(BROKEN).string("auto")).isEqualTo("cpu");
  }

  @Test
  void theCommandTellsTheProcessorAnywhere() throws IOException {
    JsonObject found = Shell.ok("inspect", "devices", "--json").result();
    assertThat(found.string("kind")).isEqualTo("devices");
    assertThat(found.string("auto")).isEqualTo("cpu");
    assertThat(found.objects("devices").getFirst().string("id")).isEqualTo("cpu");
  }
}
