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
import dev.outpost.transformer.peft.Ia3Config;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.peft.PeftMethod;
import dev.outpost.transformer.peft.PrefixConfig;
import dev.outpost.transformer.peft.PromptConfig;
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
import java.util.Set;
import java.util.stream.Collectors;

/** The engine's half of {@code peft/reopen_peft.py}, which says how to run it. */
final class PeftCheck {
  private PeftCheck() {}

  private static final Map<String, PeftMethod> METHODS =
      Map.of(
          "lora", new LoraConfig(3, 7, 0, LoraConfig.ALL_PROJECTIONS),
          "ia3", Ia3Config.PAPER,
          "prompt", new PromptConfig(3),
          "prefix", new PrefixConfig(3));

  /** Trains each method on every golden for twenty steps and writes it below the folder named. */
  public static void main(String[] arguments) throws IOException {
    Path temporary = Files.createTempDirectory("peft");
    Kernels kernels = TinyModels.best();
    for (String name : Golden.NAMES) {
      Golden golden = Golden.unpack(name, temporary);
      try (ModelFolder base = ModelFolder.open(golden.folder())) {
        for (String method : METHODS.keySet()) {
          Path out = Path.of(arguments[0], name, method);
          // A prompt takes some of the context.
          int time = Math.min(golden.block(), base.model().spec().context() - 3);
          Blocks blocks = Blocks.of(golden.ints("stream"), golden.block());
          try {
            one(golden, base, METHODS.get(method), blocks.slice(0, 2), time, kernels, out);
          } catch (IllegalArgumentException e) {
            System.out.println(name + " " + method + ": " + e.getMessage());
          }
        }
      }
    }
  }

  private static void one(
      Golden golden,
      ModelFolder base,
      PeftMethod method,
      Blocks blocks,
      int time,
      Kernels kernels,
      Path out)
      throws IOException {
    Set<String> all = base.model().slots().stream().map(Slot::name).collect(Collectors.toSet());
    TransformerModel tuned = Attach.attach(base.model(), all, method, 11);
    int[] ids = new int[2 * time];
    for (int i = 0; i < ids.length; i++) ids[i] = blocks.ids(new int[] {i / time})[i % time];
    TrainingPlan plan = TrainingPlan.of(20, 2, 0.05f, 3);
    new Trainer(tuned, Objective.languageModel(), Blocks.of(ids, time), null, plan, kernels)
        .run(new Progress() {});
    PeftFolder.write(out, tuned, golden.folder().toString(), base.config());
    Map<String, Weight> logits = new LinkedHashMap<>();
    logits.put("base", HeapWeight.of(logits(base.model(), ids, time, kernels)));
    logits.put("adapted", HeapWeight.of(logits(tuned, ids, time, kernels)));
    if (method.merges())
      logits.put("merged", HeapWeight.of(logits(Attach.merge(tuned, kernels), ids, time, kernels)));
    SafetensorsWriter.write(out.resolve("logits.safetensors"), logits, null, Map.of());
  }

  private static Tensor logits(TransformerModel model, int[] ids, int time, Kernels kernels) {
    Pass pass = Pass.of(Tape.evaluating(kernels, new Workspace()), 2, time);
    Tensor all = model.logits(pass, model.hidden(pass, ids), 0, 2 * time);
    return Tensor.of(all.shape(), all.toArray());
  }
}
