package dev.outpost.tensor.kernel;

import java.util.List;
import java.util.Optional;

/** Software that drives devices and that {@link java.util.ServiceLoader} can find. */
public interface DeviceProvider {
  /** Short name. */
  String name();

  /** Empty when it works here; otherwise one sentence with the cause and the cure. */
  Optional<String> unusable();

  /** Its devices; only asked where it works. */
  List<Device> devices();
}
