package dev.outpost.offsite.compare;

import dev.outpost.tensor.io.AtomicFile;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.data.Packing;
import dev.outpost.transformer.data.TrainingData;
import dev.outpost.transformer.eval.Estimate;
import dev.outpost.transformer.eval.Evaluation;
import dev.outpost.transformer.eval.Metric;
import dev.outpost.transformer.eval.Scorer;
import dev.outpost.transformer.eval.Tasks;
import dev.outpost.transformer.run.Perplexity;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.train.Evenly;
import dev.outpost.transformer.train.Examples;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.CRC32;

/**
 * A task as rows and a measure.
 *
 * @param train rows to learn from
 * @param validation rows to choose the best step by
 * @param metric {@code perplexity} or a benchmark's
 * @param measure of a model
 * @param identity of everything that a measurement depends on beside the model
 */
record TaskData(
    Examples train, Examples validation, String metric, Measure measure, JsonObject identity) {
  private static final int BATCH = 8;

  /** Measures a model. */
  interface Measure {
    Figure of(TransformerModel model) throws IOException;
  }

  /**
   * Reads a task's data.
   *
   * @param cache folder for what is made of it
   */
  static TaskData of(
      ComparePlan.Task task, Texts texts, Tokenizer tokenizer, Kernels kernels, Path cache)
      throws IOException {
    return switch (task) {
      case ComparePlan.Task.OfText t -> ofText(t, texts.rows(t.text(), tokenizer), kernels);
      case ComparePlan.Task.OfChoices c -> ofChoices(c, tokenizer, kernels, cache);
    };
  }

  private static TaskData ofText(ComparePlan.Task.OfText t, TrainingData rows, Kernels kernels) {
    Examples held = Evenly.of(rows.validation(), t.text().measured());
    return new TaskData(
        rows.train(),
        held,
        "perplexity",
        model -> {
          Perplexity p = Perplexity.of(model, kernels, kernels.memory().workspace(), held, BATCH);
          return new Figure(p.value(), p.value() * p.standardError());
        },
        identity(rows.train(), held));
  }

  private static JsonObject identity(Examples train, Examples validation) {
    return JsonObject.create()
        .put("train", train.extent() + " " + train.sha256())
        .put("validation", validation.extent() + " " + validation.sha256());
  }

  private static TaskData ofChoices(
      ComparePlan.Task.OfChoices c, Tokenizer tokenizer, Kernels kernels, Path cache)
      throws IOException {
    dev.outpost.transformer.eval.Task format = Tasks.of(c.format());
    Path train = cache.resolve("train.jsonl");
    Path held = cache.resolve("held.jsonl");
    deal(c, train, held);
    TrainingData rows =
        TrainingData.prepare(
            new TrainingData.Plan(
                train, held, 0, format, "task " + c.format(), Packing.ONE, c.block()),
            tokenizer,
            cache);
    Examples validation = Evenly.of(rows.validation(), c.questions());
    Metric metric = format.metrics().getFirst();
    return new TaskData(
        rows.train(),
        validation,
        metric.key(),
        model -> {
          Evaluation.Plan plan = new Evaluation.Plan(held, c.questions(), 0, null, 0);
          Evaluation all =
              Evaluation.run(
                  format, Scorer.of(model, kernels, tokenizer), plan, (done, of, sample) -> {});
          Estimate e = all.metrics().get(metric);
          if (e == null) throw new IllegalStateException("a task measures its own metrics");
          return new Figure(e.value(), e.standardError());
        },
        identity(rows.train(), validation)
            .put("questions", c.questions())
            .put("metric", metric.key()));
  }

  /** Each line goes one way by its own hash, whatever its neighbours. */
  private static void deal(ComparePlan.Task.OfChoices c, Path train, Path held) throws IOException {
    if (!Files.isRegularFile(c.data()))
      throw new FormatException(c.data() + ": no such file; data is a file of JSON lines");
    StringBuilder learned = new StringBuilder();
    StringBuilder kept = new StringBuilder();
    for (String line : Files.readAllLines(c.data())) {
      if (line.isBlank()) continue;
      CRC32 crc = new CRC32();
      crc.update(line.getBytes(StandardCharsets.UTF_8));
      (crc.getValue() % 10_000 < c.validation() * 10_000 ? kept : learned)
          .append(line)
          .append('\n');
    }
    if (learned.isEmpty() || kept.isEmpty())
      throw new FormatException(
          c.data()
              + ": a share of "
              + c.validation()
              + " leaves nothing to "
              + (kept.isEmpty() ? "measure on" : "learn from")
              + "; give more lines or another validation");
    AtomicFile.write(train, learned.toString().getBytes(StandardCharsets.UTF_8));
    AtomicFile.write(held, kept.toString().getBytes(StandardCharsets.UTF_8));
  }
}
