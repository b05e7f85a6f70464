package dev.outpost.transformer.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.autograd.Tape;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.transformer.Golden;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.load.NameTable;
import dev.outpost.transformer.module.KvCache;
import dev.outpost.transformer.module.Pass;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What holds for every family, on the checkpoints that Transformers saved. */
class FamiliesTest {
  @SuppressWarnings("unused") // named by FieldSource
  private static final List<String> GOLDENS = Golden.NAMES;

  @TempDir private Path temporary;

  @Test
  void eachFamilyHasAGolden() throws IOException {
    Set<String> seen = new TreeSet<>();
    for (String name : GOLDENS) seen.add(config(name).string("model_type"));
    assertThat(seen)
        .containsAll(
            Family.all().stream()
                .filter(f -> f.kind() == Family.Kind.DECODER)
                .map(Family::modelType)
                .toList());
  }

  @ParameterizedTest
  @FieldSource("GOLDENS")
  void whatItWritesItReadsBack(String name) throws IOException {
    JsonObject theirs = config(name);
    Family family = Family.of(theirs);
    Spec spec = family.read(theirs);
    JsonObject ours = JsonObject.parse("config.json", family.write(spec, 3).toText());
    assertThat(Family.of(ours).read(ours)).isEqualTo(spec);
  }

  /** With a config of our own making, every number comes back under its name. */
  @ParameterizedTest
  @FieldSource("GOLDENS")
  void aWrittenFolderHoldsTheSameModel(String name) throws IOException {
    Golden golden = Golden.unpack(name, temporary);
    try (ModelFolder source = ModelFolder.open(golden.folder())) {
      TransformerModel model = source.model();
      Path written = temporary.resolve("written");
      JsonObject config = Family.of(source.config()).write(model.spec(), 0);
      ModelFolder.write(written, model, config, null);
      try (ModelFolder again = ModelFolder.open(written)) {
        assertThat(again.model().spec()).isEqualTo(model.spec());
        assertThat(again.report().unused()).isEmpty();
        Map<String, float[]> want = TinyModels.numbers(model);
        Map<String, float[]> got = TinyModels.numbers(again.model());
        assertThat(got.keySet()).isEqualTo(want.keySet());
        want.forEach((parameter, numbers) ->
            assertThat(got.get(parameter)).as(parameter).isEqualTo(numbers));
      }
    }
  }

  @ParameterizedTest
  @FieldSource("GOLDENS")
  void aCacheChangesNothing(String name) throws IOException {
    Golden golden = Golden.unpack(name, temporary);
    int[] ids = Arrays.copyOf(golden.ints("stream"), 17);
    try (ModelFolder folder = ModelFolder.open(golden.folder())) {
      // Where angles change with the length, what was kept no longer holds; a Generator knows.
      if (folder.model().spec().turnsAnew(1, ids.length)) {
        KvCache cache = KvCache.of(TinyModels.best(), 1, ids.length);
        logits(folder.model(), TinyModels.best(), Arrays.copyOf(ids, 8), cache);
        int[] rest = Arrays.copyOfRange(ids, 8, ids.length);
        assertThatThrownBy(() -> logits(folder.model(), TinyModels.best(), rest, cache))
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("between 8 and 17 tokens");
        return;
      }
      for (Kernels kernels : TinyModels.kernels()) {
        Tensor whole = logits(folder.model(), kernels, ids, null);
        for (int piece : new int[] {1, 5}) {
          KvCache cache = KvCache.of(kernels, 1, ids.length);
          for (int from = 0; from < ids.length; from += piece) {
            int to = Math.min(ids.length, from + piece);
            Tensor some = logits(folder.model(), kernels, Arrays.copyOfRange(ids, from, to), cache);
            assertThat(Golden.far(some, whole.slice(from, to)))
                .as("%s, positions %d to %d, pieces of %d", kernels.name(), from, to, piece)
                .isLessThan(3e-6);
          }
        }
      }
    }
  }

  private static Tensor logits(TransformerModel model, Kernels kernels, int[] ids, KvCache cache) {
    Pass pass = Pass.of(Tape.evaluating(kernels, new Workspace()), 1, ids.length);
    if (cache != null) pass = pass.with(cache);
    return model.logits(pass, model.hidden(pass, ids), 0, ids.length);
  }

  /** Parameters and projections, which adapters are named by, go by the reference's names. */
  @ParameterizedTest
  @FieldSource("GOLDENS")
  void everyParameterHasTheReferencesName(String name) throws IOException {
    Golden golden = Golden.unpack(name, temporary);
    try (ModelFolder folder = ModelFolder.open(golden.folder())) {
      NameTable names = Family.of(folder.config()).names();
      Set<String> theirs = new TreeSet<>();
      folder
          .model()
          .visit((ours, p) -> {
            assertThat(names.ours(names.theirs(ours))).contains(ours);
            theirs.add(names.theirs(ours));
          });
      Set<String> want = new TreeSet<>();
      for (String tensor : golden.tensors().keySet())
        if (tensor.startsWith("grad/")) want.add(tensor.substring(5));
      assertThat(theirs).isEqualTo(want);
      assertThat(folder.model().count(false)).isEqualTo(folder.model().spec().parameters());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "opt-before-f32       | layer_norm_elementwise_affine | false",
        "opt-before-f32       | num_attention_heads | 5",
        "opt-before-f32       | word_embed_proj_dim | 0",
        "opt-before-f32       | activation_function | \"mish\"",
        "opt-before-f32       | quantization_config | {\"bits\": 4}",
        "bloom-f32            | apply_residual_connection_post_layernorm | true",
        "bloom-f32            | n_head | 5",
        "bloom-f32            | seq_length | 0",
        "bloom-f32            | layer_norm_epsilon | 0",
        "mistral-window-f32   | sliding_window | 0",
        "mistral-window-f32   | sliding_window | \"all\"",
        "mistral-window-f32   | layer_types | [\"full_attention\"]",
        "qwen2-window-bf16    | layer_types | [\"full_attention\"]",
        "qwen2-window-bf16    | layer_types | [\"full_attention\", \"chunked_attention\", \"full_attention\"]",
        "qwen2-window-bf16    | max_window_layers | -1",
        "qwen3-f32            | layer_types | [\"full_attention\", \"sliding_attention\", \"full_attention\"]",
        "qwen3-f32            | head_dim | 7",
        "smollm3-f16          | no_rope_layers | [1, 0]",
        "smollm3-f16          | no_rope_layers | [1, 0, 2]",
        "gemma-bf16           | use_bidirectional_attention | true",
        "gemma-bf16           | hidden_act | \"gelu_10\"",
        "gemma2-f32           | query_pre_attn_scalar | 0",
        "gemma2-f32           | attn_logit_softcapping | -1.0",
        "gemma2-f32           | final_logit_softcapping | \"no\"",
        "gemma2-f32           | use_bidirectional_attention | true",
        "gemma3-f16           | attn_logit_softcapping | 50.0",
        "gemma3-f16           | rope_parameters | {\"rope_type\": \"default\"}",
        "gemma3-f16           | sliding_window | null",
        "phi3-window-f32      | rope_scaling | {\"type\": \"dynamic\", \"factor\": 2.0}",
        "phi3-window-f32      | rope_scaling | {\"type\": \"su\", \"short_factor\": [1.0], \"long_factor\": [2.0]}",
        "phi3-window-f32      | partial_rotary_factor | 0.3",
      })
  void refusesWhatItWouldComputeDifferently(String golden, String field, String value)
      throws IOException {
    JsonObject config = config(golden);
    JsonObject parsed = JsonObject.parse("config.json", "{\"value\": " + value + "}");
    config.put(field, parsed.value("value"));
    if (field.equals("partial_rotary_factor")) config.put("rope_parameters", null);
    JsonObject asFile = JsonObject.parse("config.json", config.toText());
    String at = field.equals("sliding_window") && value.equals("null") ? "layer_types" : field;
    assertThatThrownBy(() -> Family.of(asFile).read(asFile))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("config.json: field " + at);
  }

  @ParameterizedTest
  @CsvSource({
    "mixtral, expert",
    "gemma3, gemma3_text",
    "phi, same norm",
    "never_heard_of, supported: [gpt2"
  })
  void tellsWhatAnUnknownModelWouldNeed(String type, String said) throws FormatException {
    JsonObject config = JsonObject.parse("config.json", "{\"model_type\": \"" + type + "\"}");
    assertThatThrownBy(() -> Family.of(config))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("model_type is \"" + type + "\"")
        .hasMessageContaining(said)
        .hasMessageContaining("qwen2");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"architecture\": \"eva02_base_patch14_448\", \"num_classes\": 1000}",
        "{\"model_cfg\": {\"embed_dim\": 512}, \"preprocess_cfg\": {}}"
      })
  void tellsWhyAFolderOfAnotherFormatIsNotRead(String text) throws FormatException {
    JsonObject config = JsonObject.parse("eva/config.json", text);
    assertThatThrownBy(() -> Family.of(config))
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll(
            "eva/config.json: field model_type is missing",
            config.names().iterator().next() + " is a field of timm's",
            "EVA-02",
            "eva_giant_patch14_224",
            "rows and columns",
            "[vit, clip_vision_model, clip]");
    assertThatThrownBy(() -> Family.of(JsonObject.parse("config.json", "{}")))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("model_type")
        .message()
        .doesNotContain("timm");
  }

  private static JsonObject config(String golden) throws IOException {
    try (var in = Golden.resource(golden + "/config.json")) {
      return JsonObject.parse("config.json", new String(in.readAllBytes(), StandardCharsets.UTF_8));
    }
  }
}
