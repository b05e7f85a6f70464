package dev.outpost.bench.base;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Private text that lies between the base's own subject and another language: the documentation of
 * a Java library, taken from the sources that Maven Central has of it, in the form of {@link
 * JdkText}. The manner is that of the base's text, the subject is not.
 *
 * <p>{@code LibraryText SOURCES.jar OUT [PIECE]} writes a file per class, or pieces of about PIECE
 * characters, each of whole members, so that what is dealt by a document's hash is dealt at random
 * within each class: what a figure of membership needs. A text that stood before is left out.
 */
public final class LibraryText {
  /** A class that says less is not worth a document. */
  private static final int LEAST = 500;

  private LibraryText() {}

  /** See the class for the arguments. */
  public static void main(String[] args) throws IOException {
    if (args.length < 2 || args.length > 3)
      throw new IllegalArgumentException("usage: LibraryText SOURCES.jar OUT [PIECE]");
    int piece = args.length > 2 ? Integer.parseInt(args[2]) : Integer.MAX_VALUE;
    Path out = Files.createDirectories(Path.of(args[1]));
    Set<String> seen = new HashSet<>();
    try (ZipFile jar = new ZipFile(args[0])) {
      List<? extends ZipEntry> entries =
          jar.stream()
              .filter(e -> e.getName().endsWith(".java"))
              .sorted((a, b) -> a.getName().compareTo(b.getName()))
              .toList();
      for (ZipEntry e : entries) {
        String path = e.getName().substring(0, e.getName().length() - ".java".length());
        String source = new String(jar.getInputStream(e).readAllBytes(), StandardCharsets.UTF_8);
        List<String> texts = texts(source, path.substring(path.lastIndexOf('/') + 1), piece, seen);
        for (int i = 0; i < texts.size(); i++)
          Files.writeString(
              out.resolve(String.format(Locale.ROOT, "%s_%03d.txt", path.replace('/', '_'), i)),
              texts.get(i));
      }
    }
  }

  private static List<String> texts(String source, String type, int piece, Set<String> seen) {
    List<String> texts = new ArrayList<>();
    StringBuilder text = new StringBuilder();
    for (JdkText.Member m : JdkText.members(source, type)) {
      if (!seen.add(m.text())) continue;
      text.append(m.title()).append('\n').append(m.text()).append("\n\n");
      if (text.length() >= piece) {
        texts.add(text.toString());
        text.setLength(0);
      }
    }
    if (text.length() >= Math.min(LEAST, piece)) texts.add(text.toString());
    return texts;
  }
}
