package dev.outpost.offsite.app;

import dev.outpost.offsite.bench.Bench;
import dev.outpost.offsite.bench.Provenance;
import dev.outpost.offsite.bench.Row;
import dev.outpost.offsite.bench.Subject;
import dev.outpost.offsite.bench.Suite;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.Machine;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.memory.DeviceMemory;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

/** {@code outpost bench}: how fast this machine is, and how near its limits we come. */
@CommandLine.Command(
    name = "bench",
    description = {
      "Measure this machine: kernels beside its arithmetic and memory limits, training steps, generation.",
      "Nothing is read or downloaded: models are GPT-2 124M's and SmolLM-135M's dimensions with random numbers, unless --model names one. Needs about 4 GB, and 0.6 GB of temporary files for decode."
    },
    footer = {"", "Example: outpost bench kernels --only gemm-1024"})
final class BenchCommand extends Command {
  /** What to measure. */
  enum What {
    kernels,
    step,
    decode,
    all,
    paper
  }

  @Parameters(
      index = "0",
      paramLabel = "WHAT",
      description =
          "kernels, step, decode, all of these, or paper: the efficiency table of the offsite-tuning paper (about 20 minutes, 16 GB).")
  What what;

  @Option(
      names = "--only",
      paramLabel = "NAME",
      split = ",",
      description =
          "Only this, or what has this in its name; several with commas. An unknown one lists all."
              + " Default: everything.")
  List<String> only = List.of();

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "Timed rounds after the warm-up. Default: ${DEFAULT-VALUE}.")
  int rounds = 5;

  @Option(
      names = "--model",
      paramLabel = "DIR",
      description = "Measure steps and generation of this model folder instead.")
  Path model;

  @Mixin DeviceOptions device;

  BenchCommand(Interruption interruption) {
    super(interruption);
  }

  @Override
  Optional<DeviceOptions> device() {
    return Optional.of(device);
  }

  @Override
  int run(Console console, Kernels kernels) throws Exception {
    if (rounds < 1 || rounds > 1000)
      throw misuse("--rounds: must be between 1 and 1000, got " + rounds);
    List<Bench> chosen = chosen(suite());
    Machine machine = Machine.current();
    Provenance from = Provenance.of(kernels, machine);
    console.note(machine.describe());
    BenchTable table = new BenchTable(console);
    // Kernels on one thread and on all: what is bound by memory gains little from the second.
    try (Team single = Team.of(1)) {
      boolean sole = kernels.team().threads() == 1 || kernels.memory() != DeviceMemory.HOST;
      Kernels alone = sole ? kernels : Kernels.best(single);
      for (int i = 0; i < chosen.size() && !stopRequested(); i++) {
        Bench b = chosen.get(i);
        if (alone != kernels && b.kind() == Bench.Kind.KERNELS)
          show(console, table, measure(console, i, chosen, alone, machine), from);
        show(console, table, measure(console, i, chosen, kernels, machine), from);
      }
    }
    return stopRequested() ? ExitCode.INTERRUPTED : ExitCode.OK;
  }

  private Row measure(Console console, int index, List<Bench> all, Kernels kernels, Machine machine)
      throws IOException {
    Bench b = all.get(index);
    int threads = kernels.team().threads();
    console.bar(
        String.format(
            Locale.ROOT,
            "%d/%d  %s %s on %d thread%s …",
            index + 1,
            all.size(),
            b.kind().word(),
            b.name(),
            threads,
            threads == 1 ? "" : "s"));
    return b.measure(kernels, machine, rounds);
  }

  private static void show(Console console, BenchTable table, Row row, Provenance from) {
    table.show(row);
    console.emit(row.json(from));
  }

  private List<Bench> suite() throws IOException {
    if (model != null && what == What.kernels)
      throw misuse("--model: kernels are measured without a model; use it with step or decode");
    if (model != null && what == What.paper)
      throw misuse("--model: the paper's table has its own models; use it with step or decode");
    Subject own = model == null ? null : Subject.folder(ModelOptions.located(model));
    List<Bench> all = new ArrayList<>();
    if (what == What.kernels || what == What.all) all.addAll(Suite.kernels());
    if (what == What.step || what == What.all)
      all.addAll(Suite.steps(own == null ? Subject.gpt2() : own));
    if (what == What.decode || what == What.all)
      all.addAll(own == null ? Suite.decode() : Suite.decode(own, "model"));
    if (what == What.paper) all.addAll(Suite.paper());
    return all;
  }

  private List<Bench> chosen(List<Bench> all) {
    for (String name : only)
      if (name.isBlank() || all.stream().noneMatch(b -> b.name().contains(name)))
        throw misuse(
            "--only: nothing here is named \""
                + name
                + "\"; there are: "
                + String.join(", ", all.stream().map(Bench::name).toList()));
    if (only.isEmpty()) return all;
    // A whole name means that one, whatever longer names begin with it.
    Set<String> names = all.stream().map(Bench::name).collect(Collectors.toSet());
    return all.stream()
        .filter(b ->
            only.stream()
                .anyMatch(n -> names.contains(n) ? b.name().equals(n) : b.name().contains(n)))
        .toList();
  }

  private ParameterException misuse(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
