package dev.outpost.offsite.app;

/** What the process tells its caller. */
final class ExitCode {
  /** Done. */
  static final int OK = 0;

  /** A defect of Outpost itself. */
  static final int DEFECT = 1;

  /** The command line is wrong. */
  static final int USAGE = 2;

  /** A file, a setting or an adapter was refused. */
  static final int REFUSED = 3;

  /** Reading or writing failed: disk full, no permission. */
  static final int IO = 4;

  /** The JVM's memory did not suffice. */
  static final int MEMORY = 5;

  /** Ended by Ctrl-C; what was saved is whole. */
  static final int INTERRUPTED = 130;

  private ExitCode() {}
}
