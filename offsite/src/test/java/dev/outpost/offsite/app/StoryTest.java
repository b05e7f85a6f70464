package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.tensor.io.JsonObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** The whole story by commands. Each party works while the other's folder is out of reach. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
final class StoryTest {
  private Path owner;
  private Path dataOwner;
  private Path away;

  @BeforeAll
  void twoParties(@TempDir Path home) throws Exception {
    owner = Files.createDirectory(home.resolve("owner"));
    dataOwner = Files.createDirectory(home.resolve("data-owner"));
    away = home.resolve("away");
    Parties.text(owner.resolve("public.txt"), Parties.PUBLIC);
    Parties.text(dataOwner.resolve("private.txt"), Parties.PRIVATE);
  }

  /** Runs with the other party's folder gone. */
  private Shell.Outcome without(Path other, Object... words) throws Exception {
    Files.move(other, away);
    try {
      return Shell.ok(words);
    } finally {
      Files.move(away, other);
    }
  }

  @Test
  @Order(1)
  void theOwnerPretrains() throws Exception {
    Shell.Outcome o =
        without(
            dataOwner,
            "pretrain",
            "--corpus",
            owner.resolve("public.txt"),
            "--out",
            owner.resolve("model"),
            "--layers",
            4,
            "--width",
            16,
            "--heads",
            2,
            "--context",
            32,
            "--vocab",
            280,
            "--steps",
            4,
            "--batch",
            2,
            "--lr",
            "0.01",
            "--json");

    List<JsonObject> steps =
        o.lines().stream().filter(l -> "step".equals(l.value("event"))).toList();
    assertThat(steps).hasSize(4);
    assertThat(steps.getLast().integer("step")).isEqualTo(4);
    assertThat(steps.getLast().integer("steps")).isEqualTo(4);
    assertThat(steps.getFirst().number("loss", -1)).isCloseTo(Math.log(280), within(0.3));
    assertThat(o.lines()).filteredOn(l -> "validation".equals(l.value("event"))).hasSize(4);
    assertThat(o.result().string("event")).isEqualTo("result");
    assertThat(o.result().number("perplexity", -1)).isBetween(1.0, 300.0);
    assertThat(Parties.files(owner.resolve("model")))
        .contains("config.json", "model.safetensors", "tokenizer.json")
        .doesNotContain("training", "manifest.json");
  }

  @Test
  @Order(2)
  void theOwnerMakesAPackageByLayerDropAlone() throws Exception {
    JsonObject r =
        without(
                dataOwner,
                "emulate",
                "--model",
                owner.resolve("model"),
                "--split",
                "1-1-1",
                "--out",
                owner.resolve("dropped"),
                "--json")
            .result();
    assertThat(r.strings("slots")).containsExactly("blocks.0", "blocks.1", "blocks.3");
    assertThat(r.integer("parameters")).isLessThan(r.integer("full_parameters"));
  }

  @Test
  @Order(3)
  void theOwnerDistilsAPackage() throws Exception {
    Shell.Outcome o =
        without(
            dataOwner,
            "emulate",
            "--model",
            owner.resolve("model"),
            "--split",
            "1-1-1",
            "--corpus",
            owner.resolve("public.txt"),
            "--out",
            owner.resolve("package"),
            "--steps",
            3,
            "--batch",
            2,
            "--json");
    assertThat(o.lines()).filteredOn(l -> "step".equals(l.value("event"))).hasSize(3);
    JsonObject found =
        Shell.ok("inspect", owner.resolve("package"), "--json", "--tensors").result();
    assertThat(found.string("kind")).isEqualTo("package");
    assertThat(found.strings("adapter_slots")).containsExactly("blocks.0", "blocks.3");
    assertThat(found.object("recipe").objects("steps"))
        .extracting(step -> step.string("step"))
        .containsExactly("layer-drop", "distill");
    assertThat(found.objects("tensor_list"))
        .extracting(t -> t.string("name"))
        .noneMatch(n -> n.startsWith("blocks.2."));
    assertThat(Parties.files(owner.resolve("package")))
        .containsExactly(
            "config.json",
            "manifest.json",
            "merges.txt",
            "model.safetensors",
            "tokenizer.json",
            "tokenizer_config.json",
            "vocab.json");
  }

  @Test
  @Order(4)
  void theDataOwnerTunesWithThePackageAlone() throws Exception {
    Path received = Parties.send(owner.resolve("package"), dataOwner.resolve("package"));
    for (String method : List.of("full", "lora")) {
      Path out = dataOwner.resolve(method);
      Object[] words = {
        "tune",
        "--package",
        received,
        "--corpus",
        dataOwner.resolve("private.txt"),
        "--out",
        out,
        "--steps",
        6,
        "--batch",
        2,
        "--lr",
        "0.01",
        "--json",
        "--threads",
        2
      };
      Object[] lora = {"--lora", 2, "--lora-alpha", 8, "--lora-dropout", "0.1"};
      JsonObject r = without(owner, method.equals("lora") ? concat(words, lora) : words).result();
      assertThat(r.number("emulator_perplexity", -1)).isBetween(1.0, 280.0);
      assertThat(r.integer("peak_workspace_bytes")).isPositive();
      assertThat(Parties.files(out)).containsExactly("adapter.safetensors", "manifest.json");
    }
    JsonObject full = Shell.ok("inspect", dataOwner.resolve("full"), "--json").result();
    assertThat(full.string("method")).isEqualTo("full");
    assertThat(full.object("provenance").integer("steps")).isEqualTo(6);
    JsonObject lora =
        Shell.ok("inspect", dataOwner.resolve("lora"), "--json", "--tensors").result();
    assertThat(lora.string("method")).contains("rank=2");
    assertThat(lora.objects("tensor_list"))
        .isNotEmpty()
        .allMatch(t -> t.value("name").toString().contains(".lora_"));
    assertThat(lora.integer("parameters")).isLessThan(full.integer("parameters"));
  }

  @Test
  @Order(5)
  void theDataOwnerSeesItsEmulatorImprove() throws Exception {
    Path text = dataOwner.resolve("private.txt");
    double before =
        perplexity(
            "--package", dataOwner.resolve("package"), "--corpus", text, "--held-back", "0.1");
    double after =
        perplexity(
            "--package",
            dataOwner.resolve("package"),
            "--adapter",
            dataOwner.resolve("full"),
            "--corpus",
            text,
            "--held-back",
            "0.1");
    assertThat(after).isLessThan(before);
    // The part held back is the one tune measured.
    double told =
        Shell.ok("inspect", dataOwner.resolve("full"), "--json")
            .result()
            .object("provenance")
            .number("emulator_perplexity", -1);
    assertThat(after).isCloseTo(told, within(1e-4 * told));
  }

  @Test
  @Order(6)
  void theOwnerPlugsInWithTheAdapterAlone() throws Exception {
    for (String method : List.of("full", "lora")) {
      Path returned = Parties.send(dataOwner.resolve(method), owner.resolve("adapter-" + method));
      Path tuned = owner.resolve("tuned-" + method);
      JsonObject r =
          without(
                  dataOwner,
                  "plug",
                  "--model",
                  owner.resolve("model"),
                  "--adapter",
                  returned,
                  "--out",
                  tuned,
                  "--json")
              .result();
      assertThat(r.integer("tensors")).isPositive();
      assertThat(Parties.files(tuned)).isEqualTo(Parties.files(owner.resolve("model")));

      double base =
          perplexity("--model", owner.resolve("model"), "--corpus", owner.resolve("public.txt"));
      double attached =
          perplexity(
              "--model",
              owner.resolve("model"),
              "--adapter",
              returned,
              "--corpus",
              owner.resolve("public.txt"));
      double merged = perplexity("--model", tuned, "--corpus", owner.resolve("public.txt"));
      assertThat(merged)
          .isCloseTo(attached, within(1e-5 * attached))
          .isNotCloseTo(base, within(1e-3 * base));
    }
    Path half = owner.resolve("tuned-bf16");
    Shell.ok(
        "plug",
        "--model",
        owner.resolve("model"),
        "--adapter",
        owner.resolve("adapter-full"),
        "--out",
        half,
        "--dtype",
        "bf16");
    JsonObject listed =
        Shell.ok("inspect", half.resolve("model.safetensors"), "--json", "--tensors").result();
    assertThat(listed.objects("tensor_list")).allMatch(t -> "BF16".equals(t.value("dtype")));
  }

  @Test
  @Order(7)
  void bothGenerate() throws Exception {
    Object[] greedy = {
      "generate",
      "--model",
      owner.resolve("tuned-full"),
      "--prompt",
      "the owner",
      "--max-tokens",
      8,
      "--temperature",
      0,
      "--json"
    };
    JsonObject first = Shell.ok(greedy).result();
    assertThat(Shell.ok(greedy).result().string("text")).isEqualTo(first.string("text"));
    assertThat(first.integer("tokens")).isBetween(1L, 8L);
    assertThat(first.string("prompt")).isEqualTo("the owner");

    String text = first.string("text");
    String stop = text.substring(text.length() / 2);
    JsonObject stopped =
        Shell.ok(concat(greedy, new Object[] {"--stop", stop, "--stop", "never said"})).result();
    assertThat(stopped.string("text")).isEqualTo(text.substring(0, text.indexOf(stop)));

    Object[] sampled = {
      "generate",
      "--package",
      dataOwner.resolve("package"),
      "--adapter",
      dataOwner.resolve("lora"),
      "--prompt",
      "the",
      "--max-tokens",
      12,
      "--json"
    };
    assertThat(Shell.ok(concat(sampled, "--seed", 1)).result().string("text"))
        .isEqualTo(Shell.ok(concat(sampled, "--seed", 1, "--threads", 1)).result().string("text"))
        .isNotEqualTo(Shell.ok(concat(sampled, "--seed", 2)).result().string("text"));

    Shell.Outcome plain =
        Shell.ok(
            "generate",
            "--model",
            owner.resolve("model"),
            "--prompt",
            "the owner",
            "--max-tokens",
            4);
    assertThat(plain.out()).startsWith("the owner").endsWith("\n");
    assertThat(plain.err()).contains("tokens/s");
  }

  @Test
  @Order(8)
  void inspectListsTheFamilies() throws Exception {
    JsonObject o = Shell.ok("inspect", "families", "--json").result();
    assertThat(o.string("kind")).isEqualTo("families");
    assertThat(o.objects("families").stream().map(f -> f.value("model_type")))
        .contains("gpt2", "opt", "bloom", "llama", "mistral", "qwen2", "qwen3", "gemma2")
        .contains("gemma3_text", "phi3");
    assertThat(o.objects("families").getFirst().string("kind")).isEqualTo("decoder");
    assertThat(Shell.ok("inspect", "families").out()).contains("bloom ");
  }

  @Test
  @Order(8)
  void inspectTellsWhatItSees() throws Exception {
    JsonObject model = Shell.ok("inspect", owner.resolve("model"), "--json").result();
    assertThat(model.string("kind")).isEqualTo("model");
    assertThat(model.integer("blocks")).isEqualTo(4);
    JsonObject pack = Shell.ok("inspect", dataOwner.resolve("package"), "--json").result();
    assertThat(pack.string("base_fingerprint")).isEqualTo(model.string("fingerprint"));
    assertThat(pack.value("tensor_list")).isNull();
    JsonObject file =
        Shell.ok("inspect", owner.resolve("model/model.safetensors"), "--json", "--tensors")
            .result();
    assertThat(file.string("kind")).isEqualTo("safetensors");
    assertThat(file.objects("tensor_list"))
        .hasSize((int) file.integer("tensors"))
        .anyMatch(t -> "transformer.wte.weight".equals(t.value("name")));
    assertThat(Shell.ok("inspect", owner.resolve("model/model.safetensors"), "--tensors").out())
        .contains("F32  [280, 16]")
        .contains("wte.weight");
    assertThat(Shell.ok("inspect", "--json").result().string("kind")).isEqualTo("machine");
    assertThat(Shell.ok("inspect", dataOwner.resolve("package")).out())
        .contains("adapter_slots")
        .contains("[blocks.0, blocks.3]");
  }

  @Test
  @Order(9)
  void aFinishedRunIsNotRepeated() throws Exception {
    byte[] before = Files.readAllBytes(dataOwner.resolve("full/adapter.safetensors"));
    Shell.Outcome again =
        Shell.ok(
            "tune",
            "--package",
            dataOwner.resolve("package"),
            "--corpus",
            dataOwner.resolve("private.txt"),
            "--out",
            dataOwner.resolve("full"),
            "--steps",
            6,
            "--batch",
            2,
            "--lr",
            "0.01",
            "--json",
            "--threads",
            1);
    assertThat(again.lines()).noneMatch(l -> "step".equals(l.value("event")));
    assertThat(Files.readAllBytes(dataOwner.resolve("full/adapter.safetensors"))).isEqualTo(before);
  }

  private static double perplexity(Object... words) throws Exception {
    return Shell.ok(concat(new Object[] {"evaluate", "--json"}, words))
        .result()
        .number("perplexity", -1);
  }

  private static Object[] concat(Object[] some, Object... more) {
    Object[] all = java.util.Arrays.copyOf(some, some.length + more.length);
    System.arraycopy(more, 0, all, some.length, more.length);
    return all;
  }
}
