package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** What a newcomer reads first. */
final class HelpTest {
  static Stream<String> commands() {
    return Main.commandLine(new Interruption()).getSubcommands().keySet().stream();
  }

  private static CommandSpec spec(String command) {
    return Main.commandLine(new Interruption()).getSubcommands().get(command).getCommandSpec();
  }

  @Test
  void theMainHelpNamesEveryCommandAndExitCode() {
    Shell.Outcome o = Shell.ok("--help");
    assertThat(commands())
        .containsExactlyInAnyOrder(
            "demo",
            "pull",
            "pretrain",
            "rank",
            "emulate",
            "tune",
            "plug",
            "evaluate",
            "generate",
            "report",
            "key",
            "inspect",
            "convert",
            "compare",
            "control",
            "provision",
            "serve",
            "join",
            "simulate",
            "bench");
    commands().forEach(c -> assertThat(o.out()).contains("  " + c));
    assertThat(o.out().replaceAll("\\s+", " "))
        .contains(
            "0 done, 1 defect, 2 usage, 3 input refused, 4 input/output, 5 out of memory, 130")
        .contains("New here? Run: outpost demo");
    assertThat(Shell.ok().out()).isEqualTo(o.out());
    assertThat(Shell.ok("--version").out()).startsWith("Outpost ");
  }

  @ParameterizedTest
  @MethodSource("commands")
  void everyOptionIsDescribed(String command) {
    CommandSpec spec = spec(command);
    assertThat(spec.usageMessage().description()).isNotEmpty();
    for (ArgSpec a : spec.args())
      assertThat(String.join("", a.description()))
          .as(a.toString())
          .isNotBlank()
          .matches("(?s).*[.].*");
  }

  @ParameterizedTest
  @MethodSource("commands")
  void everyOptionThatTakesAValueShowsItsDefault(String command) {
    // Those without one are required, or change what the command does by being there.
    List<String> without =
        List.of(
            "--model",
            "--package",
            "--adapter",
            "--out",
            "--corpus",
            "--data",
            "--validation-data",
            "--chat-template",
            "--task",
            "--private",
            "--split",
            "--step",
            "--plan",
            "--recipe",
            "--prompt",
            "--stop",
            "--tokenizer",
            "--lora",
            "--base",
            "--host",
            "--kit",
            "--measure",
            "--public",
            "--held-back",
            "--images",
            "--steps",
            "--batch",
            "--lr");
    for (OptionSpec o : spec(command).options()) {
      if (o.arity().max() == 0 || without.contains(o.longestName())) continue;
      assertThat(String.join(" ", o.description())).as(o.longestName()).contains("Default: ");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"pretrain", "rank", "emulate", "tune"})
  void defaultsThatDifferByCommandAreBelow(String command) {
    assertThat(Shell.ok(command, "--help").out())
        .containsPattern("Without --steps, --batch and --lr: \\d+ steps of \\d+ blocks at 1e-\\d");
  }

  @ParameterizedTest
  @MethodSource("commands")
  void helpFitsEightyColumns(String command) {
    Shell.Outcome o = Shell.ok(command, "--help");
    assertThat(o.out()).startsWith("Usage: outpost " + command);
    assertThat(o.out().lines().toList()).allMatch(l -> l.length() <= 80);
    assertThat(o.out()).doesNotContain("${");
    assertThat(o.err()).isEmpty();
    if (!command.equals("demo"))
      assertThat(o.out()).contains("\nExample: outpost " + command + " ");
  }

  @ParameterizedTest
  @MethodSource("commands")
  void colourOnlyWhereWanted(String command) {
    CommandLine c = Main.commandLine(new Interruption()).getSubcommands().get(command);
    assertThat(c.getUsageMessage(CommandLine.Help.Ansi.OFF)).doesNotContain("\u001b");
  }
}
