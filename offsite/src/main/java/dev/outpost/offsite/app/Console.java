package dev.outpost.offsite.app;

import dev.outpost.tensor.io.JsonObject;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;

/**
 * Where a command speaks: results to standard output, progress and notes to standard error. With {@code --json} standard output carries JSON lines only.
 */
final class Console {
  private final PrintWriter out;
  private final PrintWriter err;
  private final boolean json;
  private final boolean quiet;
  private final boolean terminal;
  private boolean barShown;

  private Console(PrintWriter out, PrintWriter err, boolean json, boolean quiet, boolean terminal) {
    this.out = out;
    this.err = err;
    this.json = json;
    this.quiet = quiet;
    this.terminal = terminal;
  }

  static Console of(PrintWriter out, PrintWriter err, boolean json, boolean quiet) {
    java.io.Console c = System.console();
    return new Console(out, err, json, quiet, c != null && c.isTerminal() && System.getenv("NO_PROGRESS") == null);
  }

  static Console system(boolean json, boolean quiet) {
    return of(new PrintWriter(System.out, true, StandardCharsets.UTF_8), new PrintWriter(System.err, true, StandardCharsets.UTF_8), json, quiet);
  }

  /** Whether a person watches standard error, so that a moving line is welcome. */
  boolean hasBar() {
    return terminal && !quiet;
  }

  /** Whether results are JSON lines. */
  boolean json() {
    return json;
  }

  /** A line of the result, for people. */
  synchronized void say(String line) {
    clearBar();
    if (!json) out.println(line);
  }

  /** A text of the result without a line end. */
  synchronized void write(String text) {
    if (!json) {
      out.print(text);
      out.flush();
    }
  }

  /** A line of the result, for machines. */
  synchronized void emit(JsonObject line) {
    clearBar();
    if (json) out.println(line.toLine());
  }

  /** A note on what is going on. */
  synchronized void note(String line) {
    clearBar();
    if (!quiet) err.println(line);
  }

  /** Replaces the moving line. */
  synchronized void bar(String line) {
    if (!hasBar()) return;
    err.print("\r\u001b[K" + line);
    err.flush();
    barShown = true;
  }

  /** Removes the moving line. */
  synchronized void clearBar() {
    if (!barShown) return;
    err.print("\r\u001b[K");
    err.flush();
    barShown = false;
  }

  /** An error; always shown. */
  synchronized void error(String line) {
    clearBar();
    err.println(line);
  }
}
