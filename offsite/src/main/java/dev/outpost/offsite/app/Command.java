package dev.outpost.offsite.app;

import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.KernelsSelection;
import dev.outpost.tensor.kernel.OpenDevice;
import dev.outpost.tensor.kernel.Team;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** What all commands share: threads, seed, and how they speak. */
abstract class Command implements Callable<Integer> {
  @Spec CommandSpec spec;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description =
          "Threads to compute on. Default: one per processor. Results do not depend on it.")
  int threads = Runtime.getRuntime().availableProcessors();

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Seed of everything random. Default: ${DEFAULT-VALUE}. Same seed, same bits.")
  long seed = 42;

  @Option(
      names = "--json",
      description = "Write results and progress as JSON lines to standard output.")
  boolean json;

  @Option(
      names = {"-q", "--quiet"},
      description = "Only results and errors.")
  boolean quiet;

  /** Whether a person watches. */
  boolean watched;

  private final Interruption interruption;

  Command(Interruption interruption) {
    this.interruption = interruption;
  }

  @Override
  public final Integer call() throws Exception {
    if (threads < 1 || threads > 1024)
      throw new BadInput("--threads: must be between 1 and 1024, got " + threads);
    // Asking for the width starts a process: not for one who does not watch.
    Terminal terminal = watched ? new Terminal(true, spec.usageMessage().width()) : Terminal.NONE;
    Console console =
        new Console(
            spec.commandLine().getOut(), spec.commandLine().getErr(), json, quiet, terminal);
    try (Team team = Team.of(threads)) {
      Kernels kernels = Kernels.best(team);
      if (KernelsSelection.current().isFallback())
        console.note(KernelsSelection.current().describe());
      Optional<OpenDevice> open = device().flatMap(d -> d.open(console, kernels));
      if (open.isEmpty()) return run(console, kernels);
      try (OpenDevice device = open.get()) {
        int code = run(console, device.kernels());
        console.note("device: " + device.traffic());
        return code;
      }
    } finally {
      console.clearBar();
    }
  }

  /** Where it may compute besides the processor; empty for commands that compute little. */
  Optional<DeviceOptions> device() {
    return Optional.empty();
  }

  /** Does the work and returns an {@link ExitCode}. */
  abstract int run(Console console, Kernels kernels) throws Exception;

  /** Whether Ctrl-C was pressed. */
  final boolean stopRequested() {
    return interruption.requested();
  }

  /**
   * A bar for a training run, which from now on Ctrl-C ends after a step rather than within one.
   */
  final TrainingBar bar(Console console, String name) {
    stopGently(console);
    return new TrainingBar(console, name, this::stopRequested);
  }

  /** From now on Ctrl-C asks to stop rather than ending the process. */
  final void stopGently(Console console) {
    interruption.gently(
        () -> console.error("stopping after this step; Ctrl-C again leaves at once"));
  }
}
