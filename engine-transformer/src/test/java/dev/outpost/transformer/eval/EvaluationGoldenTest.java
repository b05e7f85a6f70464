package dev.outpost.transformer.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.text.TokenizerFiles;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Our figures against those that lm-eval gave for the same weights and files. */
final class EvaluationGoldenTest {
  private static Path folder() throws Exception {
    URI golden = EvaluationGoldenTest.class.getResource("golden.json").toURI();
    return Path.of(golden).getParent();
  }

  static List<String> tasks() throws Exception {
    JsonObject golden = JsonObject.read(folder().resolve("golden.json"));
    return List.copyOf(golden.object("tasks").names());
  }

  private static Evaluation.Plan plan(String name, JsonObject want) throws Exception {
    Path data = folder().resolve(name + ".jsonl");
    boolean other = want.optionalString("shots_from").orElse("").equals("another file");
    return new Evaluation.Plan(
        data, Integer.MAX_VALUE, want.integer("shots", 0, 9), other ? data : null, 1234);
  }

  @ParameterizedTest
  @MethodSource("tasks")
  void figuresAreThoseOfLmEval(String name) throws Exception {
    JsonObject want = JsonObject.read(folder().resolve("golden.json")).object("tasks").object(name);
    String task = name.replace("_shots", "");
    for (Kernels kernels : TinyModels.kernels()) {
      try (ModelFolder model = ModelFolder.open(folder().resolve("model"))) {
        Scorer scorer =
            Scorer.of(model.model(), kernels, TokenizerFiles.load(folder().resolve("model")));
        List<JsonObject> logs = new ArrayList<>();
        Evaluation got =
            Evaluation.run(
                Tasks.of(task), scorer, plan(task, want), (done, of, sample) -> logs.add(sample));
        likelihoodsAre((List<?>) want.value("log_likelihoods"), logs);
        JsonObject figures = want.object("figures");
        JsonObject ours = got.toJson();
        for (Metric m : got.metrics().keySet()) {
          for (String key : List.of(m.key(), m.key() + "_stderr")) {
            if (!figures.has(key)) continue;
            double value = figures.number(key, 0);
            // Shares of questions are the same to the last bit or a question's answer differs.
            double bound = task.equals("wikitext") ? 1e-5 * value : 1e-12;
            assertThat(ours.number(key, -1)).as(key).isCloseTo(value, within(bound));
          }
        }
      }
    }
  }

  private static void likelihoodsAre(List<?> want, List<JsonObject> logs) throws Exception {
    assertThat(logs).hasSameSizeAs(want);
    for (int i = 0; i < logs.size(); i++) {
      List<?> all = (List<?>) want.get(i);
      List<?> ours =
          logs.get(i).has("log_likelihood")
              ? List.of(logs.get(i).number("log_likelihood", 0))
              : (List<?>) logs.get(i).value("log_likelihoods");
      assertThat(ours).as("document " + i).hasSameSizeAs(all);
      for (int j = 0; j < ours.size(); j++) {
        double v = ((Number) all.get(j)).doubleValue();
        assertThat((Double) ours.get(j))
            .as("document " + i + ", choice " + j)
            .isCloseTo(v, within(1e-5 * Math.abs(v) + 1e-4));
      }
    }
  }

  @Test
  void aLimitMeasuresTheFirstDocuments() throws Exception {
    try (ModelFolder model = ModelFolder.open(folder().resolve("model"))) {
      Scorer scorer =
          Scorer.of(
              model.model(), TinyModels.best(), TokenizerFiles.load(folder().resolve("model")));
      int[] calls = new int[1];
      Evaluation got =
          Evaluation.run(
              Tasks.of("sciq"),
              scorer,
              new Evaluation.Plan(folder().resolve("sciq.jsonl"), 3, 0, null, 1),
              (done, of, sample) -> {
                assertThat(of).isEqualTo(3);
                assertThat(done).isEqualTo(++calls[0]);
              });
      assertThat(got.samples()).isEqualTo(3);
      assertThat(calls[0]).isEqualTo(3);
    }
  }
}
