package dev.outpost.offsite.app;

import dev.outpost.offsite.artifact.AdapterArtifact;
import dev.outpost.offsite.artifact.BaseFingerprint;
import dev.outpost.offsite.artifact.OffsitePackage;
import dev.outpost.offsite.artifact.PlugIn;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.load.PeftFolder;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.peft.Attach;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/** Puts an adapter into a model: one of ours, or a folder that the peft package wrote. */
final class Adapters {
  private Adapters() {}

  /** Into a full model; what the adapter attaches stays so. */
  static TransformerModel into(ModelFolder base, Path adapter)
      throws IOException, PlugIn.RefusedException {
    TransformerModel m = base.model();
    return PeftFolder.is(adapter)
        ? peft(m, base.config(), adapter)
        : PlugIn.apply(m, BaseFingerprint.of(m), AdapterArtifact.read(adapter));
  }

  /** Into a package's own model. */
  static TransformerModel into(OffsitePackage pack, Path adapter)
      throws IOException, PlugIn.RefusedException {
    return PeftFolder.is(adapter)
        ? peft(pack.model(), pack.config(), adapter)
        : PlugIn.intoEmulator(pack, AdapterArtifact.read(adapter));
  }

  /** A model that a plain folder can hold; refuses what no weight computes. */
  static TransformerModel plain(TransformerModel attached, Kernels kernels) {
    TransformerModel merged = Attach.merge(attached, kernels);
    try {
      Attach.requirePlain("plug", merged);
    } catch (IllegalArgumentException e) {
      throw new BadInput(e.getMessage());
    }
    return merged;
  }

  /** Parameters of {@code attached} that its base has not, or has otherwise. */
  static Set<String> changed(TransformerModel base, TransformerModel attached) {
    Map<String, Parameter> was = base.parameters();
    Set<String> changed = new LinkedHashSet<>();
    attached.visit((name, p) -> {
      Parameter before = was.get(name);
      if (before == null || before.weight() != p.weight()) changed.add(name);
    });
    return changed;
  }

  private static TransformerModel peft(TransformerModel model, JsonObject config, Path adapter)
      throws IOException {
    try {
      return PeftFolder.attach(adapter, config, model);
    } catch (IllegalArgumentException e) {
      throw new BadInput("--adapter: " + adapter + ": " + e.getMessage());
    }
  }
}
