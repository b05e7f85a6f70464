package dev.outpost.transformer.hub;

import java.io.IOException;

/**
 * The hub was reached and its answer cannot be used: no such model, no permission, a file that is
 * not what was promised. Trying again does not help; the message says what does.
 */
public final class HubException extends IOException {
  private static final long serialVersionUID = 1L;

  HubException(String message) {
    super(message);
  }
}
