package dev.outpost.offsite.app;

import dev.outpost.tensor.io.JsonObject;
import java.io.PrintWriter;

/**
 * Where a command speaks: results to standard output, progress and notes to standard error. With
 * {@code --json} standard output carries JSON lines only.
 */
final class Console {
  private final PrintWriter out;
  private final PrintWriter err;
  private final boolean json;
  private final boolean quiet;
  private final Terminal terminal;
  private boolean barShown;

  Console(PrintWriter out, PrintWriter err, boolean json, boolean quiet, Terminal terminal) {
    this.out = out;
    this.err = err;
    this.json = json;
    this.quiet = quiet;
    this.terminal = terminal;
  }

  /** Whether a person watches standard error, so that a moving line is welcome. */
  boolean hasBar() {
    return terminal.moves() && !quiet;
  }

  /** Whether results are JSON lines. */
  boolean json() {
    return json;
  }

  /** Columns that a line on standard error may take without wrapping. */
  int columns() {
    return terminal.moves() ? terminal.width() - 1 : terminal.width();
  }

  /** A line of the result, for people. */
  synchronized void say(String line) {
    clearBar();
    if (json) return;
    out.println(line);
    out.flush();
  }

  /** A text of the result without a line end. */
  synchronized void write(String text) {
    if (json) return;
    out.print(text);
    out.flush();
  }

  /** A line of the result, for machines. */
  synchronized void emit(JsonObject line) {
    clearBar();
    if (!json) return;
    out.println(line.toLine());
    out.flush();
  }

  /** A note on what is going on. */
  synchronized void note(String line) {
    clearBar();
    if (!quiet) error(line);
  }

  /**
   * Replaces the moving line, cut where the terminal ends: a wrapped line could not be taken back.
   */
  synchronized void bar(String line) {
    if (!hasBar()) return;
    String cut =
        line.codePointCount(0, line.length()) <= columns()
            ? line
            : line.substring(0, line.offsetByCodePoints(0, columns()));
    err.print("\r\u001b[K" + cut);
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
    err.flush();
  }
}
