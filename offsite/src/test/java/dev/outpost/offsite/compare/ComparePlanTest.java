package dev.outpost.offsite.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.transformer.peft.PeftMethod;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Plans are read whole, and a bad one is told by its field. */
final class ComparePlanTest {
  private static final String GOOD =
      """
      {"about": "an example",
       "models": [{"name": "m", "path": "models/m"}],
       "public": {"path": "public", "block": 16},
       "recipes": [{"name": "r", "split": "1-1-1", "steps": [{"step": "distill"}]}],
       "methods": [{"name": "full"}, {"name": "small", "method": "lora", "rank": 4, "lr": 1e-3}],
       "tasks": [{"name": "t", "path": "private", "block": 16,
                  "tune": {"steps": 8, "batch": 2, "lr": 1e-3}}],
       "seeds": [1, 2]}
      """;

  @TempDir Path dir;

  private ComparePlan read(String json) throws Exception {
    return ComparePlan.read(Files.writeString(dir.resolve("plan.json"), json), dir.resolve("data"));
  }

  @Test
  void aPlanSaysEverything() throws Exception {
    ComparePlan plan = read(GOOD);
    assertThat(plan.models().getFirst().path()).isEqualTo(dir.resolve("data/models/m"));
    assertThat(plan.recipes().getFirst().recipe().toString()).contains("layer-drop", "distill");
    assertThat(plan.recipes().getFirst().seeded()).isTrue();
    assertThat(plan.methods().getFirst().method()).isEqualTo(new PeftMethod.Full());
    assertThat(plan.methods().getLast().method().describe()).contains("lora", "4");
    ComparePlan.Task task = plan.tasks().getFirst();
    assertThat(task.fineTune()).isEqualTo(task.tune());
    assertThat(plan.methods().getLast().over(task.tune()).learningRate()).isEqualTo(1e-3f);
    assertThat(plan.seeds()).containsExactly(1L, 2L);
  }

  @Test
  void everyMethodIsNamed() throws Exception {
    for (String name : PeftMethod.NAMES) {
      ComparePlan plan = read(GOOD.replace("{\"name\": \"full\"}", "{\"name\": \"" + name + "\"}"));
      assertThat(plan.methods().getFirst().method().name()).isEqualTo(name);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "\"seeds\": [1, 2]|\"seeds\": []|field seeds must not be empty; give one at least",
        "\"seeds\": [1, 2]|\"seeds\": [1, 1]|field seeds must be distinct, got twice 1",
        "\"seeds\": [1, 2]|\"seeds\": [1.5]|field seeds must be whole numbers",
        "\"seeds\": [1, 2]|\"seed\": 1|field seed is unknown; known are",
        "\"name\": \"full\"|\"name\": \"magic\"|methods[0]: field method must be one of [lora,",
        "\"name\": \"full\"|\"name\": \"full\", \"rank\": 2|methods[0]: field rank is unknown",
        "\"rank\": 4|\"rank\": 0|methods[1]: field rank must be between 1",
        "\"name\": \"small\"|\"name\": \"full\"|field methods must have distinct names, got twice \"full\"",
        "\"public\": {\"path\": \"public\", \"block\": 16},|`` |field public is missing; recipe \"r\" has a step that learns",
        "\"path\": \"private\", \"block\"|\"block\"|tasks[0]: field path or data must be given",
        "\"path\": \"private\", \"block\"|\"data\": \"q.jsonl\", \"block\"|tasks[0]: field format is missing; name a benchmark",
        "\"lr\": 1e-3}}|\"lr\": 0}}|tasks[0].tune: field lr must be above 0",
        "\"lr\": 1e-3}}|\"rate\": 1}}|tasks[0].tune: field rate is unknown; known are steps, batch, lr",
        "\"steps\": 8|\"steps\": 0|tasks[0].tune: field steps must be between 1",
        "1-1-1|x|recipe \"r\": ",
        "\"distill\"|\"distil\"|recipe \"r\": step \"distil\" is unknown; there are layer-drop",
      })
  void aBadPlanIsNamedByFieldAndCure(String part, String by, String message) {
    assertThat(GOOD).contains(part);
    assertThatThrownBy(() -> read(GOOD.replace(part, by)))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("plan.json")
        .hasMessageContaining(message);
  }
}
