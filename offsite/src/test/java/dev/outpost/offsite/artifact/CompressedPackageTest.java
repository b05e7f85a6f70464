package dev.outpost.offsite.artifact;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.Tape;
import dev.outpost.offsite.emulator.Draft;
import dev.outpost.offsite.emulator.EmulatorRecipe;
import dev.outpost.offsite.emulator.EmulatorSteps;
import dev.outpost.offsite.emulator.StepSettings;
import dev.outpost.offsite.emulator.Workshop;
import dev.outpost.offsite.tune.AdapterTuning;
import dev.outpost.tensor.DType;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.io.SafetensorsFile;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.MappedWeight;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.module.Parameter;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.module.Rewriter;
import dev.outpost.transformer.peft.PeftMethod;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.TrainingPlan;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Packages whose middle is stored in fewer numbers, or in fewer bits. */
class CompressedPackageTest {
  private static final Kernels KERNELS = TinyModels.best();
  private static final Blocks TEXT = Blocks.of(TinyModels.tokens(96, 23, 5), 12);

  /** Rows of whole blocks of 32. */
  private final TransformerModel full =
      TinyModels.random(Gpt2.spec(23, 24, 32, 4, 2, 128, UnaryMap.GELU_TANH, 1e-5f, true), 3);

  @TempDir Path folder;

  private Draft made(String... steps) throws Exception {
    EmulatorRecipe recipe = EmulatorRecipe.parse("1-1");
    for (String step : steps) recipe = recipe.then(EmulatorSteps.read(StepSettings.parse(step)));
    return recipe.make(full, Workshop.of(KERNELS, 7));
  }

  private Path write(String name, TransformerModel emulated, @Nullable DType dtype)
      throws Exception {
    Path to = folder.resolve(name);
    OffsitePackage.write(
        to,
        emulated,
        made().split().adapterSlots(),
        BaseFingerprint.of(full),
        new Gpt2().write(full.spec(), 0),
        JsonObject.create(),
        dtype);
    return to;
  }

  private static float[] logits(TransformerModel model) {
    int[] ids = TinyModels.tokens(24, 23, 8);
    Pass pass = Pass.of(Tape.evaluating(KERNELS, new Workspace()), 1, ids.length);
    return model.logits(pass, model.hidden(pass, ids), 0, ids.length).toArray();
  }

  private static boolean middle(String name) {
    return name.startsWith("blocks.1.") || name.startsWith("blocks.2.");
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"Q8_0", "Q4_0"})
  void blocksAreStoredAndUsedAsTheyAre(DType type) throws Exception {
    TransformerModel emulator =
        made("quantize:type=" + type.name().toLowerCase(Locale.ROOT)).model();
    Path plain = write("plain", made().model(), null);
    for (@Nullable DType others : new @Nullable DType[] {null, DType.F16}) {
      Path pack = write("pack" + others, emulator, others);
      long[] saved = new long[1];
      try (OffsitePackage p = OffsitePackage.open(pack)) {
        p.model()
            .visit((name, q) -> {
              boolean matrix = q.shape().rank() == 2;
              if (matrix && middle(name)) {
                assertThat(q.weight()).as(name).isInstanceOf(MappedWeight.class);
                assertThat(q.weight().dtype()).as(name).isEqualTo(type);
                saved[0] += 4L * q.shape().size() - type.byteSize(q.shape().size());
              } else if (matrix)
                assertThat(q.weight().dtype())
                    .as(name)
                    .isEqualTo(others == null ? DType.F32 : others);
            });
        if (others == null) assertThat(logits(p.model())).isEqualTo(logits(emulator));
      }
      if (others == null) assertThat(tensorBytes(pack)).isEqualTo(tensorBytes(plain) - saved[0]);
    }
  }

  private static long tensorBytes(Path pack) throws Exception {
    long bytes = 0;
    try (SafetensorsFile f = SafetensorsFile.open(pack.resolve("model.safetensors"))) {
      for (String name : f.names()) bytes += f.segment(name).byteSize();
    }
    return bytes;
  }

  /** The way back through frozen blocks is that through the numbers they stand for. */
  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"Q8_0", "Q4_0"})
  void tuningThroughBlocksIsTuningThroughTheirNumbers(DType type) throws Exception {
    TransformerModel emulator =
        made("rank-compress:ratio=0.25", "quantize:type=" + type.name().toLowerCase(Locale.ROOT))
            .model();
    TransformerModel expanded =
        emulator.rewrite(
            new Rewriter() {
              @Override
              public Parameter parameter(String path, Parameter p) {
                return Parameter.frozen(HeapWeight.of(p.weight().toTensor()));
              }
            });
    Map<String, HeapWeight> blocks = tuned(write("blocks", emulator, null));
    Map<String, HeapWeight> numbers = tuned(write("numbers", expanded, null));
    assertThat(blocks.keySet()).isEqualTo(numbers.keySet());
    blocks.forEach((name, w) -> {
      Tensor other = numbers.get(name).tensor();
      Tensor start = full.parameters().get(name).weight().toTensor();
      double moved = Math.sqrt(KERNELS.sumSquaredDifference(w.tensor(), start));
      double apart = Math.sqrt(KERNELS.sumSquaredDifference(w.tensor(), other));
      assertThat(apart).as(name).isCloseTo(0, within(1e-3 * moved));
    });
  }

  private static Map<String, HeapWeight> tuned(Path pack) throws Exception {
    try (OffsitePackage p = OffsitePackage.open(pack)) {
      AdapterTuning tuning = AdapterTuning.of(p, new PeftMethod.Full(), 1);
      // One step of plain descent would do; AdamW's first is the sign of the gradient.
      tuning.trainer(TEXT, null, TrainingPlan.of(1, 2, 1e-2f, 1), KERNELS).run(Progress.SILENT);
      return tuning.artifact(JsonObject.create()).tensors();
    }
  }

  @Test
  void aManifestThatLiesIsRefused() throws Exception {
    Path pack =
        write("pack", made("rank-compress:rank=4", "quantize:type=q8_0,targets=mlp").model(), null);
    Path manifest = pack.resolve("manifest.json");
    String good = Files.readString(manifest);
    for (String[] lie :
        new String[][] {
          {"\"attn.q\" : 4", "\"attn.q\" : 5", "blocks.1.attn.q.low_in.weight", "[5, 32]"},
          {"\"attn.q\" : 4", "\"attn.q\" : 0", "attn.q", "between 1"},
          {"\"attn.q\" : 4", "\"attn.q\" : 1000000", "attn.q", "between 1"},
          {"\"attn.q\" : 4", "\"attn.q\" : \"4\"", "attn.q", "integer"},
          {"\"attn.q\" : 4", "\"attn.z\" : 4", "blocks.1.attn.q.weight", "no tensor"},
          {"\"attn.q\" : 4,", "\"attn.q\" : 4, \"norm1\" : 2,", "norm1", "no projections"},
          {"[ \"attn\" ]", "[ \"mlp\" ]", "separate", "mlp"},
          {"[ \"attn\" ]", "[ \"head\" ]", "separate", "head"},
          {"[ \"attn\" ]", "[ ]", "blocks.1.attn.qkv.weight", "no tensor"},
          {"\"kind\" : \"block\"", "\"kind\" : \"brick\"", "kind", "brick"},
          {"\"Q8_0\"", "\"Q9_9\"", "block_types", "Q9_9"},
          {"\"Q8_0\"", "\"F32\"", "block_types", "F32"},
          {"\"Q8_0\"", "\"Q4_K\"", "mlp.", "Q4_K"},
          {"\"Q8_0\"", "\"Q4_0\"", "mlp.", "Q4_0"},
          {"\"Q8_0\"", "7", "mlp.", "string"},
          {"\"blocks.1.mlp.up.weight\"", "\"blocks.7.mlp.up.weight\"", "blocks.7", "no tensor"}
        }) {
      assertThat(good).contains(lie[0]);
      Files.writeString(manifest, good.replaceFirst(java.util.regex.Pattern.quote(lie[0]), lie[1]));
      assertThatThrownBy(() -> OffsitePackage.open(pack))
          .as(lie[1])
          .isInstanceOf(FormatException.class)
          .hasMessageContaining(lie[2])
          .hasMessageContaining(lie[3]);
    }
    Files.writeString(manifest, good);
    OffsitePackage.open(pack).close();
  }
}
