package dev.outpost.offsite.app;

import dev.outpost.tensor.io.AtomicFile;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.eval.Evaluation;
import dev.outpost.transformer.eval.Scorer;
import dev.outpost.transformer.eval.Task;
import dev.outpost.transformer.eval.Tasks;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine.Option;

/** Which benchmark a model is measured on. */
final class TaskOptions {
  @Option(
      names = "--task",
      paramLabel = "NAME",
      description =
          "Measure a benchmark instead of perplexity in blocks: openbookqa, piqa, arc_easy, arc_challenge, hellaswag, sciq, webqs, race, wikitext, or a file that describes one. See docs/evaluation.md.")
  String task;

  @Option(
      names = "--data",
      paramLabel = "FILE",
      description =
          "With --task: the benchmark's file of JSON lines (.jsonl), or a folder of them.")
  Path data;

  @Option(
      names = "--limit",
      paramLabel = "N",
      description = "With --task: only the first N documents. Default: all.")
  Integer limit;

  @Option(
      names = "--shots",
      paramLabel = "N",
      description = "With --task: solved examples before each question. Default: 0.")
  Integer shots;

  @Option(
      names = "--shots-data",
      paramLabel = "FILE",
      description =
          "With --shots: draw the examples from this file, such as the training split. Default: the data itself.")
  Path shotsData;

  @Option(
      names = "--shots-seed",
      paramLabel = "N",
      description = "With --shots: seed of the draw; lm-eval's by default. Default: 1234.")
  Long shotsSeed;

  @Option(
      names = "--samples",
      paramLabel = "FILE",
      description = "With --task: write each document's scores as a JSON line. Default: none.")
  Path samples;

  /** Whether a benchmark is asked for. */
  boolean given() {
    if (task != null) {
      BadInput.unless(data != null, "--task: needs --data FILE, the benchmark's documents");
      BadInput.unless(limit == null || limit >= 1, "--limit: must be at least 1, got " + limit);
      BadInput.unless(shots == null || shots >= 0, "--shots: must be 0 or more, got " + shots);
      BadInput.unless(shotsData == null || shots != null, "--shots-data: needs --shots N");
      BadInput.unless(shotsSeed == null || shots != null, "--shots-seed: needs --shots N");
      return true;
    }
    BadInput.unless(data == null, "--data: needs --task NAME; text is given by --corpus");
    BadInput.unless(limit == null, "--limit: needs --task NAME");
    BadInput.unless(shots == null, "--shots: needs --task NAME");
    BadInput.unless(shotsData == null, "--shots-data: needs --task NAME");
    BadInput.unless(shotsSeed == null, "--shots-seed: needs --task NAME");
    BadInput.unless(samples == null, "--samples: needs --task NAME");
    return false;
  }

  /** Measures and tells. */
  void run(ModelOptions.Open open, Kernels kernels, Console console) throws IOException {
    Task what = Tasks.of(task);
    StringBuilder log = new StringBuilder();
    try {
      Evaluation result =
          Evaluation.run(
              what,
              Scorer.of(open.model(), kernels, open.tokenizer()),
              new Evaluation.Plan(
                  data,
                  limit == null ? Integer.MAX_VALUE : limit,
                  shots == null ? 0 : shots,
                  shotsData,
                  shotsSeed == null ? 1234 : shotsSeed),
              (done, of, sample) -> {
                console.bar(what.name() + "  " + done + " of " + of);
                if (samples != null) log.append(sample.toLine()).append('\n');
              });
      if (samples != null)
        AtomicFile.write(samples, log.toString().getBytes(StandardCharsets.UTF_8));
      tell(open, result, console);
    } catch (IllegalArgumentException e) {
      throw new BadInput(e.getMessage());
    }
  }

  private static void tell(ModelOptions.Open open, Evaluation result, Console console) {
    result
        .metrics()
        .forEach((metric, e) ->
            console.say(
                String.format(
                    Locale.ROOT,
                    "%-12s %-16s %10.4f ± %.4f  (%d documents%s)",
                    result.task(),
                    metric.key(),
                    e.value(),
                    e.standardError(),
                    result.samples(),
                    result.shots() == 0 ? "" : ", " + result.shots() + " shots")));
    JsonObject line = JsonObject.create().put("event", "result").put("model", open.name());
    JsonObject figures = result.toJson();
    for (String field : figures.names()) line.put(field, figures.value(field));
    console.emit(line);
  }
}
