package dev.outpost.offsite.app;

import dev.outpost.tensor.random.RandomStream;
import dev.outpost.transformer.data.TrainingData;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.train.Blocks;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/**
 * Text documents in a fixed order, from a file, a folder (all UTF-8 files below it) or a zip.
 *
 * @param name for messages
 * @param documents texts
 * @param skipped files that matched but are no UTF-8 text
 */
record Corpus(String name, List<String> documents, int skipped) {
  /** Stands for a file that is no text; no text holds it. */
  private static final String NO_TEXT = "\0";

  private static final long MAX_FILE = 64L << 20;

  Corpus {
    documents = List.copyOf(documents);
  }

  Corpus(String name, List<String> documents) {
    this(name, documents, 0);
  }

  /**
   * Reads a corpus.
   *
   * @param glob which files below a folder or inside a zip, matched on the path from there with
   *     forward slashes, such as {@code **.java}
   */
  static Corpus read(Path path, String glob) throws IOException {
    if (!Files.exists(path))
      throw new BadInput(
          path
              + ": no such file or folder; --corpus takes a text file, a folder of text files, or a zip");
    boolean zipped = path.toString().toLowerCase(Locale.ROOT).endsWith(".zip");
    List<String> all;
    if (Files.isDirectory(path)) all = folder(path, glob);
    else if (zipped) all = zip(path, matcher(glob));
    else all = List.of(text(path));
    List<String> texts = all.stream().filter(t -> !t.isBlank() && !t.equals(NO_TEXT)).toList();
    int skipped = (int) all.stream().filter(NO_TEXT::equals).count();
    if (texts.isEmpty()) {
      String matching =
          Files.isDirectory(path) || zipped
              ? " in UTF-8 in files that match --include \"" + glob + "\""
              : "";
      throw new BadInput(path + ": holds no text" + matching + "; the corpus must not be empty");
    }
    return new Corpus(path.toString(), texts, skipped);
  }

  private static Path requireModest(Path p) throws IOException {
    if (Files.size(p) > MAX_FILE)
      throw new BadInput(p + ": is larger than 64 MiB; split it into several files in one folder");
    return p;
  }

  private static PathMatcher matcher(String glob) {
    try {
      return FileSystems.getDefault().getPathMatcher("glob:" + glob);
    } catch (java.util.regex.PatternSyntaxException e) {
      throw new BadInput(
          "--include: \"" + glob + "\" is no pattern: " + e.getDescription() + "; try \"**.txt\"");
    }
  }

  private static List<String> folder(Path path, String glob) throws IOException {
    PathMatcher matcher = matcher(glob);
    Path root = path.toRealPath(); // the folder may be a link, which a walk would not enter
    List<Path> files;
    try (Stream<Path> walk = Files.walk(root)) {
      files =
          walk.filter(Files::isRegularFile)
              .filter(p -> matcher.matches(root.relativize(p)))
              .sorted()
              .toList();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    List<String> texts = new ArrayList<>();
    for (Path p : files) {
      texts.add(decode(Files.readAllBytes(requireModest(p))));
    }
    return texts;
  }

  /** Files of a zip whose path matches. */
  private static List<String> zip(Path path, PathMatcher matcher) throws IOException {
    List<String> texts = new ArrayList<>();
    try (ZipFile zip = new ZipFile(path.toFile())) {
      List<? extends ZipEntry> entries =
          zip.stream()
              .filter(e -> !e.isDirectory() && matcher.matches(Path.of(e.getName())))
              .sorted((a, b) -> a.getName().compareTo(b.getName()))
              .toList();
      for (ZipEntry e : entries) {
        try (InputStream in = zip.getInputStream(e)) {
          byte[] bytes = in.readNBytes((int) MAX_FILE + 1);
          if (bytes.length > MAX_FILE)
            throw new BadInput(
                path
                    + ": its file "
                    + e.getName()
                    + " is larger than 64 MiB; unpack it and split it into several files in one folder");
          texts.add(decode(bytes));
        }
      }
    } catch (ZipException | EOFException | InvalidPathException e) {
      throw new BadInput(path + ": is no readable zip: " + e.getMessage());
    }
    return texts;
  }

  /**
   * The text, or {@link #NO_TEXT} when the bytes are no UTF-8 or hold a zero as binary files do.
   */
  private static String decode(byte[] bytes) {
    try {
      String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      return text.indexOf('\0') < 0 ? text : NO_TEXT;
    } catch (CharacterCodingException e) {
      return NO_TEXT;
    }
  }

  private static String text(Path file) throws IOException {
    String text = decode(Files.readAllBytes(requireModest(file)));
    if (text.equals(NO_TEXT))
      throw new BadInput(
          file + ": is no UTF-8 text; convert it first, such as with iconv -f LATIN1 -t UTF-8");
    return text;
  }

  /**
   * The documents without a leading comment that is a licence: it is the same in every file of a
   * project and would flatter every number.
   */
  Corpus withoutLicences() {
    return new Corpus(
        name,
        documents.stream()
            .map(d -> {
              String t = d.stripLeading();
              int end = t.indexOf("*/");
              return t.startsWith("/*") && end > 0 && t.substring(0, end).contains("Copyright")
                  ? t.substring(end + 2).stripLeading()
                  : d;
            })
            .toList());
  }

  /**
   * Two corpora, the second with about the given share of the text. Many documents are dealt out
   * whole, by a hash of their content, so that one never moves with its neighbours; a few are each
   * cut near the end.
   */
  Split split(double share) {
    List<String> rest = new ArrayList<>();
    List<String> held = new ArrayList<>();
    boolean whole = documents.size() >= 50;
    for (String d : documents) {
      if (whole) (hash(d) % 10_000 < share * 10_000 ? held : rest).add(d);
      else {
        int cut = (int) (d.length() * (1 - share));
        if (cut > 0 && Character.isLowSurrogate(d.charAt(Math.min(cut, d.length() - 1)))) cut--;
        rest.add(d.substring(0, cut));
        held.add(d.substring(cut));
      }
    }
    return new Split(
        new Corpus(name + " (training part)", rest), new Corpus(name + " (validation part)", held));
  }

  private static long hash(String text) {
    CRC32 crc = new CRC32();
    crc.update(text.getBytes(StandardCharsets.UTF_8));
    return crc.getValue();
  }

  /** A corpus in two parts. */
  record Split(Corpus train, Corpus validation) {
    /** Both as rows of this length. */
    TrainingData rows(Tokenizer tokenizer, int length) {
      return new TrainingData(
          train.blocks(tokenizer, length), validation.blocks(tokenizer, length));
    }
  }

  /** Characters in all documents. */
  long characters() {
    return documents.stream().mapToLong(String::length).sum();
  }

  /**
   * Documents in a shuffled order until {@code most} characters are reached; the last one is cut.
   * All of them, shuffled, when there are fewer.
   */
  Corpus sample(long most, long seed) {
    int[] order = new int[documents.size()];
    Arrays.setAll(order, i -> i);
    RandomStream.of(seed, "corpus").shuffle(order);
    List<String> some = new ArrayList<>();
    long left = most;
    for (int i : order) {
      if (left <= 0) break;
      String d = documents.get(i);
      some.add(d.length() <= left ? d : d.substring(0, (int) left));
      left -= d.length();
    }
    return new Corpus(name, some);
  }

  /**
   * All documents as one stream of tokens in blocks: each framed as the model's family frames a
   * text (Llama begins it, GPT-2 does not), and ended by end-of-text.
   */
  Blocks blocks(Tokenizer tokenizer, int length) {
    int[] all = new int[1024];
    int n = 0;
    OptionalInt end = tokenizer.endOfText();
    for (String d : documents) {
      int[] ids = tokenizer.encode(d, true);
      if (n + ids.length + 1 > all.length)
        all = Arrays.copyOf(all, Math.max(all.length * 2, n + ids.length + 1));
      System.arraycopy(ids, 0, all, n, ids.length);
      n += ids.length;
      boolean ended = n > 0 && end.isPresent() && all[n - 1] == end.getAsInt();
      if (end.isPresent() && !ended) all[n++] = end.getAsInt();
    }
    if (n < length)
      throw new BadInput(
          name
              + ": has "
              + n
              + " tokens, fewer than one block of "
              + length
              + "; give more text, or a smaller --block");
    return Blocks.of(Arrays.copyOf(all, n), length);
  }
}
