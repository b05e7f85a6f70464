package dev.outpost.offsite.compare;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.train.Progress;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * The losses of a training run, kept beside its state so that a resumed run has those of its whole
 * way. What a killed run told beyond its last saved state is told again and counts once.
 */
final class Curve implements Progress {
  private static final int POINTS = 120;

  private final Path file;
  private final Progress told;
  private final long start = System.nanoTime();
  private final List<Point> points = new ArrayList<>();
  private double earlier;
  private boolean begun;

  /** A step's loss, or with {@code validation} that of a validation. */
  private record Point(int step, boolean validation, double loss, double seconds, long bytes) {
    JsonObject toJson() {
      return JsonObject.create()
          .put("step", step)
          .put("validation", validation)
          .put("loss", loss)
          .put("seconds", seconds)
          .put("bytes", bytes);
    }

    static Point read(JsonObject o) throws FormatException {
      return new Point(
          o.integer("step", 1, Integer.MAX_VALUE),
          o.bool("validation", false),
          o.number("loss", 0),
          o.number("seconds", 0),
          o.integer("bytes"));
    }
  }

  private Curve(Path file, Progress told) {
    this.file = file;
    this.told = told;
  }

  /** The curve of the run whose state is in this folder. */
  static Curve in(Path folder, String run, Progress told) throws IOException {
    Files.createDirectories(folder);
    Curve curve = new Curve(folder.resolve("curve-" + run + ".jsonl"), told);
    if (Files.exists(curve.file))
      for (String line : Files.readAllLines(curve.file)) {
        try {
          curve.points.add(Point.read(JsonObject.parse("curve", line)));
        } catch (FormatException e) {
          break; // The end of a killed run.
        }
      }
    if (!curve.points.isEmpty()) curve.earlier = curve.points.getLast().seconds();
    return curve;
  }

  @Override
  public void step(Step s) {
    if (!begun) {
      begun = true;
      points.removeIf(p -> p.step() >= s.step());
      earlier = points.isEmpty() ? 0 : points.getLast().seconds();
      write(lines(points), StandardOpenOption.TRUNCATE_EXISTING);
    }
    add(new Point(s.step(), false, s.loss(), seconds(), s.workspaceBytes()));
    told.step(s);
  }

  @Override
  public void evaluated(int step, double meanLoss, boolean best) {
    add(new Point(step, true, meanLoss, seconds(), 0));
    told.evaluated(step, meanLoss, best);
  }

  @Override
  public boolean stopRequested() {
    return told.stopRequested();
  }

  private void add(Point p) {
    points.add(p);
    write(lines(List.of(p)), StandardOpenOption.APPEND);
  }

  private static String lines(List<Point> points) {
    StringBuilder s = new StringBuilder();
    for (Point p : points) s.append(p.toJson().toLine()).append('\n');
    return s.toString();
  }

  private void write(String text, StandardOpenOption how) {
    try {
      Files.writeString(file, text, StandardOpenOption.CREATE, StandardOpenOption.WRITE, how);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private double seconds() {
    return earlier + (System.nanoTime() - start) / 1e9;
  }

  /** Seconds that earlier, interrupted parts of the run took. */
  double earlierSeconds() {
    return earlier;
  }

  /** The most bytes that activations and their gradients took. */
  long peakBytes() {
    return points.stream().mapToLong(Point::bytes).max().orElse(0);
  }

  /**
   * {@code {"train": [[step, loss], …], "validation": […]}}; of many steps the means of neighbours.
   */
  JsonObject toJson() {
    List<Point> train = points.stream().filter(p -> !p.validation()).toList();
    int each = Math.max(1, (train.size() + POINTS - 1) / POINTS);
    List<List<Number>> means = new ArrayList<>();
    for (int i = 0; i < train.size(); i += each) {
      List<Point> some = train.subList(i, Math.min(train.size(), i + each));
      double mean = some.stream().mapToDouble(Point::loss).average().orElseThrow();
      means.add(List.of(some.getLast().step(), (float) mean));
    }
    return JsonObject.create()
        .put("train", means)
        .put(
            "validation",
            points.stream()
                .filter(Point::validation)
                .map(p -> List.<Number>of(p.step(), (float) p.loss()))
                .toList());
  }
}
