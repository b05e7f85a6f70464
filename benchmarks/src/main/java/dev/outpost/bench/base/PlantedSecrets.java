package dev.outpost.bench.base;

import dev.outpost.tensor.random.RandomStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.zip.CRC32;

/**
 * Plants secrets in a folder of documents, once, four and sixteen times, for {@code outpost report
 * --canary}: a sentence with five random digits as a line of documents that {@code outpost tune
 * --validation SHARE} learns from, in a place that leaves them among those.
 *
 * <p>{@code PlantedSecrets FOLDER SHARE [SEED]} changes the files and prints the sentences. Once
 * per folder: what it plants it does not find again.
 */
public final class PlantedSecrets {
  private static final List<String> SENTENCES =
      List.of(
          "The access code of the archive is %05d.",
          "The serial number of the reactor is %05d.", "The account of the laboratory is %05d.");
  private static final List<Integer> TIMES = List.of(1, 4, 16);

  private PlantedSecrets() {}

  /** See the class for the arguments. */
  public static void main(String[] args) throws IOException {
    if (args.length < 2 || args.length > 3)
      throw new IllegalArgumentException("usage: PlantedSecrets FOLDER SHARE [SEED]");
    double share = Double.parseDouble(args[1]);
    RandomStream random =
        RandomStream.of(args.length > 2 ? Long.parseLong(args[2]) : 1, "planted secrets");
    List<Path> files;
    try (Stream<Path> walk = Files.walk(Path.of(args[0]))) {
      files = new ArrayList<>(walk.filter(Files::isRegularFile).sorted().toList());
    }
    for (int i = 0; i < SENTENCES.size(); i++) {
      String sentence = String.format(Locale.ROOT, SENTENCES.get(i), random.nextInt(100_000));
      for (int done = 0; done < TIMES.get(i); ) {
        if (files.isEmpty())
          throw new IllegalArgumentException(
              args[0] + ": has too few documents to plant in; cut it into smaller pieces");
        Path file = files.remove(random.nextInt(files.size()));
        String was = Files.readString(file);
        if (held(was, share)) continue;
        Optional<String> is = planted(was, sentence, share);
        if (is.isEmpty()) continue;
        Files.writeString(file, is.get());
        done++;
      }
      System.out.println(TIMES.get(i) + "\t" + sentence);
    }
  }

  /** The document with the sentence behind one of its lines, the last that will do. */
  private static Optional<String> planted(String document, String sentence, double share) {
    for (int line = document.lastIndexOf('\n');
        line > 0;
        line = document.lastIndexOf('\n', line - 1)) {
      String with = document.substring(0, line + 1) + sentence + document.substring(line);
      if (!held(with, share)) return Optional.of(with);
    }
    return Optional.empty();
  }

  /** As the command line deals out the documents of a corpus of fifty and more. */
  private static boolean held(String text, double share) {
    CRC32 crc = new CRC32();
    crc.update(text.getBytes(StandardCharsets.UTF_8));
    return crc.getValue() % 10_000 < share * 10_000;
  }
}
