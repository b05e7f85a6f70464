package dev.outpost.offsite.control;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * What a thinner emulator costs: the measured course of the plugged-in model's loss while the
 * adapter is tuned through emulators that keep ever fewer of the middle's blocks. FedPEAT uses such
 * a curve as its numerical solution (arXiv 2310.17491); these are measured by {@code
 * dev.outpost.bench.base.TuningCurves} on this project's own base.
 *
 * @param curves by the share of the middle that is kept, in (0, 1]
 * @param whole tuning every block of the full model
 */
public record CompressionCurve(NavigableMap<Double, LossCurve> curves, LossCurve whole) {
  private static final long MOST_BYTES = 4L << 20;
  private static final int MOST_POINTS = 10_000;

  public CompressionCurve {
    curves = Collections.unmodifiableNavigableMap(new TreeMap<>(curves));
    if (curves.isEmpty() || curves.firstKey() <= 0 || curves.lastKey() > 1)
      throw new IllegalArgumentException(
          "compression curve: needs shares kept within (0, 1], got " + curves.keySet());
  }

  /**
   * The curve of this project's trained base (GPT-2, 12 blocks of width 192, 2 and 2 of them the
   * adapter) tuned on Java code: {@code benchmarks/results/tuning-curves.jsonl}, mean over its
   * seeds.
   */
  public static CompressionCurve measured() {
    try (InputStream in = CompressionCurve.class.getResourceAsStream("tuning-curves.jsonl")) {
      if (in == null) throw new IllegalStateException("tuning-curves.jsonl is not in this build");
      return parse("tuning-curves.jsonl", new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new IllegalStateException("tuning-curves.jsonl of this build is damaged", e);
    }
  }

  /**
   * Reads lines with {@code kept} of {@code of} blocks (0: the whole model is tuned), {@code steps}
   * and {@code plug_in} losses; lines that keep alike are averaged and must share their steps.
   * Lines with another {@code batch} than the first one's are left out, and those that {@code then}
   * go on through another emulator.
   *
   * @throws FormatException when a line lacks something or the whole model's curve is missing
   */
  public static CompressionCurve read(Path file) throws IOException {
    if (!Files.isRegularFile(file)) throw new FormatException(file + ": no such file");
    if (Files.size(file) > MOST_BYTES)
      throw new FormatException(
          file + ": " + Files.size(file) + " bytes exceed the " + MOST_BYTES + " of such a file");
    try {
      return parse(file.toString(), Files.readString(file));
    } catch (CharacterCodingException e) {
      throw new FormatException(file + ": is not valid UTF-8", e);
    }
  }

  private record Line(double share, List<Double> steps, List<Double> losses) {}

  static CompressionCurve parse(String source, String text) throws FormatException {
    Map<Double, List<Line>> lines = new TreeMap<>();
    long batch = -1;
    int n = 0;
    for (String row : text.lines().toList()) {
      n++;
      if (row.isBlank()) continue;
      JsonObject o = JsonObject.parse(source + " line " + n, row);
      long own = o.integer("batch", 1, Integer.MAX_VALUE);
      if (batch < 0) batch = own;
      if (own != batch || o.has("then")) continue;
      Line line = line(o);
      lines.computeIfAbsent(line.share, k -> new ArrayList<>()).add(line);
    }
    List<Line> whole = lines.remove(0.0);
    if (whole == null || lines.isEmpty())
      throw new FormatException(
          source
              + ": needs a line with kept 0, which tunes the whole model, and others;"
              + " TuningCurves writes such files");
    NavigableMap<Double, LossCurve> curves = new TreeMap<>();
    for (Map.Entry<Double, List<Line>> e : lines.entrySet())
      curves.put(e.getKey(), mean(source, e.getValue()));
    return new CompressionCurve(curves, mean(source, whole));
  }

  private static Line line(JsonObject o) throws FormatException {
    int of = o.integer("of", 1, 10_000);
    int kept = o.integer("kept", 0, of);
    List<Double> steps = o.numbers("steps");
    List<Double> losses = o.numbers("plug_in");
    if (steps.size() != losses.size() || steps.size() < 2 || steps.size() > MOST_POINTS)
      throw o.wrong(
          "plug_in",
          "must have a loss for each of 2 to " + MOST_POINTS + " steps, got " + losses.size());
    if (steps.getFirst() != 0) throw o.wrong("steps", "must begin with 0");
    for (int i = 1; i < steps.size(); i++)
      if (steps.get(i) <= steps.get(i - 1)) throw o.wrong("steps", "must rise");
    return new Line((double) kept / of, steps, losses);
  }

  private static LossCurve mean(String source, List<Line> lines) throws FormatException {
    List<Double> steps = lines.getFirst().steps;
    List<Double> mean = new ArrayList<>();
    for (int i = 0; i < steps.size(); i++) {
      double sum = 0;
      for (Line line : lines) {
        if (!line.steps.equals(steps))
          throw new FormatException(
              source + ": lines that keep alike must be measured after the same steps");
        sum += line.losses.get(i);
      }
      mean.add(sum / lines.size());
    }
    return LossCurve.below(steps, mean);
  }

  /** The curve of any share: straight between the measured shares, the thinnest's below them. */
  public LossCurve at(double share) {
    if (!(share > 0 && share <= 1))
      throw new IllegalArgumentException(
          "compression curve: share must be in (0, 1], got " + share);
    Map.Entry<Double, LossCurve> low = curves.floorEntry(share);
    Map.Entry<Double, LossCurve> high = curves.ceilingEntry(share);
    if (low == null) return curves.firstEntry().getValue();
    if (high == null) return curves.lastEntry().getValue();
    if (low.getKey().equals(high.getKey())) return low.getValue();
    double between = (share - low.getKey()) / (high.getKey() - low.getKey());
    List<Double> losses = new ArrayList<>();
    for (double step : low.getValue().steps())
      losses.add((1 - between) * low.getValue().at(step) + between * high.getValue().at(step));
    return LossCurve.below(low.getValue().steps(), losses);
  }
}
