package dev.outpost.offsite.federated;

import java.io.IOException;

/** The other side cannot be reached now; asking again later may help. */
public final class UnreachableException extends IOException {
  private static final long serialVersionUID = 1;

  /** With what went wrong. */
  public UnreachableException(String reason, Throwable cause) {
    super(reason, cause);
  }
}
