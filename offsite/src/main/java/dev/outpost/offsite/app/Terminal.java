package dev.outpost.offsite.app;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;

/**
 * What a moving line needs to know of where it is shown.
 *
 * @param moves whether a person watches and the line may be redrawn
 * @param width columns
 */
record Terminal(boolean moves, int width) {
  /** A file, a pipe or a test: lines are only added, of any width. */
  static final Terminal NONE = new Terminal(false, Integer.MAX_VALUE);

  /**
   * Whether this process talks to a person. {@code NO_PROGRESS} and {@code TERM=dumb} switch moving
   * lines off.
   */
  @SuppressWarnings("SystemConsoleNull") // -Djdk.console=java.base brings null back
  static boolean watched() {
    java.io.Console c = System.console();
    return c != null
        && c.isTerminal()
        && System.getenv("NO_PROGRESS") == null
        && !Objects.requireNonNullElse(System.getenv("TERM"), "").equals("dumb")
        && !errorsGoElsewhere();
  }

  /** Java tells of standard input and output only; Linux also where standard error goes. */
  private static boolean errorsGoElsewhere() {
    try {
      Path target = Files.readSymbolicLink(Path.of("/proc/self/fd/2"));
      return !target.startsWith("/dev") || target.startsWith("/dev/null");
    } catch (IOException | UnsupportedOperationException e) {
      return false;
    }
  }
}
