package dev.outpost.offsite.federated;

import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.tensor.io.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The packages of a federation, checked to be of one base and one adapter.
 *
 * @param base the model all were made from
 * @param slots what is tuned
 * @param folders by name
 * @param files of each package by their names
 */
public record Emulators(
    BaseFingerprint base,
    Set<String> slots,
    Map<String, Path> folders,
    Map<String, Map<String, Blob>> files) {
  /** Opens every package once and reads it whole. */
  public static Emulators open(Map<String, Path> folders) throws IOException {
    BaseFingerprint base = null;
    Set<String> slots = Set.of();
    Map<String, Map<String, Blob>> files = new TreeMap<>();
    for (Map.Entry<String, Path> e : folders.entrySet()) {
      try (OffsitePackage p = OffsitePackage.open(e.getValue())) {
        if (base == null) {
          base = p.base();
          slots = Set.copyOf(p.adapterSlots());
        }
        if (!base.equals(p.base()) || !slots.equals(p.adapterSlots()))
          throw new FormatException(
              e.getValue()
                  + ": is of base "
                  + p.base().brief()
                  + " with adapter "
                  + p.adapterSlots()
                  + ", the federation's others are of "
                  + base.brief()
                  + " with "
                  + slots
                  + "; make all emulators of one model with one split");
      }
      files.put(e.getKey(), files(e.getValue()));
    }
    if (base == null) throw new IllegalArgumentException("federation: needs at least one emulator");
    return new Emulators(base, slots, new TreeMap<>(folders), files);
  }

  private static Map<String, Blob> files(Path folder) throws IOException {
    Map<String, Blob> all = new LinkedHashMap<>();
    for (String name : names(folder)) all.put(name, Blob.of(folder.resolve(name)));
    return all;
  }

  /** Names of a package's files, but for hidden ones. */
  static List<String> names(Path folder) throws IOException {
    try (Stream<Path> s = Files.list(folder)) {
      return s.filter(Files::isRegularFile)
          .map(p -> p.getFileName().toString())
          .filter(name -> !name.startsWith("."))
          .sorted()
          .toList();
    }
  }

  /** The files of a package. */
  public Map<String, Blob> files(String emulator) {
    Map<String, Blob> all = files.get(emulator);
    if (all == null) throw unknown(emulator);
    return all;
  }

  /** Where a package lies. */
  public Path folder(String emulator) {
    Path folder = folders.get(emulator);
    if (folder == null) throw unknown(emulator);
    return folder;
  }

  private IllegalArgumentException unknown(String emulator) {
    return new IllegalArgumentException(
        "federation: no emulator is called \"" + emulator + "\"; known are " + folders.keySet());
  }

  /** Bytes of a package. */
  public long bytes(String emulator) {
    return files(emulator).values().stream().mapToLong(Blob::bytes).sum();
  }
}
