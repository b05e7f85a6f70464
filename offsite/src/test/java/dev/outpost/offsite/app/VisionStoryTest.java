package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.artifact.PlugIn;
import dev.outpost.offsite.emulator.EmulatorRecipe;
import dev.outpost.offsite.emulator.Workshop;
import dev.outpost.offsite.tune.AdapterTuning;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.Golden;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Labels;
import dev.outpost.transformer.image.ImageFolder;
import dev.outpost.transformer.image.ImageSettings;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.TrainingPlan;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Owner, data owner and owner again, with a classifier of images. */
class VisionStoryTest {
  private static final Kernels KERNELS = TinyModels.best();

  @TempDir private Path dir;

  @Test
  void aClassifierOfImagesIsTunedFarFromHome() throws Exception {
    // Five classes of which two occur, so that an untuned model is mostly wrong.
    Path pictures = pictures(dir.resolve("pictures"));
    Path model = Golden.unpack("vit-classes-f32", dir).folder();
    Files.writeString(
        model.resolve(ImageSettings.FILE),
        """
        {"image_processor_type": "ViTImageProcessor", "size": {"height": 12, "width": 12}}
        """);
    try (ModelFolder folder = ModelFolder.open(model)) {
      TransformerModel full = folder.model();
      EmulatorRecipe recipe = EmulatorRecipe.parse("1-1-1");
      OffsitePackage.write(
          dir.resolve("package"),
          recipe.make(full, Workshop.of(TinyModels.best(), 1)).model(),
          recipe.split().of(full).adapterSlots(),
          BaseFingerprint.of(full),
          folder.config(),
          recipe.describe(),
          null);
      try (OffsitePackage pack = OffsitePackage.open(dir.resolve("package"))) {
        AdapterTuning tuning = AdapterTuning.of(pack, LoraConfig.of(4), 1);
        ImageFolder train =
            ImageFolder.of(
                pictures,
                ImageSettings.read(model),
                full.spec(),
                Labels.read(folder.config(), full.spec()));
        tuning.trainer(train, null, TrainingPlan.of(40, 8, 1e-2f, 1), KERNELS).run(Progress.SILENT);
        TransformerModel plugged =
            PlugIn.apply(full, BaseFingerprint.of(full), tuning.artifact(JsonObject.create()));
        ModelFolder.write(
            dir.resolve("tuned"), Attach.merge(plugged, KERNELS), folder.config(), null);
      }
    }
    Files.copy(model.resolve(ImageSettings.FILE), dir.resolve("tuned/" + ImageSettings.FILE));
    double before = top1(model, pictures);
    double after = top1(dir.resolve("tuned"), pictures);
    assertThat(before).isLessThan(0.7);
    assertThat(after).isGreaterThan(0.95);
  }

  /** The same by commands, distilled, with the classifier's matrix the data owner's. */
  @ParameterizedTest
  @CsvSource({"''", "--lora 4", "--method bitfit"})
  void theCommandsTellTheStoryOfPictures(String how) throws Exception {
    Path pictures = pictures(dir.resolve("pictures"));
    Path model = Golden.unpack("vit-classes-f32", dir).folder();
    Files.writeString(
        model.resolve(ImageSettings.FILE),
        """
        {"image_processor_type": "ViTImageProcessor", "size": {"height": 12, "width": 12}}
        """);
    Path pack = dir.resolve("package");
    Path adapter = dir.resolve("adapter");
    Path tuned = dir.resolve("tuned");
    Shell.ok(
        "emulate",
        "--model",
        model,
        "--split",
        "1-1-1",
        "--images",
        pictures,
        "--steps",
        4,
        "--out",
        pack);
    List<Object> words = new ArrayList<>(List.of("tune", "--package", pack, "--images", pictures));
    words.addAll(List.of("--steps", 40, "--batch", 8, "--lr", "1e-2", "--out", adapter, "--json"));
    if (!how.isEmpty()) words.addAll(List.of(how.split(" ")));
    double loss = Shell.ok(words.toArray()).result().number("emulator_loss", 9);
    assertThat(loss).isLessThan(0.5);
    Shell.ok("plug", "--model", model, "--adapter", adapter, "--out", tuned);
    try (ModelFolder before = ModelFolder.open(model);
        ModelFolder after = ModelFolder.open(tuned)) {
      var was = TinyModels.numbers(before.model());
      var is = TinyModels.numbers(after.model());
      assertThat(is.get("classifier.weight")).isNotEqualTo(was.get("classifier.weight"));
      assertThat(is.get("blocks.1.mlp.up.weight")).isEqualTo(was.get("blocks.1.mlp.up.weight"));
    }
    assertThat(top1(model, pictures)).isLessThan(0.7);
    assertThat(top1(tuned, pictures)).isGreaterThan(0.95);
  }

  private static double top1(Path model, Path pictures) throws IOException {
    return Shell.ok("evaluate", "--model", model, "--images", pictures, "--json")
        .result()
        .number("top1", -1);
  }

  @Test
  void foldersThatAreNoClassesAreRefused() throws Exception {
    Path model = Golden.unpack("vit-classes-f32", dir).folder();
    Shell.Outcome without = Shell.run("evaluate", "--model", model, "--images", dir);
    assertThat(without.code()).isEqualTo(ExitCode.REFUSED);
    assertThat(without.err()).contains(ImageSettings.FILE);
    Files.writeString(
        model.resolve(ImageSettings.FILE), "{\"image_processor_type\": \"ViTImageProcessor\"}");
    Shell.Outcome size = Shell.run("evaluate", "--model", model, "--images", dir);
    assertThat(size.err()).contains("224x224").contains("12x12");
  }

  @ParameterizedTest
  @CsvSource({
    "vit-classes-f32, reads images and no text, evaluate --images DIR",
    "clip-vision-bare-f16, reads images and no text, evaluate --images DIR",
    "clip-whole-f32, reads images and no text, evaluate --images DIR",
    "bert-mlm-f32, is an encoder, embed(text)",
    "roberta-classes-f32, is an encoder, embed(text)"
  })
  void whatContinuesNoTextIsRefusedByWhatItIsFor(String golden, String why, String instead)
      throws Exception {
    Path model = Golden.unpack(golden, dir).folder();
    Path pack = dir.resolve("package");
    try (ModelFolder folder = ModelFolder.open(model)) {
      TransformerModel full = folder.model();
      EmulatorRecipe recipe = EmulatorRecipe.parse("1-1-1");
      OffsitePackage.write(
          pack,
          recipe.make(full, Workshop.of(TinyModels.best(), 1)).model(),
          recipe.split().of(full).adapterSlots(),
          BaseFingerprint.of(full),
          folder.config(),
          recipe.describe(),
          null);
    }
    Path text = Parties.text(dir.resolve("text.txt"), Parties.PUBLIC);
    Path out = dir.resolve("out");
    List<List<Object>> all =
        List.of(
            List.of("generate", "--model", model, "--prompt", "x"),
            List.of("generate", "--package", pack, "--prompt", "x"),
            List.of("evaluate", "--model", model, "--corpus", text),
            List.of(
                "emulate", "--model", model, "--split", "1-1-1", "--corpus", text, "--out", out),
            List.of("tune", "--package", pack, "--corpus", text, "--out", out));
    for (List<Object> words : all) {
      Shell.Outcome o = Shell.run(words.toArray());
      assertThat(o.code()).as(words + o.err()).isEqualTo(ExitCode.REFUSED);
      assertThat(o.err()).contains(words.get(2) + ": model_type " + type(model), why, instead);
    }
    assertThat(out).doesNotExist();
  }

  /** A CLIP's image half is a model type of its own. */
  private static String type(Path model) throws IOException {
    String type = JsonObject.read(model.resolve("config.json")).string("model_type");
    return type.equals("clip") ? "clip_vision_model" : type;
  }

  /** Two classes, named as the model names them: bright above, or bright below. */
  private static Path pictures(Path root) throws IOException {
    Random random = new Random(5);
    for (int c = 0; c < 2; c++) {
      Path folder = Files.createDirectories(root.resolve("LABEL_" + (c + 1)));
      for (int n = 0; n < 12; n++) {
        BufferedImage image = new BufferedImage(16, 16, BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < 16; y++)
          for (int x = 0; x < 16; x++) {
            int level = ((y < 8) == (c == 0) ? 180 : 40) + random.nextInt(60);
            image.setRGB(x, y, level * 0x010101);
          }
        ImageIO.write(image, "png", folder.resolve(n + ".png").toFile());
      }
    }
    return root;
  }
}
