package dev.outpost.offsite;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.offsite.app.Parties;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.text.TokenizerFiles;
import dev.outpost.transformer.train.Blocks;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The Java of README.md compiles and does what it says. */
final class ReadmeExampleTest {
  @TempDir Path home;

  @Test
  void theFirstExampleWritesLearnsAndSaves() throws Exception {
    List<String> blocks = Snippets.of("README.md");
    assertThat(blocks).as("Java blocks in README.md").hasSize(2);
    Parties.model(home.resolve("owner/model"), 2, 512, 1);
    Files.writeString(home.resolve("private.txt"), Parties.PRIVATE);
    String example =
        blocks.get(0).replace("Tuning.lora(8)", "Tuning.lora(8).withSteps(3).withBatch(1, 16)");
    assertThat(example).isNotEqualTo(blocks.get(0));
    assertThat(Snippets.run(example, home, Map.of())).isNotBlank();
    ModelFolder.open(home.resolve("tuned")).close();
  }

  @Test
  void theSecondExampleMakesATunedModelFromAModelAndText() throws Exception {
    String example = Snippets.of("README.md").get(1);
    assertThat(Snippets.FOLDER.matcher(example).results().map(m -> m.group(1)).distinct())
        .containsExactly("owner/model", "package", "adapter", "tuned");
    // Twenty times fewer steps; the rest as it stands, in a folder of the test's own.
    example = example.replace("TrainingPlan.of(200,", "TrainingPlan.of(10,");

    Path model = Parties.model(home.resolve("owner/model"), 6, 1);
    Tokenizer tokenizer = TokenizerFiles.load(model);
    Blocks text = Blocks.of(tokenizer.encode(Parties.PRIVATE), 16);
    Snippets.run(
        example,
        home,
        Map.of("Blocks train", text.slice(2, text.count()), "Blocks validation", text.slice(0, 2)));

    assertThat(home.resolve("package/manifest.json")).exists();
    assertThat(home.resolve("adapter/manifest.json")).exists();
    try (ModelFolder before = ModelFolder.open(model);
        ModelFolder after = ModelFolder.open(home.resolve("tuned"))) {
      assertThat(after.model().spec()).isEqualTo(before.model().spec());
      assertThat(after.model().parameters().keySet())
          .isEqualTo(before.model().parameters().keySet());
      after
          .model()
          .visit((name, p) -> {
            boolean tuned = name.matches("blocks\\.(0|1|4|5)\\.(attn|mlp)\\..*weight");
            float[] was = before.model().parameters().get(name).weight().toTensor().toArray();
            if (tuned) assertThat(p.weight().toTensor().toArray()).as(name).isNotEqualTo(was);
            else assertThat(p.weight().toTensor().toArray()).as(name).isEqualTo(was);
          });
    }
  }
}
