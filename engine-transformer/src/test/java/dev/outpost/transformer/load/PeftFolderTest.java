package dev.outpost.transformer.load;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.Tape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.Checkpoint;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.io.SafetensorsWriter;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.weight.HeapWeight;
import dev.outpost.tensor.weight.Weight;
import dev.outpost.transformer.Golden;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.BottleneckConfig;
import dev.outpost.transformer.peft.Ia3Config;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.peft.LoraUpdates;
import dev.outpost.transformer.peft.PeftMethod;
import dev.outpost.transformer.peft.PrefixConfig;
import dev.outpost.transformer.peft.PromptConfig;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Held to adapters that peft wrote, with its logits: {@code make_peft_goldens.py}. */
class PeftFolderTest {
  /** Of the largest logit: sums of f32 in another order. */
  private static final double BOUND = 1e-5;

  @TempDir private Path temporary;

  private static Path resource(String name) {
    try {
      return Path.of(Golden.class.getResource(name).toURI());
    } catch (URISyntaxException e) {
      throw new AssertionError(e);
    }
  }

  private static ModelFolder base(String name) throws IOException {
    return ModelFolder.open(resource("golden/" + name));
  }

  @ParameterizedTest
  @CsvSource({
    "llama-ranks, llama-grouped-f32",
    "llama-rslora, llama-grouped-f32",
    "gpt2, tied-f32",
    "llama-dora, llama-grouped-f32",
    "opt-dora, opt-before-f32",
    "gpt2-dora, tied-f32"
  })
  void peftsLogitsUnmergedAndMergedAndOnceMoreFromOurFolder(String adapter, String base)
      throws IOException {
    Path theirs = resource("peft/" + adapter);
    Path ours = temporary.resolve("ours");
    try (ModelFolder f = base(base);
        Checkpoint expected = Checkpoint.ofFile(theirs.resolve("expected.safetensors"))) {
      LoraUpdates read = PeftFolder.read(theirs, f.config());
      TransformerModel attached = read.attach(f.model());
      close(attached, expected.weight("logits").toTensor());
      close(Attach.merge(attached, Kernels.scalar()), expected.weight("merged").toTensor());

      PeftFolder.write(ours, LoraUpdates.of(attached), base, f.config(), f.model().spec());
      LoraUpdates again = PeftFolder.read(ours, f.config());
      assertThat(again.updates().keySet())
          .containsExactlyInAnyOrderElementsOf(read.updates().keySet());
      read.updates()
          .forEach((path, u) -> {
            LoraUpdates.Update v = again.updates().get(path);
            assertThat(v.scale()).as(path).isEqualTo(u.scale());
            assertThat(v.magnitude() == null).isEqualTo(u.magnitude() == null);
            if (u.magnitude() != null)
              assertThat(v.magnitude().toTensor().toArray())
                  .isEqualTo(u.magnitude().toTensor().toArray());
            assertThat(v.b().toTensor().toArray()).isEqualTo(u.b().toTensor().toArray());
            assertThat(v.a().toTensor().toArray()).isEqualTo(u.a().toTensor().toArray());
          });
    }
  }

  @ParameterizedTest
  @CsvSource({
    "llama-ia3, llama-grouped-f32",
    "opt-ia3, opt-before-f32",
    "gpt2-ia3, tied-f32",
    "llama-prompt, llama-grouped-f32",
    "opt-prompt, opt-before-f32",
    "gpt2-prompt, tied-f32",
    "llama-prefix, llama-grouped-f32"
  })
  void peftsLogitsOfFactorsPromptsAndPrefixesAndTheirNumbersInOurFolder(String adapter, String base)
      throws IOException {
    Path theirs = resource("peft/" + adapter);
    Path ours = temporary.resolve("ours");
    try (ModelFolder f = base(base);
        Checkpoint expected = Checkpoint.ofFile(theirs.resolve("expected.safetensors"))) {
      TransformerModel attached = PeftFolder.attach(theirs, f.config(), f.model());
      close(attached, expected.weight("logits").toTensor());
      if (adapter.endsWith("ia3"))
        close(Attach.merge(attached, Kernels.scalar()), expected.weight("merged").toTensor());

      PeftFolder.write(ours, attached, base, f.config());
      JsonObject said = JsonObject.read(theirs.resolve(PeftFolder.CONFIG));
      JsonObject says = PeftFolder.config(ours);
      Set<String> shape =
          Set.of(
              "peft_type",
              "task_type",
              "num_virtual_tokens",
              "token_dim",
              "num_layers",
              "num_attention_heads",
              "num_transformer_submodules",
              "fan_in_fan_out");
      for (String field : shape)
        assertThat(says.value(field)).as(field).isEqualTo(said.value(field));
      try (Checkpoint was = Checkpoint.ofFile(PeftFolder.weights(theirs));
          Checkpoint is = Checkpoint.ofFile(PeftFolder.weights(ours))) {
        assertThat(is.names()).isEqualTo(was.names());
        for (String name : was.names()) {
          Tensor want = was.weight(name).toTensor();
          Tensor got = is.weight(name).toTensor();
          assertThat(got.shape()).as(name).isEqualTo(want.shape());
          // A prefix was turned back and forth.
          for (int i = 0; i < want.size(); i++)
            assertThat(got.get(i)).as(name).isCloseTo(want.get(i), within(1e-6f));
        }
      }
    }
  }

  @Test
  void whatPeftComputesOtherwiseIsNotWritten() throws IOException {
    refusesToWrite("tied-f32", new PrefixConfig(2), "positions of a gpt2 do more");
    refusesToWrite("bloom-f32", new PrefixConfig(2), "positions of a bloom do more");
    refusesToWrite("mistral-window-f32", new PrefixConfig(2), "positions of a mistral do more");
    refusesToWrite("gemma-bf16", new PromptConfig(2), "scales or widens");
    refusesToWrite("tied-f32", BottleneckConfig.of(2), "peft: has no bottleneck");
    refusesToWrite("tied-f32", new PeftMethod.BitFit(), "the model carries none");
    try (ModelFolder f = base("llama-grouped-f32")) {
      TransformerModel some = Attach.attach(f.model(), Set.of("blocks.0"), new PrefixConfig(2), 1);
      assertThatThrownBy(() -> PeftFolder.write(temporary.resolve("x"), some, "b", f.config()))
          .hasMessageContaining("blocks.1 carries none");
      TransformerModel two = Attach.attach(some, Set.of("blocks.0"), Ia3Config.PAPER, 1);
      assertThatThrownBy(() -> PeftFolder.write(temporary.resolve("x"), two, "b", f.config()))
          .hasMessageContaining("several methods: [ia3, prefix]");
    }
    assertThat(temporary.resolve("x")).doesNotExist();
  }

  private void refusesToWrite(String base, PeftMethod method, String message) throws IOException {
    try (ModelFolder f = base(base)) {
      Set<String> all = f.model().slots().stream().map(Slot::name).collect(Collectors.toSet());
      TransformerModel tuned = Attach.attach(f.model(), all, method, 1);
      assertThatThrownBy(() -> PeftFolder.write(temporary.resolve("x"), tuned, base, f.config()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining(message);
    }
  }

  @Test
  void aPrefixThatDoesNotFitIsRefused() throws IOException {
    Path theirs = resource("peft/llama-prefix");
    for (String other : List.of("tied-f32", "qwen3-f32")) {
      try (ModelFolder f = base(other)) {
        assertThatThrownBy(() -> PeftFolder.attach(theirs, f.config(), f.model()))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining(other.startsWith("tied") ? "do more" : "does not fit");
      }
    }
    Path folder = Files.createDirectory(temporary.resolve("nan"));
    Files.copy(theirs.resolve(PeftFolder.CONFIG), folder.resolve(PeftFolder.CONFIG));
    Tensor nan = Tensor.zeros(5, 72);
    nan.data()[3] = Float.NaN;
    SafetensorsWriter.write(
        folder.resolve("adapter_model.safetensors"),
        Map.of("prompt_embeddings", HeapWeight.of(nan)),
        null,
        Map.of());
    try (ModelFolder f = base("llama-grouped-f32")) {
      assertThatThrownBy(() -> PeftFolder.attach(folder, f.config(), f.model()))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("NaN");
    }
  }

  @ParameterizedTest
  @CsvSource({"llama, llama-grouped-f32", "opt, opt-before-f32", "gpt2, tied-f32"})
  void asManyNumbersAreTrainedAsPeftTrains(String kind, String base) throws IOException {
    JsonObject counts = JsonObject.read(resource("peft/counts.json")).object("counts").object(kind);
    Map<String, PeftMethod> methods =
        Map.of(
            "lora", new LoraConfig(4, 6, 0, LoraConfig.ALL_PROJECTIONS),
            "rslora", new LoraConfig(4, 6, 0, LoraConfig.ALL_PROJECTIONS, true, false),
            "dora", new LoraConfig(4, 6, 0, LoraConfig.ALL_PROJECTIONS, false, true),
            "ia3", Ia3Config.PAPER,
            "prefix", new PrefixConfig(5),
            "prompt", new PromptConfig(5));
    assertThat(counts.names()).isEqualTo(methods.keySet());
    try (ModelFolder f = base(base)) {
      Set<String> all = f.model().slots().stream().map(Slot::name).collect(Collectors.toSet());
      for (String name : counts.names())
        assertThat(Attach.attach(f.model(), all, methods.get(name), 1).count(true))
            .as(name)
            .isEqualTo(counts.integer(name));
    }
  }

  private static void close(TransformerModel model, Tensor want) {
    int[] ids = {1, 5, 2, 9, 3, 3, 7};
    Pass pass = Pass.of(Tape.evaluating(Kernels.scalar(), new Workspace()), 1, ids.length);
    Tensor got = model.logits(pass, model.hidden(pass, ids), 0, ids.length);
    double largest = 0;
    double far = 0;
    for (int i = 0; i < want.size(); i++) {
      largest = Math.max(largest, Math.abs(want.get(i)));
      far = Math.max(far, Math.abs((double) got.get(i) - want.get(i)));
    }
    assertThat(far).isLessThanOrEqualTo(BOUND * largest);
  }

  @Test
  void whatPeftWouldComputeOtherwiseIsRefusedByItsField() throws IOException {
    refuses("peft_type", "LOHA", "only LORA");
    refuses("use_dora", true, "lora_magnitude_vector, which use_dora");
    refuses("bias", "lora_only", "only none");
    refuses("modules_to_save", List.of("lm_head"), "merge it with peft");
    refuses("layer_replication", List.of(List.of(0, 1)), "layer_replication");
    refuses("init_lora_weights", "pissa", "changes the base");
    refuses("r", 0, "field r");
    refuses("r", 77, "has rank");
    refuses("lora_alpha", -1, "must be positive");
    refuses("alpha_pattern", Map.of("(a+)+", 3), "the expression");
    refuses("alpha_pattern", Map.of("q_proj", "x"), "q_proj");
    refuses("rank_pattern", List.of(), "rank_pattern");
  }

  private void refuses(String field, Object value, String message) throws IOException {
    Path folder = copy();
    JsonObject c = JsonObject.read(folder.resolve(PeftFolder.CONFIG));
    c.put(field, value).write(folder.resolve(PeftFolder.CONFIG));
    fails(folder, message);
  }

  @Test
  void tensorsThatAreNoAdapterOfTheBaseAreRefused() throws IOException {
    String q = "base_model.model.model.layers.0.self_attn.q_proj";
    String a = q + ".lora_A.weight";
    String b = q + ".lora_B.weight";
    HeapWeight four = HeapWeight.of(Tensor.zeros(4, 24));
    HeapWeight out = HeapWeight.of(Tensor.zeros(24, 4));
    HeapWeight nan = HeapWeight.of(Tensor.zeros(4, 24));
    nan.tensor().data()[7] = Float.NaN;
    fails(with(Map.of()), "holds no LoRA tensor");
    fails(with(Map.of(a, four)), "but no " + b);
    fails(with(Map.of(b, out)), "holds no LoRA tensor");
    fails(with(Map.of(a, four, b, HeapWeight.of(Tensor.zeros(24, 3)))), "does not follow");
    fails(with(Map.of(a, HeapWeight.of(Tensor.zeros(96)), b, out)), "must be a matrix");
    fails(with(Map.of(a, nan, b, out)), "holds NaN");
    fails(with(Map.of(a, four, b, out, "x", out)), "tensor x is no part of a LoRA");
    String deep = q.replace("layers.0", "layers.00000000001") + ".lora_A.weight";
    fails(with(Map.of(deep, four)), "belongs to no projection");
    fails(with(Map.of(q + ".lora_magnitude_vector", out)), "is no part of a LoRA");
    String head = "base_model.model.lm_head.lora_A.weight";
    fails(with(Map.of(head, four)), "belongs to no projection");
    Path none = copy();
    Files.delete(none.resolve("adapter_model.safetensors"));
    fails(none, "safe_serialization");

    Map<String, Weight> wide = Map.of(a, HeapWeight.of(Tensor.zeros(4, 25)), b, out);
    String far = q.replace("layers.0", "layers.9");
    Map<String, Weight> beyond = Map.of(far + ".lora_A.weight", four, far + ".lora_B.weight", out);
    try (ModelFolder f = base("llama-grouped-f32")) {
      LoraUpdates misfit = PeftFolder.read(with(wide), f.config());
      assertThatThrownBy(() -> misfit.attach(f.model())).hasMessageContaining("24 by 25");
      LoraUpdates lost = PeftFolder.read(with(beyond), f.config());
      assertThatThrownBy(() -> lost.attach(f.model()))
          .hasMessageContaining("no projections [blocks.9.attn.q]");
    }
  }

  private Path with(Map<String, ? extends Weight> tensors) throws IOException {
    Path folder = copy();
    SafetensorsWriter.write(
        folder.resolve("adapter_model.safetensors"), new LinkedHashMap<>(tensors), null, Map.of());
    return folder;
  }

  private Path copy() throws IOException {
    Path folder = Files.createTempDirectory(temporary, "adapter");
    for (String name : List.of(PeftFolder.CONFIG, "adapter_model.safetensors"))
      Files.copy(resource("peft/llama-ranks").resolve(name), folder.resolve(name));
    return folder;
  }

  private static void fails(Path folder, String message) throws IOException {
    try (ModelFolder f = base("llama-grouped-f32")) {
      assertThatThrownBy(() -> PeftFolder.read(folder, f.config()))
          .isInstanceOf(FormatException.class)
          .hasMessageStartingWith(folder.toString())
          .hasMessageContaining(message);
    }
  }
}
