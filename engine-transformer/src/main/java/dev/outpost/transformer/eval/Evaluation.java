package dev.outpost.transformer.eval;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A model's figures on a task.
 *
 * @param task its name
 * @param samples documents measured
 * @param shots solved examples before each question
 * @param metrics in the task's order
 */
public record Evaluation(String task, int samples, int shots, Map<Metric, Estimate> metrics) {
  /**
   * What to measure on.
   *
   * @param data file or folder
   * @param limit documents at most
   * @param shots solved examples before each question
   * @param shotsData where they are drawn from; null for {@code data}, the question itself excepted
   * @param seed of the draw
   */
  public record Plan(Path data, int limit, int shots, @Nullable Path shotsData, long seed) {
    /** All documents, no examples. */
    public static Plan of(Path data) {
      return new Plan(data, Integer.MAX_VALUE, 0, null, 1234);
    }
  }

  /** Hears of every document measured. */
  @FunctionalInterface
  public interface Listener {
    /**
     * After a document.
     *
     * @param done from 1
     * @param sample what was asked and found, for a log
     */
    void measured(int done, int of, JsonObject sample) throws IOException;
  }

  /**
   * Measures.
   *
   * @throws FormatException when a document does not fit the task
   */
  public static Evaluation run(Task task, Scorer scorer, Plan plan, Listener listener)
      throws IOException {
    if (plan.limit < 1)
      throw new IllegalArgumentException("evaluate: limit must be at least 1, got " + plan.limit);
    if (plan.shots < 0)
      throw new IllegalArgumentException("evaluate: shots must not be negative, got " + plan.shots);
    if (task.isOfText() && plan.shots > 0)
      throw new IllegalArgumentException(
          "evaluate: " + task.name() + " measures texts, which take no shots");
    List<JsonObject> documents = Documents.read(plan.data, task, Integer.MAX_VALUE);
    Shots shots = shots(task, plan, documents);
    int n = Math.min(plan.limit, documents.size());
    Tally tally = new Tally(task);
    for (int i = 0; i < n; i++) {
      JsonObject log = JsonObject.create().put("document", i);
      switch (task.item(documents.get(i))) {
        case Item.Question q -> tally.add(q, ask(scorer, task, q, shots.before(i)), log);
        case Item.Page p -> tally.add(p, scorer.text(p.text()), log);
      }
      listener.measured(i + 1, n, log);
    }
    return new Evaluation(task.name(), n, plan.shots, tally.estimates());
  }

  private static MultipleChoice ask(Scorer scorer, Task task, Item.Question q, String before) {
    return MultipleChoice.ask(scorer, before + q.context(), q.choices(), task.delimiter());
  }

  private static Shots shots(Task task, Plan plan, List<JsonObject> documents) throws IOException {
    if (plan.shots == 0) return Shots.none();
    List<JsonObject> pool =
        plan.shotsData == null
            ? documents
            : Documents.read(plan.shotsData, task, Integer.MAX_VALUE);
    List<String> solved = new ArrayList<>();
    for (JsonObject d : pool)
      if (task.item(d) instanceof Item.Question q)
        solved.add(
            q.context() + task.delimiter() + q.choices().get(Task.first(q)) + Shots.DELIMITER);
    return Shots.of(solved, plan.shots, plan.shotsData == null, plan.seed);
  }

  /** Values per document. */
  private static final class Tally {
    private final Task task;
    private final Map<Metric, List<Double>> values = new EnumMap<>(Metric.class);
    private final List<Double> logLikelihoods = new ArrayList<>();

    Tally(Task task) {
      this.task = task;
      for (Metric m : task.metrics()) values.put(m, new ArrayList<>());
    }

    void add(Item.Question q, MultipleChoice answer, JsonObject log) {
      log.put("context", q.context()).put("choices", q.choices());
      log.put("log_likelihoods", answer.scores().stream().map(LogLikelihood::value).toList());
      log.put("greedy", answer.scores().stream().map(LogLikelihood::greedy).toList());
      log.put("right", q.right().stream().sorted().map(i -> (Object) i).toList());
      log.put("answered", answer.best());
      values.forEach((metric, list) -> {
        double v = answer.value(metric, q.right());
        list.add(v);
        log.put(metric.key(), v);
      });
    }

    void add(Item.Page p, double logLikelihood, JsonObject log) {
      logLikelihoods.add(logLikelihood);
      log.put("log_likelihood", logLikelihood).put("words", p.words()).put("bytes", p.bytes());
      values.forEach((metric, list) ->
          list.add((double) (metric == Metric.WORD_PERPLEXITY ? p.words() : p.bytes())));
    }

    Map<Metric, Estimate> estimates() {
      Map<Metric, Estimate> out = new EnumMap<>(Metric.class);
      for (Metric m : task.metrics()) {
        List<Double> v = values.getOrDefault(m, List.of());
        out.put(
            m,
            switch (m) {
              case ACC, ACC_NORM, ACC_BYTES, EXACT_MATCH -> Estimate.mean(v);
              case WORD_PERPLEXITY, BYTE_PERPLEXITY -> Estimate.perUnit(logLikelihoods, v).exp();
              case BITS_PER_BYTE -> Estimate.perUnit(logLikelihoods, v).bits();
            });
      }
      return out;
    }
  }

  /** {@code task}, {@code samples}, {@code shots}, and each metric with its {@code _stderr}. */
  public JsonObject toJson() {
    JsonObject o =
        JsonObject.create().put("task", task).put("samples", samples).put("shots", shots);
    metrics.forEach(
        (m, e) -> o.put(m.key(), e.value()).put(m.key() + "_stderr", e.standardError()));
    return o;
  }
}
