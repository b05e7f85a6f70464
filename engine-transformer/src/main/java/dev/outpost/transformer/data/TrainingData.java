package dev.outpost.transformer.data;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.train.Blocks;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * Data to train on and data to choose the best step by, as rows that are read from token files. The
 * files are made once and found again by what they are made from: the corpus, the tokenizer and the
 * choices below. Memory stays at one example (one piece of a text file) and 12 bytes per row.
 *
 * @param train rows to learn from
 * @param validation rows to measure with
 */
public record TrainingData(Blocks train, Blocks validation) {
  /** Below so many examples a share is counted out, above it is dealt by each example's hash. */
  private static final int FEW = 50;

  /**
   * What to read and how.
   *
   * @param file text or JSON lines
   * @param validation a second such file, or null to hold back a share of the first
   * @param share of the examples, or of a text's bytes, to hold back; between 0 and 1
   * @param format of JSON lines
   * @param formatName tells formats apart: two with the same name make the same examples
   * @param packing how examples become rows
   * @param length tokens per row, at most
   */
  public record Plan(
      Path file,
      @Nullable Path validation,
      double share,
      ExampleFormat format,
      String formatName,
      Packing packing,
      int length) {}

  /**
   * Makes or finds the token files.
   *
   * @param cache folder for them; they hold the corpus' text in all but name
   * @throws FormatException naming the file, line, field, rule and cure
   */
  public static TrainingData prepare(Plan plan, Tokenizer tokenizer, Path cache)
      throws IOException {
    for (Path p :
        plan.validation == null ? List.of(plan.file) : List.of(plan.file, plan.validation))
      if (!Files.isRegularFile(p))
        throw new FormatException(
            p + ": no such file; data is a text file or a file of JSON lines (.jsonl)");
    Path train;
    Path validation;
    byte[] trainKey;
    byte[] validationKey;
    if (plan.validation == null) {
      trainKey = key(plan, plan.file, tokenizer, "train " + plan.share);
      validationKey = key(plan, plan.file, tokenizer, "validation " + plan.share);
      train = path(cache, trainKey);
      validation = path(cache, validationKey);
      if (!TokenFile.matches(train, trainKey) || !TokenFile.matches(validation, validationKey))
        split(plan, tokenizer, train, trainKey, validation, validationKey);
    } else {
      trainKey = key(plan, plan.file, tokenizer, "all");
      validationKey = key(plan, plan.validation, tokenizer, "all");
      train = path(cache, trainKey);
      validation = path(cache, validationKey);
      all(plan, plan.file, tokenizer, train, trainKey);
      all(plan, plan.validation, tokenizer, validation, validationKey);
    }
    return new TrainingData(
        rows(plan, plan.file, train, trainKey),
        rows(
            plan,
            plan.validation == null ? plan.file : plan.validation,
            validation,
            validationKey));
  }

  private static byte[] key(Plan plan, Path file, Tokenizer tokenizer, String part)
      throws IOException {
    return Fingerprint.create()
        .text("tokens 1")
        .text(JsonLines.names(file) ? plan.formatName : "text")
        .text(part)
        .tokenizer(tokenizer)
        .file(file)
        .bytes();
  }

  private static Path path(Path cache, byte[] key) {
    return cache.resolve(HexFormat.of().formatHex(key, 0, 8) + ".tokens");
  }

  private static Blocks rows(Plan plan, Path source, Path file, byte[] key) throws IOException {
    try {
      return plan.packing.pack(TokenFile.open(file, key).tokens(), plan.length);
    } catch (IllegalArgumentException e) {
      throw new FormatException(source + ": " + e.getMessage(), e);
    }
  }

  private static void all(Plan plan, Path from, Tokenizer tokenizer, Path to, byte[] key)
      throws IOException {
    if (TokenFile.matches(to, key)) return;
    ExampleTokens tokens = new ExampleTokens(tokenizer);
    TokenFile.write(
        to,
        key,
        Files.size(from),
        out -> {
          try (ExampleSource source = ExampleSource.open(from, plan.format)) {
            for (Example e = source.next(); e != null; e = source.next()) out.add(tokens.of(e));
          }
        });
  }

  private static void split(
      Plan plan, Tokenizer tokenizer, Path train, byte[] trainKey, Path validation, byte[] valKey)
      throws IOException {
    if (!(plan.share > 0 && plan.share < 1))
      throw new IllegalArgumentException(
          "training data: the share to hold back must be between 0 and 1, got " + plan.share);
    long size = Files.size(plan.file);
    TokenFile.write(
        train,
        trainKey,
        size,
        t ->
            TokenFile.write(
                validation,
                valKey,
                0,
                v -> {
                  Parts parts = new Parts(new ExampleTokens(tokenizer), t, v);
                  if (JsonLines.names(plan.file)) parts.deal(plan);
                  else parts.cut(plan.file, (long) (size * (1 - plan.share)));
                }));
  }

  /** Sends each example to one of two files. */
  private record Parts(ExampleTokens tokens, TokenFile.Writer train, TokenFile.Writer validation) {
    void cut(Path file, long at) throws IOException {
      try (TextExamples source = TextExamples.open(file, at)) {
        for (Example e = source.next(); e != null; e = source.next())
          (source.behindCut() ? validation : train).add(tokens.of(e));
      }
    }

    void deal(Plan plan) throws IOException {
      List<Example> few = new ArrayList<>();
      try (ExampleSource source = ExampleSource.open(plan.file, plan.format)) {
        Example next = source.next();
        for (; next != null && few.size() < FEW; next = source.next()) few.add(next);
        if (next == null) {
          count(plan, few);
          return;
        }
        for (Example e : few) byHash(plan, e);
        for (Example e = next; e != null; e = source.next()) byHash(plan, e);
      }
    }

    private void byHash(Plan plan, Example e) throws IOException {
      (hash(e) % 10_000 < plan.share * 10_000 ? validation : train).add(tokens.of(e));
    }

    /** Those with the lowest hashes, at least one, but not all. */
    private void count(Plan plan, List<Example> few) throws IOException {
      if (few.size() < 2)
        throw new FormatException(
            plan.file
                + ": has "
                + few.size()
                + " examples; give at least 2, or a validation file of their own");
      int n = Math.clamp(Math.round(plan.share * few.size()), 1, few.size() - 1);
      List<Example> held =
          few.stream().sorted(Comparator.comparingLong(Parts::hash)).limit(n).toList();
      for (Example e : few)
        (held.stream().anyMatch(h -> h == e) ? validation : train).add(tokens.of(e));
    }

    private static long hash(Example e) {
      CRC32 crc = new CRC32();
      crc.update(e.whole().getBytes(java.nio.charset.StandardCharsets.UTF_8));
      return crc.getValue();
    }
  }
}
