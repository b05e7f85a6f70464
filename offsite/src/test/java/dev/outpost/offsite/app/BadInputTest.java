package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.offsite.artifact.AdapterArtifact;
import dev.outpost.tensor.weight.HeapWeight;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whatever is wrong is told in one message with its own exit code, and nothing is written. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class BadInputTest {
  private Path model;
  private Path pack;
  private Path adapter;
  private Path text;
  private Path dir;
  private Path out;

  @BeforeAll
  void goodInput(@TempDir Path shared) throws Exception {
    model = Parties.model(shared.resolve("model"), 1);
    text = Parties.text(shared.resolve("text.txt"), Parties.PUBLIC);
    pack = shared.resolve("package");
    adapter = shared.resolve("adapter");
    Shell.ok("emulate", "--model", model, "--split", "1-1-1", "--out", pack);
    Shell.ok(
        "tune", "--package", pack, "--corpus", text, "--out", adapter, "--steps", 1, "--batch", 1);
  }

  @BeforeEach
  void emptyFolder(@TempDir Path empty) {
    dir = empty;
    out = dir.resolve("out");
  }

  /** Asserts one refusal: its code, its words, and that no output came to be. */
  private void refuses(int code, List<Object> words, String... parts) {
    Shell.Outcome o = Shell.run(words.toArray());
    String told =
        code == ExitCode.USAGE
            ? o.err()
            : String.join("\n", o.err().lines().filter(l -> l.startsWith("outpost")).toList());
    assertThat(o.code()).as(o.err()).isEqualTo(code);
    assertThat(told).contains(parts);
    if (code != ExitCode.USAGE) assertThat(told.lines()).as("one message, no trace").hasSize(1);
    assertThat(o.err()).doesNotContain("\tat ");
    assertThat(out).doesNotExist();
    assertThat(dir.resolve("out.training")).doesNotExist();
  }

  private List<Object> tune(Object... more) {
    return words(
        List.of(
            "tune", "--package", pack, "--corpus", text, "--out", out, "--steps", 2, "--batch", 1),
        more);
  }

  private List<Object> plug(Object... more) {
    return words(List.of("plug", "--model", model, "--out", out), more);
  }

  private static List<Object> words(List<Object> first, Object... more) {
    List<Object> all = new ArrayList<>(first);
    all.addAll(Arrays.asList(more));
    return all;
  }

  /** A copy of an artifact to be spoilt. */
  private Path copy(Path folder) throws IOException {
    return Parties.send(folder, dir.resolve("copy"));
  }

  @Test
  void aWrongCommandLineNamesTheCure() {
    refuses(
        2,
        tune("--colour", "red"),
        "outpost tune: Unknown option",
        "--colour",
        "Try: outpost tune --help");
    refuses(2, List.of("tuen"), "'tuen'", "Try: outpost --help");
    refuses(2, List.of("tune", "--out", out), "--package=DIR");
    refuses(2, List.of("tune", "--package", pack, "--out", out), "--corpus=PATH");
    refuses(2, tune("--steps", "many"), "--steps", "'many' is not an int");
    refuses(2, tune("--schedule", "square"), "--schedule", "constant, linear, cosine");
    refuses(2, List.of("evaluate", "--corpus", text), "--model=DIR | --package=DIR");
    refuses(
        2,
        List.of("evaluate", "--corpus", text, "--model", model, "--package", pack),
        "mutually exclusive");
    refuses(2, plug("--adapter", adapter, "--dtype", "F99"), "--dtype", "F99");
  }

  @ParameterizedTest
  @CsvSource({
    "--steps, -1",
    "--steps, 0",
    "--batch, 0",
    "--batch, -4",
    "--accumulate, 0",
    "--lr, -1",
    "--lr, 0",
    "--lr, NaN",
    "--lr, Infinity",
    "--warmup, -1",
    "--warmup, 3",
    "--weight-decay, -0.1",
    "--clip, 0",
    "--eval-every, -1",
    "--save-every, -1",
    "--validation, 0",
    "--validation, 1",
    "--validation, NaN",
    "--threads, 0",
    "--threads, -2",
    "--block, 1",
    "--block, -7",
    "--lora, 0",
    "--lora-alpha, 2",
    "--lora-dropout, 0.5"
  })
  void aSettingOutOfRangeIsNamed(String option, String value) {
    List<Object> words = tune();
    int given = words.indexOf(option);
    if (given >= 0) words.set(given + 1, value);
    else words.addAll(List.of(option, value));
    refuses(3, words, option.startsWith("--lora") ? "--lora" : option + ": must be");
  }

  @Test
  void aCorpusThatIsNoneIsNamed() throws Exception {
    Path empty = Parties.text(dir.resolve("empty.txt"), "");
    Path blank = Parties.text(dir.resolve("blank.txt"), " \n\t\n");
    Path small = Parties.text(dir.resolve("small.txt"), "the owner");
    Path binary = Files.write(dir.resolve("binary.txt"), new byte[] {'a', 0, 'b'});
    Path latin = Files.write(dir.resolve("latin.txt"), new byte[] {'a', (byte) 0xe9, 'b'});
    Path zip = Files.write(dir.resolve("broken.zip"), new byte[] {'P', 'K', 3, 4, 9, 9, 9});
    Path folder = Files.createDirectory(dir.resolve("nothing"));
    refuses(3, on(dir.resolve("absent.txt")), "absent.txt: no such file or folder; --corpus takes");
    refuses(3, on(empty), "empty.txt: holds no text", "must not be empty");
    refuses(3, on(blank), "blank.txt: holds no text");
    refuses(
        3,
        on(small),
        "small.txt (",
        "fewer than one block of 32; give more text, or a smaller --block");
    refuses(3, on(binary), "binary.txt: is no UTF-8 text");
    refuses(3, on(latin), "latin.txt: is no UTF-8 text; convert it");
    refuses(3, on(zip), "broken.zip: is no readable zip");
    refuses(3, on(folder), "nothing: holds no text", "**");
    refuses(3, words(on(dir), "--include", "*.md"), "holds no text", "match --include \"*.md\"");
    refuses(
        3, words(on(dir), "--include", "{a"), "--include: \"{a\" is no pattern", "try \"**.txt\"");
  }

  private List<Object> on(Path corpus) {
    return List.of("tune", "--package", pack, "--corpus", corpus, "--out", out);
  }

  @Test
  void filesThatAreNoTextAreLeftOutAndCounted() throws Exception {
    Path folder = Files.createDirectory(dir.resolve("mixed"));
    Parties.text(folder.resolve("a.txt"), Parties.PUBLIC);
    Files.write(folder.resolve("b.bin"), new byte[] {0, 1, 2});
    Shell.Outcome o = Shell.ok("evaluate", "--model", model, "--corpus", folder, "--block", 16);
    assertThat(o.err()).contains("1 files that are not UTF-8 text are left out");
  }

  @Test
  void aBlockAboveTheContextIsRefused() {
    refuses(
        3,
        tune("--block", 33),
        "--block: 33 tokens are more than the model's context of 32; choose at most 32");
  }

  @Test
  void aSplitThatDoesNotFitIsRefused() {
    for (String split :
        List.of("2-8-2", "2-1-2", "0-1-0", "-1-1-1", "1-0-1", "1-4", "one-1-1", "1-1-1-1", ""))
      refuses(3, List.of("emulate", "--model", model, "--split=" + split, "--out", out), "split: ");
    refuses(
        3,
        List.of("emulate", "--model", model, "--split", "1-3-1", "--out", out),
        "step layer-drop: cannot keep 3 of 2 middle blocks; choose 1 to 2");
    refuses(
        3,
        List.of("emulate", "--model", model, "--split", "1-1-1", "--steps", 5, "--out", out),
        "--corpus: is missing");
    refuses(
        3,
        List.of(
            "emulate",
            "--model",
            model,
            "--split",
            "1-1-1",
            "--corpus",
            text,
            "--kd-weight",
            -1,
            "--out",
            out),
        "--kd-weight");
  }

  @Test
  void aModelThatIsNoneIsRefused() throws Exception {
    refuses(
        3,
        List.of("emulate", "--model", dir.resolve("absent"), "--split", "1-1-1", "--out", out),
        "absent: no such folder");
    refuses(
        3,
        List.of("emulate", "--model", adapter, "--split", "1-1-1", "--out", out),
        "config.json: no such file");
    refuses(
        3,
        List.of("tune", "--package", model, "--corpus", text, "--out", out),
        "manifest.json: no such file");
    refuses(
        3,
        List.of("tune", "--package", adapter, "--corpus", text, "--out", out),
        "manifest.json",
        "field format",
        "outpost-package");
    refuses(3, plug("--adapter", pack), "manifest.json", "field format", "outpost-adapter");
    refuses(3, List.of("inspect", dir.resolve("absent")), "absent: no such file or folder");
    refuses(3, List.of("inspect", text), "text.txt: ");
  }

  @Test
  void aConfigOfAnotherFamilyIsRefused() throws Exception {
    Path m = copy(model);
    Files.writeString(
        m.resolve("config.json"),
        Files.readString(m.resolve("config.json")).replace("\"gpt2\"", "\"mamba\""));
    refuses(
        3,
        List.of("emulate", "--model", m, "--split", "1-1-1", "--out", out),
        "config.json",
        "model_type",
        "mamba",
        "gpt2");
  }

  @Test
  void aTruncatedFileIsRefused() throws Exception {
    Path m = copy(model);
    byte[] whole = Files.readAllBytes(m.resolve("model.safetensors"));
    Files.write(m.resolve("model.safetensors"), Arrays.copyOf(whole, whole.length - 5));
    refuses(
        3,
        List.of("emulate", "--model", m, "--split", "1-1-1", "--out", out),
        "model.safetensors: ");
    refuses(3, List.of("inspect", m.resolve("model.safetensors")), "model.safetensors: ");
    Files.write(m.resolve("model.safetensors"), new byte[0]);
    refuses(3, List.of("generate", "--model", m, "--prompt", "a"), "model.safetensors: ");
  }

  @Test
  void aTokenizerThatDoesNotFitIsRefused() throws Exception {
    Path m = copy(model);
    Shell.ok(
        "pretrain",
        "--corpus",
        text,
        "--out",
        dir.resolve("larger"),
        "--vocab",
        290,
        "--layers",
        1,
        "--width",
        2,
        "--heads",
        1,
        "--context",
        8,
        "--steps",
        1,
        "--batch",
        1);
    for (String file : List.of("tokenizer.json", "vocab.json", "merges.txt"))
      Files.copy(
          dir.resolve("larger").resolve(file),
          m.resolve(file),
          java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    refuses(3, List.of("emulate", "--model", m, "--split", "1-1-1", "--out", out), "copy", "280");
    for (String file : List.of("tokenizer.json", "vocab.json", "merges.txt"))
      Files.delete(m.resolve(file));
    refuses(3, List.of("generate", "--model", m, "--prompt", "a"), "copy", "tokenizer.json");
  }

  @Test
  void anAdapterOfAnotherBaseIsRefused() throws Exception {
    Path other = Parties.model(dir.resolve("other"), 2);
    refuses(
        3,
        List.of("plug", "--model", other, "--adapter", adapter, "--out", out),
        "plug-in refused",
        "was tuned for base",
        "plug it into the model its package was made from");
    refuses(
        3,
        List.of("evaluate", "--model", other, "--adapter", adapter, "--corpus", text),
        "plug-in refused");
  }

  @Test
  void aDamagedAdapterIsRefused() throws Exception {
    Path a = copy(adapter);
    byte[] bytes = Files.readAllBytes(a.resolve("adapter.safetensors"));
    bytes[bytes.length - 1] ^= 1;
    Files.write(a.resolve("adapter.safetensors"), bytes);
    refuses(
        3,
        plug("--adapter", a),
        "adapter.safetensors: its SHA-256",
        "changed or damaged. Ask for it again");
    Files.delete(a.resolve("adapter.safetensors"));
    refuses(3, plug("--adapter", a), "adapter.safetensors");
    Files.writeString(a.resolve("manifest.json"), "{");
    refuses(3, plug("--adapter", a), "manifest.json: not valid JSON");
  }

  @Test
  void anAdapterThatIsNotFiniteIsRefused() throws Exception {
    AdapterArtifact good = AdapterArtifact.read(adapter);
    HeapWeight w = good.tensors().values().iterator().next();
    w.tensor().data()[3] = Float.NaN;
    good.write(dir.resolve("nan"));
    refuses(
        3,
        plug("--adapter", dir.resolve("nan")),
        "adapter.safetensors: tensor ",
        "holds NaN at element 3",
        "tune again with a lower learning rate");
  }

  @Test
  void aTrainingThatDivergesSaysSo() {
    List<Object> words =
        tune("--lr", "1e30", "--clip", "Infinity", "--warmup", 0, "--schedule", "constant");
    words.set(words.indexOf("--steps") + 1, 6);
    again(words, "holds NaN or infinity; lower the learning rate");
    assertThat(out).doesNotExist();
  }

  @Test
  void aPromptThatIsTooLongIsRefused() {
    refuses(
        3,
        List.of("generate", "--model", model, "--prompt", "xyz".repeat(20)),
        "--prompt: has",
        "context is 32",
        "Shorten the prompt");
    refuses(
        3,
        List.of("generate", "--model", model, "--prompt", "a", "--max-tokens", 0),
        "--max-tokens: must be at least 1");
    refuses(
        3,
        List.of("generate", "--model", model, "--prompt", "a", "--temperature", -1),
        "temperature");
    refuses(3, List.of("generate", "--model", model, "--prompt", "a", "--top-p", 0), "top");
    refuses(3, List.of("generate", "--model", model, "--prompt", "a", "--top-k", -1), "top");
  }

  @Test
  void anOutputThatWouldHarmIsRefused() throws Exception {
    byte[] manifest = Files.readAllBytes(pack.resolve("manifest.json"));
    byte[] weights = Files.readAllBytes(model.resolve("model.safetensors"));
    refuses(
        3,
        List.of("emulate", "--model", model, "--split", "1-1-1", "--out", model),
        "--out: ",
        "is also read from");
    refuses(
        3,
        List.of(
            "emulate", "--model", model, "--split", "1-1-1", "--out", model.resolve("../model")),
        "is also read from");
    refuses(
        3,
        List.of("emulate", "--model", model, "--split", "1-1-1", "--out", adapter),
        "holds an adapter; choose another folder for a package");
    refuses(
        3,
        List.of("plug", "--model", model, "--adapter", adapter, "--out", model),
        "is also read from");
    refuses(
        3,
        List.of("plug", "--model", model, "--adapter", adapter, "--out", adapter),
        "is also read from");
    refuses(
        3,
        List.of("tune", "--package", pack, "--corpus", text, "--out", pack),
        "is also read from");
    refuses(
        3, List.of("tune", "--package", pack, "--corpus", text, "--out", model), "holds a model");
    refuses(3, List.of("pretrain", "--corpus", text, "--out", model), "holds a model already");
    Path link = Files.createSymbolicLink(dir.resolve("link"), model);
    refuses(
        3,
        List.of("emulate", "--model", model, "--split", "1-1-1", "--out", link),
        "is also read from");
    refuses(
        3,
        List.of("emulate", "--model", model, "--split", "1-1-1", "--out", text),
        "is a file; a folder is to be written here");
    refuses(
        3,
        tune().stream().map(w -> w.equals(out) ? text.resolve("below") : w).toList(),
        "is a file; a folder is to be written here");
    assertThat(Files.readAllBytes(pack.resolve("manifest.json"))).isEqualTo(manifest);
    assertThat(Files.readAllBytes(model.resolve("model.safetensors"))).isEqualTo(weights);
  }

  @ParameterizedTest
  @CsvSource({"--layers, 0", "--width, 15", "--heads, 0", "--context, 0", "--vocab, 1"})
  void aModelThatCannotBeIsRefused(String option, String value) {
    List<Object> words =
        words(
            List.of(
                "pretrain",
                "--corpus",
                text,
                "--out",
                out,
                "--layers",
                1,
                "--width",
                16,
                "--heads",
                2,
                "--context",
                16,
                "--vocab",
                280,
                "--steps",
                1));
    words.set(words.indexOf(option) + 1, value);
    refuses(3, words, option + ": must be");
  }

  @Test
  void aResumeWithOtherSettingsNamesThem() throws Exception {
    List<Object> words = tune();
    Shell.ok(words.toArray());
    byte[] before = Files.readAllBytes(out.resolve("adapter.safetensors"));
    List<Object> longer = new ArrayList<>(words);
    longer.set(words.indexOf("--steps") + 1, 3);
    again(longer, "steps was 2, now 3", "start anew in another folder");
    again(words(words, "--lr", "0.5"), "learning_rate was 1.0E-4, now 0.5");
    again(words(words, "--lora", 2), "method was full, now lora");
    Path other = Parties.text(dir.resolve("other.txt"), Parties.PUBLIC.replace("small", "large"));
    again(words.stream().map(w -> w.equals(text) ? other : w).toList(), "train_tokens_sha256 was ");
    Path otherPack = dir.resolve("other-package");
    Shell.ok(
        "emulate", "--model", model, "--split", "1-1-1", "--out", otherPack, "--dtype", "BF16");
    again(words.stream().map(w -> w.equals(pack) ? otherPack : w).toList(), "package_sha256 was ");
    assertThat(Files.readAllBytes(out.resolve("adapter.safetensors"))).isEqualTo(before);
  }

  @Test
  void aDamagedStateIsNamed() throws Exception {
    List<Object> words = tune();
    Shell.ok(words.toArray());
    Path last = dir.resolve("out.training/last.safetensors");
    byte[] whole = Files.readAllBytes(last);
    Files.write(last, Arrays.copyOf(whole, whole.length / 2));
    again(words, "last.safetensors: ");
    Files.write(last, HexFormat.of().parseHex("00"));
    again(words, "last.safetensors: ");
    ByteBuffer huge =
        ByteBuffer.wrap(whole.clone())
            .order(java.nio.ByteOrder.LITTLE_ENDIAN)
            .putLong(0, Long.MAX_VALUE);
    Files.write(last, huge.array());
    again(words, "last.safetensors: ");
    Files.write(last, whole);
    Shell.ok(words.toArray());
  }

  private static void again(List<Object> words, String... parts) {
    Shell.Outcome o = Shell.run(words.toArray());
    assertThat(o.code()).as(o.err()).isEqualTo(3);
    assertThat(o.err().lines().filter(l -> l.startsWith("outpost")))
        .hasSize(1)
        .first()
        .asString()
        .contains(parts);
  }

  @Test
  void theDemoRefusesWhatItCannotUse() throws Exception {
    refuses(3, List.of("demo", "--effort", 0), "--effort: must be above 0");
    refuses(3, List.of("demo", "--private", text), "--private: needs --corpus");
    refuses(3, List.of("demo", "--corpus", dir.resolve("absent")), "absent: no such file");
  }

  @Test
  void messagesGoToStandardErrorAloneAndStayShort() {
    for (List<Object> words : Stream.of(tune("--block", 99), plug("--adapter", pack)).toList()) {
      Shell.Outcome o = Shell.run(words(words, "--json").toArray());
      assertThat(o.out()).isEmpty();
      assertThat(o.err().lines().toList()).allMatch(l -> l.length() < 400);
    }
  }
}
