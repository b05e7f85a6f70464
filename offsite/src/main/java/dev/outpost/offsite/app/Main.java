package dev.outpost.offsite.app;

import dev.outpost.autograd.optim.NonFiniteGradientException;
import dev.outpost.offsite.artifact.PlugIn;
import dev.outpost.offsite.federated.LocalPrivacy;
import dev.outpost.offsite.federated.RefusedException;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.kernel.DeviceException;
import dev.outpost.transformer.hub.HubException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.NoSuchFileException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** {@code outpost}: the command line. */
@CommandLine.Command(
    name = "outpost",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    synopsisSubcommandLabel = "COMMAND",
    description = {
      "Tune a model where the data lives, without the owner giving the model away or the data leaving its home.",
      "",
      "New here? Run: outpost demo",
      "",
      "Owner:       pretrain (or bring a GPT-2 or Llama folder), rank, emulate, plug",
      "Data owner:  tune",
      "Many:        provision and serve (owner), join (each data owner), simulate, control",
      "Both:        pull, evaluate, generate, report, inspect, convert, compare, key, bench",
      ""
    },
    footer = {
      "",
      "outpost COMMAND --help tells each command's options.",
      "Exit codes: 0 done, 1 defect, 2 usage, 3 input refused, 4 input/output, 5 out of memory, 130 interrupted."
    })
public final class Main implements Runnable {
  @Spec CommandSpec spec;

  private Main() {}

  /** Runs a command line and ends the process with its exit code. */
  public static void main(String[] args) {
    Interruption interruption = Interruption.install();
    CommandLine cli = commandLine(interruption, args.length == 0 ? "" : args[0]);
    // Always UTF-8, whatever the locale says: text, bars and JSON hold more than ASCII.
    cli.setOut(new PrintWriter(System.out, true, StandardCharsets.UTF_8))
        .setErr(new PrintWriter(System.err, true, StandardCharsets.UTF_8));
    boolean watched = Terminal.watched();
    for (CommandLine sub : cli.getSubcommands().values())
      if (sub.getCommand() instanceof Command c) c.watched = watched;
    int code = cli.execute(args);
    System.exit(code == ExitCode.INTERRUPTED ? interruption.exitCode() : code);
  }

  static CommandLine commandLine(Interruption interruption) {
    return commandLine(interruption, "");
  }

  /**
   * @param name of the one command that is needed: reading the options of all takes a tenth of a
   *     second; all of them if there is none of that name
   */
  private static CommandLine commandLine(Interruption interruption, String name) {
    Map<String, Supplier<Command>> commands = new LinkedHashMap<>();
    commands.put("demo", () -> new DemoCommand(interruption));
    commands.put("pull", () -> new PullCommand(interruption));
    commands.put("pretrain", () -> new PretrainCommand(interruption));
    commands.put("rank", () -> new RankCommand(interruption));
    commands.put("emulate", () -> new EmulateCommand(interruption));
    commands.put("tune", () -> new TuneCommand(interruption));
    commands.put("plug", () -> new PlugCommand(interruption));
    commands.put("evaluate", () -> new EvaluateCommand(interruption));
    commands.put("generate", () -> new GenerateCommand(interruption));
    commands.put("report", () -> new ReportCommand(interruption));
    commands.put("key", () -> new KeyCommand(interruption));
    commands.put("inspect", () -> new InspectCommand(interruption));
    commands.put("convert", () -> new ConvertCommand(interruption));
    commands.put("compare", () -> new CompareCommand(interruption));
    commands.put("control", () -> new ControlCommand(interruption));
    commands.put("provision", () -> new ProvisionCommand(interruption));
    commands.put("serve", () -> new ServeCommand(interruption));
    commands.put("join", () -> new JoinCommand(interruption));
    commands.put("simulate", () -> new SimulateCommand(interruption));
    commands.put("bench", () -> new BenchCommand(interruption));
    if (commands.containsKey(name)) commands.keySet().retainAll(Set.of(name));
    CommandLine cli = new CommandLine(new Main());
    commands.values().forEach(c -> cli.addSubcommand(c.get()));
    for (CommandLine sub : cli.getSubcommands().values()) {
      sub.getCommandSpec().mixinStandardHelpOptions(true);
      sub.getCommandSpec().usageMessage().requiredOptionMarker('*');
    }
    cli.setUsageHelpAutoWidth(true).setCaseInsensitiveEnumValuesAllowed(true);
    cli.setParameterExceptionHandler(Main::misused);
    cli.setExecutionExceptionHandler((e, c, parsed) -> tell(e, c));
    // The handler above never sees errors, such as a heap that is too small.
    cli.setExecutionStrategy(parsed -> {
      try {
        return new CommandLine.RunLast().execute(parsed);
      } catch (Error e) {
        return tell(e, parsed.asCommandLineList().getLast());
      }
    });
    return cli;
  }

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }

  /** The whole help would push the reason off the screen. */
  private static int misused(ParameterException e, String[] args) {
    String name = e.getCommandLine().getCommandSpec().qualifiedName();
    PrintWriter err = e.getCommandLine().getErr();
    err.println(name + ": " + e.getMessage());
    UnmatchedArgumentException.printSuggestions(e, err);
    err.println("Try: " + name + " --help");
    err.flush();
    return ExitCode.USAGE;
  }

  private static int tell(Throwable e, CommandLine c) {
    if (e instanceof UncheckedIOException u && u.getCause() != null) return tell(u.getCause(), c);
    String name = c.getCommandSpec().qualifiedName();
    PrintWriter err = c.getErr();
    int code = exitCode(e);
    if (code == ExitCode.DEFECT) {
      StringWriter trace = new StringWriter();
      e.printStackTrace(new PrintWriter(trace));
      err.println(name + ": this is a defect of Outpost; please report it with the lines below");
      err.print(trace);
    } else {
      err.println(name + ": " + message(e));
    }
    err.flush();
    return code;
  }

  private static String message(Throwable e) {
    return switch (e) {
      case OutOfMemoryError o ->
          "out of memory: Java may take "
              + (Runtime.getRuntime().maxMemory() >> 20)
              + " MiB. Give it more with OUTPOST_JAVA_OPTS=-Xmx8g, or use a smaller --batch or --block, or --recompute. A state saved before is whole";
      case InternalError i ->
          "a file that was in use has been cut short or its disk failed ("
              + i.getMessage()
              + "); do not write to a model while it is read";
      case FileAlreadyExistsException x ->
          x.getFile() + ": is there already and is not overwritten; choose another name";
      case AccessDeniedException d -> d.getFile() + ": permission denied";
      case NoSuchFileException n -> n.getFile() + ": no such file";
      default -> String.valueOf(e.getMessage());
    };
  }

  private static int exitCode(Throwable e) {
    return switch (e) {
      case CommandLine.ParameterException p -> ExitCode.USAGE;
      case BadInput b -> ExitCode.REFUSED;
      case FormatException f -> ExitCode.REFUSED;
      case HubException h -> ExitCode.REFUSED;
      case PlugIn.RefusedException r -> ExitCode.REFUSED;
      case NonFiniteGradientException n -> ExitCode.REFUSED;
      case RefusedException r -> ExitCode.REFUSED;
      case DeviceException d -> ExitCode.IO;
      case LocalPrivacy.BudgetSpentException b -> ExitCode.REFUSED;
      case IOException io -> ExitCode.IO;
      // How the JVM reports that a mapped file lost its end.
      case InternalError i when String.valueOf(i.getMessage()).contains("unsafe memory access") ->
          ExitCode.IO;
      case OutOfMemoryError o -> ExitCode.MEMORY;
      default -> ExitCode.DEFECT;
    };
  }
}
