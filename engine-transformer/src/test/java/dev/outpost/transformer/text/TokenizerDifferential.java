package dev.outpost.transformer.text;

import dev.outpost.tensor.io.FormatException;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * Compares with what {@code families/differential.py} wrote: ids, framed ids, text decoded at once
 * and one id at a time. Not part of the gate: it takes minutes.
 */
final class TokenizerDifferential {
  private TokenizerDifferential() {}

  /**
   * Prints texts and differences for each tokenizer.
   *
   * @param arguments the folder
   */
  public static void main(String[] arguments) throws IOException {
    Path folder = Path.of(arguments[0]);
    List<Json> texts = Json.read(folder.resolve("texts.json")).items();
    try (var files = Files.list(folder)) {
      for (Path answers : files.filter(f -> f.toString().endsWith(".jsonl")).sorted().toList()) {
        String name = answers.getFileName().toString().replace(".jsonl", "");
        compare(name, TokenizerFiles.load(folder.resolve(name)), texts, answers);
      }
    }
  }

  private static void compare(String name, Tokenizer tokenizer, List<Json> texts, Path answers)
      throws IOException {
    long start = System.nanoTime();
    int different = 0;
    try (BufferedReader lines = Files.newBufferedReader(answers)) {
      for (Json text : texts) {
        String want = lines.readLine();
        String got = answer(tokenizer, text.text());
        if (want.equals(got)) continue;
        if (different++ < 3) {
          System.out.println(
              name + ": " + escaped(text.text()) + "\n  want " + want + "\n  got  " + got);
        }
      }
    }
    System.out.printf(
        "%-18s %d texts, %d differences, %.1f s%n",
        name, texts.size(), different, (System.nanoTime() - start) / 1e9);
  }

  private static String answer(Tokenizer tokenizer, String text) throws FormatException {
    int[] ids = tokenizer.encode(text);
    StringBuilder streamed = new StringBuilder();
    Decoder decoder = tokenizer.decoder();
    for (int id : ids) streamed.append(decoder.push(id));
    streamed.append(decoder.finish());
    return "["
        + list(ids)
        + ","
        + list(tokenizer.encode(text, true))
        + ",\""
        + escaped(streamed.toString())
        + "\"]";
  }

  private static String list(int[] ids) {
    return Arrays.toString(ids).replace(" ", "");
  }

  /** As Python's json writes a text in ASCII. */
  private static String escaped(String text) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        default -> {
          if (c >= ' ' && c < 0x7F) out.append(c);
          else out.append(String.format("\\u%04x", (int) c));
        }
      }
    }
    return out.toString();
  }
}
