package dev.outpost.offsite.app;

import dev.outpost.autograd.optim.NonFiniteGradientException;
import dev.outpost.offsite.artifact.PlugIn;
import dev.outpost.tensor.io.FormatException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

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
      "Owner:       pretrain (or bring a GPT-2 folder), emulate, plug",
      "Data owner:  tune",
      "Both:        evaluate, generate, inspect",
      ""
    },
    footer = {"", "outpost COMMAND --help tells each command's options.", "Exit codes: 0 done, 1 defect, 2 usage, 3 input refused, 4 input/output, 130 interrupted."})
public final class Main implements Runnable {
  @Spec CommandSpec spec;

  private Main() {}

  /** Runs a command line and ends the process with its exit code. */
  public static void main(String[] args) {
    Interruption interruption = Interruption.install();
    int code = commandLine(interruption).execute(args);
    interruption.finished();
    // Within a shutdown already under way exit would wait for itself; the signal has set the code then.
    if (!interruption.requested()) System.exit(code);
  }

  static CommandLine commandLine(Interruption interruption) {
    CommandLine cli =
        new CommandLine(new Main())
            .addSubcommand(new DemoCommand(interruption))
            .addSubcommand(new PretrainCommand(interruption))
            .addSubcommand(new EmulateCommand(interruption))
            .addSubcommand(new TuneCommand(interruption))
            .addSubcommand(new PlugCommand(interruption))
            .addSubcommand(new EvaluateCommand(interruption))
            .addSubcommand(new GenerateCommand(interruption))
            .addSubcommand(new InspectCommand(interruption));
    for (CommandLine sub : cli.getSubcommands().values()) sub.getCommandSpec().mixinStandardHelpOptions(true);
    cli.setUsageHelpAutoWidth(true).setCaseInsensitiveEnumValuesAllowed(true);
    cli.setExitCodeExceptionMapper(Main::exitCode);
    cli.setExecutionExceptionHandler((e, c, parsed) -> tell(e, c));
    return cli;
  }

  @Override
  public void run() {
    spec.commandLine().usage(spec.commandLine().getOut());
  }

  private static int tell(Exception e, CommandLine c) {
    PrintWriter err = c.getErr();
    int code = exitCode(e);
    if (code == ExitCode.DEFECT) {
      StringWriter trace = new StringWriter();
      e.printStackTrace(new PrintWriter(trace));
      err.println("outpost " + c.getCommandName() + ": this is a defect of Outpost; please report it with the lines below");
      err.print(trace);
    } else {
      err.println("outpost " + c.getCommandName() + ": " + message(e));
    }
    err.flush();
    return code;
  }

  private static String message(Throwable e) {
    if (e instanceof OutOfMemoryError) return "out of memory; give Java more with OUTPOST_JAVA_OPTS=-Xmx8g, or use a smaller --batch or --block, or --recompute";
    if (e instanceof java.nio.file.AccessDeniedException d) return d.getFile() + ": permission denied";
    if (e instanceof java.nio.file.NoSuchFileException d) return d.getFile() + ": no such file";
    return String.valueOf(e.getMessage());
  }

  private static int exitCode(Throwable e) {
    return switch (e) {
      case CommandLine.ParameterException p -> ExitCode.USAGE;
      case BadInput b -> ExitCode.REFUSED;
      case FormatException f -> ExitCode.REFUSED;
      case PlugIn.RefusedException r -> ExitCode.REFUSED;
      case NonFiniteGradientException n -> ExitCode.REFUSED;
      case IOException io -> ExitCode.IO;
      case null, default -> ExitCode.DEFECT;
    };
  }
}
