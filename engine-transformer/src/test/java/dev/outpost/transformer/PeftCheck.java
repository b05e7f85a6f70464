package dev.outpost.transformer;

import dev.outpost.autograd.Tape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.SafetensorsWriter;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.load.PeftFolder;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.peft.LoraUpdates;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Objective;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.Trainer;
import dev.outpost.transformer.train.TrainingPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Collectors;

/** The engine's half of {@code peft/reopen_peft.py}, which says how to run it. */
final class PeftCheck {
  private PeftCheck() {}

  /** Trains LoRA on every golden for twenty steps and writes it below the folder named. */
  public static void main(String[] arguments) throws IOException {
    Path temporary = Files.createTempDirectory("peft");
    Kernels kernels = TinyModels.best();
    for (String name : Golden.NAMES) {
      Golden golden = Golden.unpack(name, temporary);
      Path out = Files.createDirectories(Path.of(arguments[0], name));
      try (ModelFolder base = ModelFolder.open(golden.folder())) {
        Blocks blocks = Blocks.of(golden.ints("stream"), golden.block());
        TransformerModel tuned =
            Attach.lora(
                base.model(),
                base.model().slots().stream().map(Slot::name).collect(Collectors.toSet()),
                new LoraConfig(3, 7, 0, LoraConfig.ALL_PROJECTIONS),
                11);
        TrainingPlan plan = TrainingPlan.of(20, 2, 0.05f, 3);
        new Trainer(tuned, Objective.languageModel(), blocks.slice(0, 2), null, plan, kernels)
            .run(new Progress() {});
        PeftFolder.write(
            out,
            LoraUpdates.of(tuned),
            golden.folder().toString(),
            base.config(),
            base.model().spec());
        Map<String, Weight> logits = new LinkedHashMap<>();
        logits.put("base", HeapWeight.of(logits(base.model(), blocks, kernels)));
        logits.put("adapted", HeapWeight.of(logits(tuned, blocks, kernels)));
        logits.put("merged", HeapWeight.of(logits(Attach.merge(tuned, kernels), blocks, kernels)));
        SafetensorsWriter.write(out.resolve("logits.safetensors"), logits, null, Map.of());
      }
    }
  }

  private static Tensor logits(TransformerModel model, Blocks blocks, Kernels kernels) {
    Pass pass = Pass.of(Tape.evaluating(kernels, new Workspace()), 2, blocks.length());
    Tensor all =
        model.logits(
            pass, model.hidden(pass, blocks.ids(new int[] {0, 1})), 0, 2 * blocks.length());
    return Tensor.of(all.shape(), all.toArray());
  }
}
