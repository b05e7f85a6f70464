package dev.outpost.tensor.kernel;

/**
 * A backend that {@link java.util.ServiceLoader} can find. The usable provider with the highest
 * {@link #rank()} is taken.
 */
public interface KernelsProvider {
  /** Short name for the log line. */
  String name();

  /** Preference: scalar 0, CPU vector 10, devices above. */
  int rank();

  /** Empty when usable here; otherwise one sentence with the reason and the remedy. */
  java.util.Optional<String> unusable();

  /** The limits of the processor or device, in the instructions that these kernels use. */
  Ceilings ceilings();

  /** Kernels on these threads. */
  Kernels open(Team team);
}
