package dev.outpost.offsite.app;

import dev.outpost.offsite.artifact.AdapterArtifact;
import dev.outpost.offsite.artifact.LayerRanking;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A folder that a command will write, checked before hours of work rather than after. */
record OutputFolder(Path path) {
  /** What a folder may hold. */
  enum Kind {
    MODEL("a model"),
    PACKAGE("a package"),
    ADAPTER("an adapter"),
    RANKING("a ranking"),
    UNKNOWN("an artifact of another kind"),
    NONE("nothing of Outpost's");

    private final String words;

    Kind(String words) {
      this.words = words;
    }

    /** What a folder holds, by the file that is written last. */
    static Kind of(Path folder) throws IOException {
      Path manifest = folder.resolve("manifest.json");
      if (Files.isRegularFile(manifest)) {
        return switch (JsonObject.read(manifest).optionalString("format").orElse("")) {
          case OffsitePackage.FORMAT -> PACKAGE;
          case AdapterArtifact.FORMAT -> ADAPTER;
          default -> UNKNOWN;
        };
      }
      if (Files.isRegularFile(folder.resolve(LayerRanking.FILE))) return RANKING;
      return Files.isRegularFile(folder.resolve("config.json")) ? MODEL : NONE;
    }

    @Override
    public String toString() {
      return words;
    }
  }

  /**
   * Checks that {@code --out} can become a folder of this kind without harm to the inputs or to
   * anything of another kind. Nothing is created.
   */
  static OutputFolder of(Path out, Kind kind, Path... inputs) throws IOException {
    Path absolute = out.toAbsolutePath().normalize();
    if (absolute.getFileName() == null)
      throw new BadInput("--out: " + out + " is the root of the file system; give a folder");
    for (Path input : inputs) {
      if (absolute.equals(input.toAbsolutePath().normalize())
          || (Files.exists(absolute) && Files.exists(input) && Files.isSameFile(absolute, input)))
        throw new BadInput(
            "--out: "
                + out
                + " is also read from; choose another folder, so that what is there stays as it is");
    }
    Path existing = absolute;
    while (existing != null && !Files.exists(existing)) existing = existing.getParent();
    if (existing == null || !Files.isDirectory(existing))
      throw new BadInput("--out: " + existing + " is a file; a folder is to be written here");
    if (!Files.isWritable(existing)) throw new AccessDeniedException(existing.toString());
    if (Files.isDirectory(absolute)) {
      Kind there = Kind.of(absolute);
      if (there != Kind.NONE && there != kind)
        throw new BadInput(
            "--out: " + out + " holds " + there + "; choose another folder for " + kind);
    }
    return new OutputFolder(out);
  }

  /**
   * Where a run keeps the state it resumes from: beside the result, so that the result can be sent
   * as it lies.
   */
  Path state() {
    return path.resolveSibling(path.toAbsolutePath().normalize().getFileName() + ".training");
  }

  /** What to say when a run stopped early. */
  String stopped(int step) {
    return "stopped after step "
        + step
        + "; the state is saved in "
        + state()
        + ". Run the same command to go on";
  }
}
