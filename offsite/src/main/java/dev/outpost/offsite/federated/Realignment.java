package dev.outpost.offsite.federated;

import dev.outpost.offsite.artifact.AdapterArtifact;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.artifact.PlugIn;
import dev.outpost.offsite.emulator.Draft;
import dev.outpost.offsite.emulator.Realign;
import dev.outpost.offsite.emulator.StoppedException;
import dev.outpost.offsite.emulator.Workshop;
import dev.outpost.offsite.split.Split;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TransformerModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * FedBiOT's rounds (Wu et al. 2024): before each but the first, every emulator is aligned anew, on
 * public text, to the full model with the adapter as it stands. Each round begins with the package
 * of the round before.
 *
 * @param full the owner's model
 * @param realign how
 * @param shop with public text
 * @param folder where the packages of the rounds go; those of a round are kept until the next is
 *     whole
 */
public record Realignment(TransformerModel full, Realign realign, Workshop shop, Path folder)
    implements EmulatorSource {
  private static final Set<String> WRITTEN =
      Set.of("model.safetensors", "manifest.json", "config.json", "manifest.sig");

  @Override
  public Emulators before(int round, AdapterArtifact adapter, Emulators original)
      throws IOException {
    if (round == 1) return original;
    Map<String, Path> folders = new TreeMap<>();
    for (String name : original.folders().keySet()) {
      Path from = round == 2 ? original.folder(name) : of(round - 1).resolve(name);
      Path to = of(round).resolve(name);
      if (!Files.exists(to.resolve("manifest.json"))) align(round, adapter, from, to);
      folders.put(name, to);
    }
    return Emulators.open(folders);
  }

  private Path of(int round) {
    return folder.resolve("%06d".formatted(round));
  }

  private void align(int round, AdapterArtifact adapter, Path from, Path to) throws IOException {
    try (OffsitePackage pack = OffsitePackage.open(from)) {
      Split split = new Split(full.slots(), slots(full, pack.adapterSlots()));
      List<Slot> middle =
          pack.model().slots().stream()
              .filter(s -> !split.adapterSlots().contains(s.name()))
              .toList();
      TransformerModel current = PlugIn.apply(full, pack.base(), adapter);
      // As in the paper's code the alignments count from 0.
      Draft aligned = realign.round(new Draft(full, split, middle), current, round - 2, shop);
      Files.createDirectories(to);
      for (String name : Emulators.names(from))
        if (!WRITTEN.contains(name))
          Files.copy(from.resolve(name), to.resolve(name), StandardCopyOption.REPLACE_EXISTING);
      JsonObject recipe = pack.recipe();
      recipe.put("realigned_before_round", round).put("realign", realign.describe());
      OffsitePackage.write(
          to, aligned.model(), pack.adapterSlots(), pack.base(), pack.config(), recipe, null);
    } catch (PlugIn.RefusedException e) {
      throw new FormatException(
          from + ": the round's adapter does not fit the full model: " + e.getMessage(), e);
    } catch (StoppedException e) {
      throw new IOException("realignment: stopped before round " + round, e);
    }
  }

  /** The adapter's blocks; a classifier's matrix is no block. */
  private static Set<String> slots(TransformerModel full, Set<String> adapter) {
    Set<String> blocks = new java.util.LinkedHashSet<>();
    for (Slot s : full.slots()) if (adapter.contains(s.name())) blocks.add(s.name());
    return blocks;
  }
}
