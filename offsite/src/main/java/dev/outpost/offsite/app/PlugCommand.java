package dev.outpost.offsite.app;

import dev.outpost.tensor.DType;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.load.Companions;
import dev.outpost.transformer.load.ModelFolder;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;
import picocli.CommandLine;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code outpost plug}: the adapter comes home. */
@CommandLine.Command(
    name = "plug",
    description = {
      "Owner: put a tuned adapter into the full model.",
      "Checks fingerprint, names and shapes first; lora, dora and ia3 are merged. Bottlenecks, prefixes and prompts cannot be: generate and evaluate take them as --adapter. Writes a Hugging Face folder."
    },
    footer = {"", "Example: outpost plug --model owner/model --adapter adapter --out tuned"})
final class PlugCommand extends Command {
  @Option(
      names = "--model",
      required = true,
      paramLabel = "DIR",
      description = "The full model the package was made from.")
  Path model;

  @Option(
      names = "--adapter",
      required = true,
      paramLabel = "DIR",
      description = "The adapter from the data owner, or a LoRA folder of the peft package.")
  Path adapter;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "Folder for the tuned model.")
  Path out;

  @Option(
      names = "--dtype",
      paramLabel = "TYPE",
      converter = PlainType.class,
      completionCandidates = PlainType.class,
      description =
          "Store the model as ${COMPLETION-CANDIDATES}. Default: as the base, tuned tensors and GGUF's block types in F32.")
  DType dtype;

  @Mixin SealOptions.Verifying seal;

  @Mixin DeviceOptions device;

  PlugCommand(Interruption interruption) {
    super(interruption);
  }

  @Override
  Optional<DeviceOptions> device() {
    return Optional.of(device);
  }

  @Override
  int run(Console console, Kernels kernels) throws Exception {
    model = ModelOptions.located(model);
    OutputFolder.of(out, OutputFolder.Kind.MODEL, model, adapter);
    seal.check(adapter);
    try (ModelFolder folder = ModelFolder.open(model)) {
      TransformerModel attached = Adapters.into(folder, adapter);
      Set<String> changed = Adapters.changed(folder.model(), attached);
      TransformerModel plugged = Adapters.plain(attached, kernels);
      PlainType.noteBlocks(console, plugged, dtype);
      Companions.copy(model, out);
      ModelFolder.write(out, plugged, folder.config(), dtype);
      console.say(
          "tuned model written to "
              + out
              + ": "
              + changed.size()
              + " tensors of "
              + slots(changed)
              + " replaced");
      console.emit(
          JsonObject.create()
              .put("event", "result")
              .put("model", out.toString())
              .put("tensors", changed.size()));
      return ExitCode.OK;
    }
  }

  /** The slots of these parameters. */
  private static Set<String> slots(Set<String> names) {
    Set<String> slots = new LinkedHashSet<>();
    for (String name : names) slots.add(name.replaceFirst("^(blocks\\.\\d+)\\..*", "$1"));
    return slots;
  }
}
