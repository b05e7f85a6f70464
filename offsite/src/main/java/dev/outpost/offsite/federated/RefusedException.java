package dev.outpost.offsite.federated;

import java.io.IOException;

/** The other side will not do what was asked, now or later; the message says why. */
public final class RefusedException extends IOException {
  private static final long serialVersionUID = 1;

  /** With a reason for people. */
  public RefusedException(String reason) {
    super(reason);
  }
}
