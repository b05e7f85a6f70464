package dev.outpost.transformer;

import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.family.Family;
import dev.outpost.transformer.load.ModelFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The engine's half of {@code golden/reopen.py}, which says how to run it. */
final class ReopenCheck {
  private ReopenCheck() {}

  /** Writes every golden again below the folder named, with a config of our own making. */
  public static void main(String[] arguments) throws IOException {
    Path temporary = Files.createTempDirectory("reopen");
    for (String name : Golden.NAMES) {
      try (ModelFolder source = ModelFolder.open(Golden.unpack(name, temporary).folder())) {
        JsonObject config = Family.of(source.config()).write(source.model().spec(), 0);
        // Every other one in shards of a few tensors.
        long shard = Golden.NAMES.indexOf(name) % 2 == 0 ? Long.MAX_VALUE : 8_000;
        ModelFolder.write(Path.of(arguments[0], name), source.model(), config, null, shard);
      }
    }
  }
}
