package dev.outpost.tensor.io;

import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;
import java.util.Objects;

/** Files the reference library wrote; see {@code make_safetensors_goldens.py} beside them. */
final class Goldens {
  private Goldens() {}

  static Path path(String name) {
    URL url = Objects.requireNonNull(Goldens.class.getResource(name), name);
    try {
      return Path.of(url.toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }
}
