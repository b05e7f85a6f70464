package dev.outpost.offsite.compare;

import dev.outpost.offsite.emulator.StoppedException;
import dev.outpost.tensor.io.AtomicFile;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Runs a plan. Every result is a line of {@code results.jsonl} in the folder, under a digest of all
 * that it depends on: run again, the plan goes on where it ended, within a training run too, and a
 * changed plan computes what changed. What fails is a line with its reason and the name of a file
 * with its stack trace, and the others go on; the next run tries it again. {@code index.html} shows
 * what is there.
 *
 * <p>The same plan gives the same numbers on any number of threads, however often it was
 * interrupted; only seconds differ.
 */
public final class Comparison {
  /** The file of results. */
  public static final String RESULTS = "results.jsonl";

  /** The page that shows them. */
  public static final String PAGE = "index.html";

  /** Folder beside them with a file per failure: its stack trace. */
  public static final String FAILURES = "failures";

  private final ComparePlan plan;
  private final Path folder;
  private final Texts texts;
  private final Kernels kernels;
  private final Watch watch;
  private final List<JsonObject> lines = new ArrayList<>();
  private final List<JsonObject> failed = new ArrayList<>();
  private int computed;
  private int begun;

  /**
   * @param folder for results, page and, in {@code work}, emulators and states of training
   */
  public Comparison(ComparePlan plan, Path folder, Texts texts, Kernels kernels, Watch watch) {
    this.plan = plan;
    this.folder = folder;
    this.texts = texts;
    this.kernels = kernels;
    this.watch = watch;
  }

  /** Computes what is missing. */
  public Outcome run() throws IOException {
    boolean finished = true;
    try (ResultLog log = ResultLog.open(folder.resolve(RESULTS))) {
      for (ComparePlan.Model model : plan.models())
        try (ModelCells cells =
            ModelCells.open(plan, model, folder.resolve("work"), texts, kernels, watch)) {
          cells.run(cell -> compute(log, cell));
        }
    } catch (StoppedException e) {
      finished = false;
    }
    showPage();
    return new Outcome(lines, computed, failed, finished);
  }

  /** Lines that a whole run of the plan has, rankings aside. */
  private int total() {
    int recipes = 0;
    for (ComparePlan.Recipe r : plan.recipes()) recipes += r.seeded() ? plan.seeds().size() : 1;
    int tasks = plan.tasks().size();
    int tuned = plan.seeds().size() * tasks;
    int cells = tuned * plan.recipes().size() * plan.methods().size();
    return plan.models().size() * (recipes + tasks + tuned + cells);
  }

  /** The line of a cell, from the log or made now; empty when it cannot be made. */
  private Optional<JsonObject> compute(ResultLog log, Cell cell)
      throws IOException, StoppedException {
    String key = digest(cell.identity());
    begun++;
    JsonObject there = log.find(key);
    if (there != null && !there.has("reason")) {
      // Names may have changed since; what they stand for has not.
      cell.names().forEach(there::put);
      lines.add(there);
      return Optional.of(there);
    }
    if (watch.stopRequested()) throw new StoppedException(cell.title(), 0);
    watch.begins(begun, Math.max(begun, total()), cell.title());
    JsonObject line = JsonObject.create().put("kind", cell.kind()).put("key", key);
    cell.names().forEach(line::put);
    Path state = folder.resolve("work").resolve(key);
    try {
      long start = System.nanoTime();
      double earlier = cell.make(state, line);
      line.put("seconds", (float) (earlier + (System.nanoTime() - start) / 1e9));
    } catch (StoppedException e) {
      throw e;
    } catch (Exception e) {
      line.put("reason", reason(e)).put("trace", FAILURES + "/" + key + ".txt");
      keepTrace(key, cell, e);
      failed.add(write(log, line));
      return Optional.empty();
    }
    JsonObject written = write(log, line);
    lines.add(written);
    computed++;
    delete(state);
    Files.deleteIfExists(folder.resolve(FAILURES).resolve(key + ".txt"));
    showPage();
    return Optional.of(written);
  }

  private JsonObject write(ResultLog log, JsonObject line) throws IOException {
    JsonObject written = log.append(line);
    watch.written(written);
    return written;
  }

  /** For who looks for the cause; of this run alone, since a cure may have moved the fault. */
  private void keepTrace(String key, Cell cell, Exception e) throws IOException {
    StringWriter trace = new StringWriter();
    trace.append(cell.title()).append(System.lineSeparator());
    e.printStackTrace(new PrintWriter(trace, true));
    Path file = folder.resolve(FAILURES).resolve(key + ".txt");
    AtomicFile.write(file, trace.toString().getBytes(StandardCharsets.UTF_8));
  }

  private static String reason(Exception e) {
    return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
  }

  private void showPage() throws IOException {
    AtomicFile.write(
        folder.resolve(PAGE), ComparePage.html(lines, failed).getBytes(StandardCharsets.UTF_8));
  }

  /** SHA-256 in 32 hexadecimal digits. */
  static String digest(JsonObject identity) {
    try {
      byte[] all =
          MessageDigest.getInstance("SHA-256")
              .digest(identity.toLine().getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(all, 0, 16);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  private static void delete(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) return;
    List<Path> all;
    try (Stream<Path> walk = Files.walk(folder)) {
      all = walk.toList();
    }
    for (Path p : all.reversed()) Files.deleteIfExists(p);
  }
}
