package dev.outpost.transformer.fuzz;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/**
 * The entrance of Jazzer; {@code -Pfuzz} runs it, see docs/formats.md. The system property {@code
 * fuzz.target} names the reader.
 */
public final class FuzzReaders {
  private static final ReaderTarget TARGET =
      ReaderTarget.valueOf(System.getProperty("fuzz.target", "GGUF").toUpperCase(Locale.ROOT));

  private static final Path FOLDER = temporary();

  private FuzzReaders() {}

  private static Path temporary() {
    try {
      return Files.createTempDirectory("outpost-fuzz");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** One file's bytes; whatever is thrown is a finding. */
  public static void fuzzerTestOneInput(byte[] bytes) {
    TARGET.accept(FOLDER, bytes);
  }
}
