package dev.outpost.offsite.artifact;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.optim.Schedule;
import dev.outpost.offsite.emulator.EmulatorRecipe;
import dev.outpost.offsite.emulator.Workshop;
import dev.outpost.offsite.tune.AdapterTuning;
import dev.outpost.tensor.DType;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.transformer.Golden;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.peft.PeftMethod;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.TrainingPlan;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Package out, adapter back, plug-in: what travels between the parties, and what is refused. */
class ArtifactsTest {
  private static final Set<String> SLOTS = Set.of("blocks.0", "blocks.5");
  private static final JsonObject NOTHING = JsonObject.create();
  private static final int[] IDS = TinyModels.tokens(10, 23, 4);
  private static final TransformerModel FULL = TinyModels.random(6, 3);
  private static final EmulatorRecipe RECIPE = EmulatorRecipe.parse("1-2-1");
  private static final BaseFingerprint BASE = BaseFingerprint.of(FULL);

  private final Kernels kernels = TinyModels.best();
  @TempDir private Path temporary;
  private Path packed;
  private Path adapter;

  @BeforeEach
  void pack() throws Exception {
    packed = Files.createDirectories(temporary.resolve("package"));
    adapter = Files.createDirectories(temporary.resolve("adapter"));
    write(packed, RECIPE.make(FULL, Workshop.of(TinyModels.best(), 1)).model(), null);
  }

  private static void write(Path to, TransformerModel emulated, DType dtype) throws Exception {
    OffsitePackage.write(
        to,
        emulated,
        RECIPE.split().of(FULL).adapterSlots(),
        BASE,
        new Gpt2().write(FULL.spec(), 0),
        RECIPE.describe(),
        dtype);
  }

  @Nested
  class ThePackage {
    @Test
    void comesBackAsItWasSent() throws Exception {
      try (OffsitePackage p = OffsitePackage.open(packed)) {
        assertSameNumbers(p.model(), RECIPE.make(FULL, Workshop.of(TinyModels.best(), 1)).model());
        assertThat(p.model().slots())
            .extracting(Slot::name)
            .containsExactly("blocks.0", "blocks.1", "blocks.4", "blocks.5");
        assertThat(p.adapterSlots()).containsExactly("blocks.0", "blocks.5");
        assertThat(p.base()).isEqualTo(BASE);
        assertThat(p.recipe().string("split")).isEqualTo("1-1");
        assertThat(p.model().spec()).isEqualTo(FULL.spec());
        assertThat(p.model().count(true)).isZero();
        assertThat(p.model().embeddings().token().weight()).isInstanceOf(MappedWeight.class);
      }
    }

    @Test
    void holdsNothingOfTheDroppedBlocks() throws Exception {
      try (OffsitePackage p = OffsitePackage.open(packed)) {
        assertThat(p.model().parameters().keySet())
            .noneMatch(n -> n.startsWith("blocks.2.") || n.startsWith("blocks.3."));
      }
      long model = 4L * RECIPE.make(FULL, Workshop.of(TinyModels.best(), 1)).model().count(false);
      assertThat(Files.size(packed.resolve("model.safetensors"))).isBetween(model, model + 8000);
    }

    @Test
    void keepingAllBlocksUntrainedIsTheFullModel() throws Exception {
      Path all = temporary.resolve("all");
      write(
          all,
          EmulatorRecipe.parse("1-4-1").make(FULL, Workshop.of(TinyModels.best(), 1)).model(),
          null);
      try (OffsitePackage p = OffsitePackage.open(all)) {
        assertThat(scores(p.model())).isEqualTo(scores(FULL));
        assertThat(BaseFingerprint.of(p.model())).isEqualTo(BASE);
      }
    }

    @Test
    void mayBeStoredInHalfTheBytes() throws Exception {
      Path half = temporary.resolve("half");
      write(half, RECIPE.make(FULL, Workshop.of(TinyModels.best(), 1)).model(), DType.BF16);
      assertThat(Files.size(half.resolve("model.safetensors")))
          .isLessThan(Files.size(packed.resolve("model.safetensors")) * 6 / 10);
      try (OffsitePackage p = OffsitePackage.open(half)) {
        assertThat(p.base()).isEqualTo(BASE);
        assertThat(p.model().embeddings().token().weight().dtype()).isEqualTo(DType.BF16);
      }
    }

    @Test
    void damagedIsRefused() throws Exception {
      flipLastByte(packed.resolve("model.safetensors"));
      refused("model.safetensors", "SHA-256", "changed or damaged");
    }

    @Test
    void withAnotherConfigIsRefused() throws Exception {
      // Four heads instead of two: every shape still fits.
      new Gpt2().write(FULL.spec(), 0).put("n_head", 4).write(packed.resolve("config.json"));
      refused("config.json", "SHA-256", "changed or damaged");
    }

    @Test
    void incompleteIsRefused() throws Exception {
      Files.delete(packed.resolve("model.safetensors"));
      refused("model.safetensors: no such file");
      Files.delete(packed.resolve("manifest.json"));
      refused("manifest.json: no such file");
    }

    @Test
    void ofAnotherVersionOrKindIsRefused() throws Exception {
      edit(packed, m -> m.put("version", 2));
      refused("manifest.json: field version is 2", "version 1");
      edit(packed, m -> m.put("version", 1).put("format", "outpost-adapter"));
      refused("field format", "outpost-adapter", "outpost-package");
    }

    @Test
    void withSlotsThatAreNotTheModelsIsRefused() throws Exception {
      edit(packed, m -> m.put("slots", List.of("blocks.0", "blocks.1", "blocks.4", "blocks.6")));
      refused("field slots", "blocks.6");
      edit(packed, m -> m.put("slots", List.of("blocks.0", "blocks.1", "blocks.1", "blocks.5")));
      refused("field slots", "distinct");
      edit(packed, m -> m.put("slots", List.of("blocks.0", "../../etc", "blocks.4", "blocks.5")));
      refused("field slots", "../../etc");
      edit(packed, m -> m.put("slots", List.of("blocks.0", "blocks.2", "blocks.4", "blocks.5")));
      refused("no tensor for parameter blocks.2.");
      edit(packed, m -> m.put("slots", List.of("blocks.0", "blocks.1", "blocks.5")));
      refused("no part of the package", "blocks.4.");
      edit(
          packed,
          m ->
              m.put("slots", List.of("blocks.0", "blocks.1", "blocks.4", "blocks.5"))
                  .put("adapter_slots", List.of("blocks.2")));
      refused("field adapter_slots", "blocks.2");
      edit(packed, m -> m.put("adapter_slots", List.of()));
      refused("field adapter_slots");
    }

    @Test
    void withoutAFingerprintIsRefused() throws Exception {
      edit(packed, m -> m.put("base_fingerprint", "short"));
      refused("field base_fingerprint", "64");
    }

    private void refused(String... parts) {
      assertThatThrownBy(() -> OffsitePackage.open(packed).close())
          .isInstanceOf(FormatException.class)
          .hasMessageContaining(packed.toString())
          .hasMessageContainingAll(parts);
    }
  }

  @Nested
  class TheAdapter {
    @Test
    void comesBackAsItWasSent() throws Exception {
      for (PeftMethod lora : List.of(new PeftMethod.Full(), LoraConfig.offsiteTuning())) {
        AdapterArtifact sent = tuned(lora, 2);
        sent.write(adapter);
        AdapterArtifact got = AdapterArtifact.read(adapter);
        assertThat(got.base()).isEqualTo(BASE);
        assertThat(got.slots()).isEqualTo(SLOTS);
        assertThat(got.method()).isEqualTo(lora);
        assertThat(got.tensors().keySet()).isEqualTo(sent.tensors().keySet());
        got.tensors()
            .forEach((name, w) ->
                assertThat(w.tensor().toArray())
                    .as(name)
                    .isEqualTo(sent.tensors().get(name).tensor().toArray()));
        assertThat(got.provenance().string("note")).isEqualTo("test");
      }
    }

    @Test
    void holdsOnlyWhatWasTuned() throws Exception {
      assertThat(tuned(new PeftMethod.Full(), 1).tensors().keySet())
          .hasSize(24)
          .allMatch(n -> n.startsWith("blocks.0.") || n.startsWith("blocks.5."));
      assertThat(tuned(LoraConfig.of(2), 1).tensors().keySet())
          .hasSize(16)
          .allMatch(n -> n.endsWith(".lora_a.weight") || n.endsWith(".lora_b.weight"));
    }

    @Test
    void damagedIsRefused() throws Exception {
      tuned(new PeftMethod.Full(), 1).write(adapter);
      flipLastByte(adapter.resolve("adapter.safetensors"));
      refused("adapter.safetensors", "SHA-256");
    }

    @Test
    void thatIsNotFiniteIsRefusedWithTheCure() throws Exception {
      for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
        AdapterArtifact a = tuned(new PeftMethod.Full(), 1);
        a.tensors().get("blocks.5.mlp.up.bias").tensor().data()[7] = bad;
        a.write(adapter);
        refused("blocks.5.mlp.up.bias", bad + " at element 7", "lower learning rate");
      }
    }

    @Test
    void ofAnotherVersionOrMethodIsRefused() throws Exception {
      tuned(LoraConfig.of(2), 1).write(adapter);
      edit(adapter, m -> m.put("version", 9));
      refused("field version is 9");
      edit(adapter, m -> m.put("version", 1).put("method", "lokr"));
      refused("field method", "lokr", "lora, dora, bottleneck");
      edit(
          adapter,
          m ->
              m.put("method", "lora")
                  .put(
                      "lora",
                      JsonObject.create().put("rank", 2).put("targets", List.of("attn.qkv"))));
      refused("alpha");
      edit(
          adapter,
          m ->
              m.put(
                  "lora",
                  JsonObject.create()
                      .put("rank", 0)
                      .put("alpha", 1)
                      .put("dropout", 0)
                      .put("targets", List.of("attn.qkv"))));
      refused("rank");
    }

    /** The fields of the first version, written by hand: they mean what they meant. */
    @Test
    void ofTheFirstVersionStaysReadable() throws Exception {
      tuned(LoraConfig.of(2), 1).write(adapter);
      JsonObject lora =
          JsonObject.create()
              .put("rank", 2)
              .put("alpha", 4.0)
              .put("dropout", 0.0)
              .put("targets", LoraConfig.ALL_PROJECTIONS);
      edit(adapter, m -> m.put("version", 1).put("method", "lora").put("lora", lora));
      assertThat(AdapterArtifact.read(adapter).method()).isEqualTo(LoraConfig.of(2));
      // What it did not know is not under a name that it would read otherwise.
      tuned(new LoraConfig(2, 4, 0, List.of("down"), true, false), 1).write(adapter);
      JsonObject stable = JsonObject.read(adapter.resolve("manifest.json")).object("lora");
      assertThat(stable.names()).contains("rank_stabilised_alpha").doesNotContain("alpha");
    }

    @Test
    void whoseNamesAreNotTheFilesIsRefused() throws Exception {
      tuned(new PeftMethod.Full(), 1).write(adapter);
      edit(adapter, m -> m.put("tensors", List.of("blocks.0.norm1.weight")));
      refused("field tensors");
    }

    private void refused(String... parts) {
      assertThatThrownBy(() -> AdapterArtifact.read(adapter))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining(adapter.toString())
          .hasMessageContainingAll(parts);
    }
  }

  @Nested
  class ThePlugIn {
    @Test
    void putsTheTunedNumbersInByNameAndSharesTheRest() throws Exception {
      AdapterArtifact artifact = tuned(new PeftMethod.Full(), 3);
      Map<String, float[]> before = TinyModels.numbers(FULL);
      TransformerModel plugged = PlugIn.apply(FULL, BASE, artifact);
      plugged
          .parameters()
          .forEach((name, p) -> {
            HeapWeight tunedWeight = artifact.tensors().get(name);
            if (tunedWeight == null)
              assertThat(p.weight()).as(name).isSameAs(FULL.parameters().get(name).weight());
            else
              assertThat(p.weight().toTensor().toArray())
                  .as(name)
                  .isEqualTo(tunedWeight.tensor().toArray())
                  .isNotEqualTo(before.get(name));
            assertThat(p.trainable()).isFalse();
          });
      TinyModels.numbers(FULL)
          .forEach((name, values) -> assertThat(values).as(name).isEqualTo(before.get(name)));
    }

    @Test
    void outAgainIsBitExact() throws Exception {
      AdapterArtifact original = adapterOf(FULL);
      TransformerModel plugged = PlugIn.apply(FULL, BASE, tuned(new PeftMethod.Full(), 2));
      assertThat(BaseFingerprint.of(plugged)).isNotEqualTo(BASE);
      TransformerModel unplugged = PlugIn.apply(plugged, BASE, original);
      assertThat(BaseFingerprint.of(unplugged)).isEqualTo(BASE);
      assertThat(scores(unplugged)).isEqualTo(scores(FULL));
    }

    @Test
    void ofAnUntrainedAdapterChangesNothing() throws Exception {
      TransformerModel plugged = PlugIn.apply(FULL, BASE, adapterOf(FULL));
      assertThat(BaseFingerprint.of(plugged)).isEqualTo(BASE);
      try (OffsitePackage p = OffsitePackage.open(packed)) {
        AdapterArtifact fresh = AdapterTuning.of(p, LoraConfig.of(2), 1).artifact(NOTHING);
        assertThat(scores(PlugIn.apply(FULL, BASE, fresh))).isEqualTo(scores(FULL));
      }
    }

    @Test
    void intoTheEmulatorIsTheTunedEmulator() throws Exception {
      for (PeftMethod lora : List.of(new PeftMethod.Full(), LoraConfig.of(3))) {
        try (OffsitePackage p = OffsitePackage.open(packed)) {
          AdapterTuning tuning = tuning(p, lora, 2);
          tuning.artifact(NOTHING).write(adapter);
          TransformerModel again = PlugIn.intoEmulator(p, AdapterArtifact.read(adapter));
          assertThat(scores(again)).isEqualTo(scores(tuning.model()));
        }
      }
    }

    @Test
    void ofLoraStaysAttachedUntilMerged() throws Exception {
      AdapterArtifact artifact = tuned(LoraConfig.of(3), 4);
      TransformerModel plugged = PlugIn.apply(FULL, BASE, artifact);
      Tensor attached = Tensor.of(dev.outpost.tensor.Shape.of(10, 23), scores(plugged));
      TransformerModel merged = Attach.merge(plugged, kernels);
      assertThat(merged.parameters().keySet()).isEqualTo(FULL.parameters().keySet());
      assertThat(Golden.far(Tensor.of(attached.shape(), scores(merged)), attached))
          .isLessThan(3e-6);
      assertThat(scores(plugged)).isNotEqualTo(scores(FULL));
    }

    @Test
    void ofAnotherBaseIsRefused() throws Exception {
      AdapterArtifact artifact = tuned(new PeftMethod.Full(), 1);
      BaseFingerprint other = BaseFingerprint.of(TinyModels.random(6, 4));
      assertThat(reasons(artifact, other))
          .singleElement()
          .asString()
          .contains(BASE.brief(), other.brief(), "made from");
    }

    @Test
    void isRefusedWithEveryReasonAtOnce() throws Exception {
      Map<String, HeapWeight> tensors =
          new LinkedHashMap<>(tuned(new PeftMethod.Full(), 1).tensors());
      tensors.remove("blocks.0.norm1.bias");
      tensors.put("blocks.5.mlp.up.bias", HeapWeight.of(Tensor.zeros(63)));
      tensors.put("blocks.5.mlp.gate.weight", HeapWeight.of(Tensor.zeros(2, 2)));
      tensors.put("blocks.3.norm1.bias", HeapWeight.of(Tensor.zeros(16)));
      tensors.put("embed.token.weight", HeapWeight.of(Tensor.zeros(23, 16)));
      AdapterArtifact bad = with(tensors, SLOTS);
      assertThat(reasons(bad, BaseFingerprint.of(TinyModels.random(6, 4))))
          .hasSize(6)
          .anyMatch(r -> r.contains("tuned for base"))
          .anyMatch(r -> r.contains("lacks blocks.0.norm1.bias"))
          .anyMatch(r ->
              r.contains("blocks.5.mlp.up.bias has shape [63] in the adapter, [64] in the model"))
          .anyMatch(r -> r.contains("no parameter named blocks.5.mlp.gate.weight"))
          .anyMatch(r -> r.contains("blocks.3.norm1.bias is outside"))
          .anyMatch(r -> r.contains("embed.token.weight is outside"));
    }

    @Test
    void withForeignSlotsIsRefused() throws Exception {
      Map<String, HeapWeight> tensors = tuned(new PeftMethod.Full(), 1).tensors();
      assertThat(reasons(with(tensors, Set.of("blocks.0", "blocks.5", "blocks.9")), BASE))
          .singleElement()
          .asString()
          .contains("blocks.9");
      AdapterArtifact lora = tuned(LoraConfig.of(2), 1);
      AdapterArtifact foreign =
          new AdapterArtifact(BASE, Set.of("blocks.9"), lora.method(), lora.tensors(), NOTHING);
      assertThat(reasons(foreign, BASE)).anyMatch(r -> r.contains("no slots named [blocks.9]"));
    }

    @Test
    void ofLoraThatFitsNothingIsRefused() throws Exception {
      AdapterArtifact lora = tuned(LoraConfig.of(2), 1);
      LoraConfig elsewhere = new LoraConfig(2, 4, 0, List.of("mlp.gate"));
      assertThat(
              reasons(new AdapterArtifact(BASE, SLOTS, elsewhere, lora.tensors(), NOTHING), BASE))
          .anyMatch(r -> r.contains("mlp.gate"));
      LoraConfig larger = LoraConfig.of(3);
      assertThat(reasons(new AdapterArtifact(BASE, SLOTS, larger, lora.tensors(), NOTHING), BASE))
          .hasSize(16)
          .allMatch(r -> r.contains("has shape"));
      TransformerModel carrying = Attach.lora(FULL, SLOTS, LoraConfig.of(2), 1);
      assertThatThrownBy(() -> PlugIn.apply(carrying, BASE, lora))
          .isInstanceOf(PlugIn.RefusedException.class)
          .hasMessageContaining("already carries LoRA");
    }

    @Test
    void ofAnotherPackagesAdapterIntoAnEmulatorIsRefused() throws Exception {
      AdapterArtifact a = tuned(new PeftMethod.Full(), 1);
      AdapterArtifact other =
          new AdapterArtifact(
              BaseFingerprint.of(TinyModels.random(6, 4)), SLOTS, a.method(), a.tensors(), NOTHING);
      try (OffsitePackage p = OffsitePackage.open(packed)) {
        assertThatThrownBy(() -> PlugIn.intoEmulator(p, other))
            .isInstanceOf(PlugIn.RefusedException.class)
            .hasMessageContaining("tuned for base");
      }
    }

    private List<String> reasons(AdapterArtifact artifact, BaseFingerprint base) {
      try {
        PlugIn.apply(FULL, base, artifact);
      } catch (PlugIn.RefusedException e) {
        assertThat(e).hasMessageContaining("plug-in refused: ");
        e.reasons().forEach(r -> assertThat(e).hasMessageContaining(r));
        return e.reasons();
      }
      throw new AssertionError("must be refused");
    }

    private AdapterArtifact with(Map<String, HeapWeight> tensors, Set<String> slots) {
      return new AdapterArtifact(BASE, slots, new PeftMethod.Full(), tensors, NOTHING);
    }

    private AdapterArtifact adapterOf(TransformerModel model) {
      TransformerModel t =
          model.trainable(n -> n.startsWith("blocks.0.") || n.startsWith("blocks.5."));
      return AdapterArtifact.of(t, BASE, SLOTS, new PeftMethod.Full(), NOTHING);
    }
  }

  private AdapterArtifact tuned(PeftMethod lora, int steps) throws Exception {
    try (OffsitePackage p = OffsitePackage.open(packed)) {
      return tuning(p, lora, steps).artifact(JsonObject.create().put("note", "test"));
    }
  }

  private AdapterTuning tuning(OffsitePackage p, PeftMethod lora, int steps) {
    AdapterTuning tuning = AdapterTuning.of(p, lora, 1);
    TrainingPlan plan =
        new TrainingPlan(steps, 2, 1, 0.02f, new Schedule.Constant(0), 0, 1, 0, 0, 1, false);
    tuning
        .trainer(Blocks.of(TinyModels.tokens(32, 23, 1), 8), null, plan, kernels)
        .run(Progress.SILENT);
    return tuning;
  }

  private float[] scores(TransformerModel model) {
    Pass pass = Pass.of(Tape.evaluating(kernels, new Workspace()), 1, IDS.length);
    return model.logits(pass, model.hidden(pass, IDS), 0, IDS.length).toArray();
  }

  private static void edit(Path folder, Consumer<JsonObject> change) throws Exception {
    Path file = folder.resolve("manifest.json");
    JsonObject m = JsonObject.read(file);
    change.accept(m);
    m.write(file);
  }

  private static void flipLastByte(Path file) throws Exception {
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length - 1] ^= 1;
    Files.write(file, bytes);
  }

  private static void assertSameNumbers(TransformerModel got, TransformerModel want) {
    Map<String, float[]> a = TinyModels.numbers(got);
    Map<String, float[]> b = TinyModels.numbers(want);
    assertThat(a.keySet()).isEqualTo(b.keySet());
    a.forEach((name, values) -> assertThat(values).as(name).isEqualTo(b.get(name)));
  }
}
