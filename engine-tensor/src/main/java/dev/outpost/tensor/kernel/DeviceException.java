package dev.outpost.tensor.kernel;

/**
 * A device cannot do what it was asked for; the message names the device, the cause and the cure.
 */
public final class DeviceException extends RuntimeException {
  private static final long serialVersionUID = 1;

  /** Without a cause of its own. */
  public DeviceException(String message) {
    super(message);
  }

  /** With what the device's software said. */
  public DeviceException(String message, Throwable cause) {
    super(message, cause);
  }
}
