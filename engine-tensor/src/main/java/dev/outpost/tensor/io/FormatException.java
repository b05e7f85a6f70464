package dev.outpost.tensor.io;

import java.io.IOException;

/**
 * A file that is not what it should be. The message names the file, the field, the rule, what was
 * found and, where one is known, the cure.
 */
public final class FormatException extends IOException {
  private static final long serialVersionUID = 1L;

  public FormatException(String message) {
    super(message);
  }

  public FormatException(String message, Throwable cause) {
    super(message, cause);
  }
}
