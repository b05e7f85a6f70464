package dev.outpost.tornado;

/** A device did not take a kernel that it has never run: nothing has been computed. */
final class KernelRefused extends RuntimeException {
  private static final long serialVersionUID = 1;

  KernelRefused(String message, Throwable cause) {
    super(message, cause);
  }
}
