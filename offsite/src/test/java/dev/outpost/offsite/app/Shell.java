package dev.outpost.offsite.app;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine;

/** Runs the command line within the test's JVM, as a shell would in another. */
final class Shell {
  private Shell() {}

  /** What a command left behind. */
  record Outcome(int code, String out, String err) {
    /** Standard output as JSON lines, every one of which must be one. */
    List<JsonObject> lines() {
      List<JsonObject> all = new ArrayList<>();
      for (String line : out.lines().toList()) {
        try {
          all.add(JsonObject.parse("line", line));
        } catch (FormatException e) {
          throw new AssertionError("standard output holds a line that is not JSON: " + line, e);
        }
      }
      return all;
    }

    /** The last JSON line. */
    JsonObject result() {
      return lines().getLast();
    }
  }

  /** Runs {@code outpost} with these words; paths may be given as they are. */
  static Outcome run(Object... words) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine cli = Main.commandLine(new Interruption());
    cli.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
    int code = cli.execute(Stream.of(words).map(String::valueOf).toArray(String[]::new));
    return new Outcome(code, out.toString(), err.toString());
  }

  /** Runs a command that must succeed. */
  static Outcome ok(Object... words) {
    Outcome o = run(words);
    if (o.code != ExitCode.OK)
      throw new AssertionError("exit code " + o.code + "\n" + o.err + o.out);
    return o;
  }
}
