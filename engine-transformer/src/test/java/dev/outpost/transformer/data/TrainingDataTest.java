package dev.outpost.transformer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Objective;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.Trainer;
import dev.outpost.transformer.train.TrainingPlan;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class TrainingDataTest {
  private final Tokenizer tokenizer = Texts.tokenizer();
  @TempDir Path dir;

  private TrainingData.Plan plan(Path file, @Nullable Path validation, Packing packing, int n) {
    return new TrainingData.Plan(
        file, validation, 0.2, ExampleFormat.standard(null), "standard", packing, n);
  }

  private TrainingData prepare(Path file, Packing packing, int length) throws IOException {
    return TrainingData.prepare(plan(file, null, packing, length), tokenizer, dir.resolve("c"));
  }

  private Path pairs(int n) throws IOException {
    Path file = dir.resolve("pairs" + n + ".jsonl");
    return Files.write(
        file,
        IntStream.range(0, n)
            .mapToObj(
                i -> "{\"prompt\":\"what is " + i + "?\",\"completion\":\" the sky " + i + "\"}")
            .toList());
  }

  private List<String> rows(Blocks blocks) {
    List<String> all = new ArrayList<>();
    for (int b = 0; b < blocks.count(); b++) {
      int[] targets = blocks.targets(new int[] {b});
      all.add(tokenizer.decode(IntStream.of(targets).filter(t -> t >= 0).toArray()));
    }
    return all;
  }

  @Test
  void eachExampleIsInExactlyOnePart() throws IOException {
    for (int n : new int[] {2, 7, 49, 50, 51, 300}) {
      TrainingData data = prepare(pairs(n), Packing.ONE, 64);
      Set<String> train = new HashSet<>(rows(data.train()));
      Set<String> validation = new HashSet<>(rows(data.validation()));
      assertThat(data.train().count() + data.validation().count()).isEqualTo(n);
      assertThat(train).hasSize(data.train().count()).doesNotContainAnyElementsOf(validation);
      assertThat(validation).isNotEmpty().contains(validation.iterator().next());
      assertThat((double) data.validation().count() / n).isBetween(0.1, 0.5);
      for (String s : train) assertThat(s).matches(" the sky [0-9]+<\\|endoftext\\|>");
    }
  }

  @Test
  void rowsAreOnlyAsLongAsTheLongestNeeds() throws IOException {
    Blocks one = prepare(pairs(7), Packing.ONE, 512).train();
    assertThat(one.length()).isLessThan(64).matches(n -> n % 8 == 0);
    int[] ids = one.ids(new int[] {0});
    int[] targets = one.targets(new int[] {0});
    assertThat(ids).endsWith(0);
    assertThat(targets).endsWith(-1).startsWith(-1);
  }

  @Test
  void wholeDocumentsShareARowAndAreNotCut() throws IOException {
    Blocks whole = prepare(pairs(40), Packing.WHOLE, 64).train();
    Blocks one = prepare(pairs(40), Packing.ONE, 64).train();
    assertThat(whole.count()).isLessThan(one.count() / 2 + 1);
    assertThat(String.join("", rows(whole))).isEqualTo(String.join("", rows(one)));
    for (String row : rows(whole)) assertThat(row).endsWith("<|endoftext|>");
  }

  @Test
  void aStreamIsTheTextAsInMemory() throws IOException {
    String text = "The sky is blue and what is the question?\n".repeat(60);
    Path file = Files.writeString(dir.resolve("t.txt"), text);
    Path other = Files.writeString(dir.resolve("v.txt"), text);
    TrainingData data =
        TrainingData.prepare(plan(file, other, Packing.STREAM, 16), tokenizer, dir.resolve("c"));
    int[] ids = tokenizer.encode(text);
    int[] all = java.util.Arrays.copyOf(ids, ids.length + 1);
    all[ids.length] = tokenizer.endOfText().orElseThrow();
    assertThat(data.train().sha256()).isEqualTo(Blocks.of(all, 16).sha256());
  }

  @Test
  void aLongTextIsReadInPiecesAndCutNearItsEnd() throws IOException {
    String line = "What colour is the sky? Answer: blue é 😀.\n";
    String text = line.repeat(2 * TextExamples.PIECE / line.length());
    Path file = Files.writeString(dir.resolve("long.txt"), text);
    long bytes = Files.size(file);
    StringBuilder before = new StringBuilder();
    StringBuilder behind = new StringBuilder();
    int pieces = 0;
    int firsts = 0;
    int lasts = 0;
    try (TextExamples in = TextExamples.open(file, bytes * 3 / 4)) {
      for (Example e = in.next(); e != null; e = in.next()) {
        (in.behindCut() ? behind : before).append(e.whole());
        pieces++;
        if (e.first()) firsts++;
        if (e.last()) lasts++;
      }
    }
    assertThat(before.toString() + behind).isEqualTo(text);
    assertThat(pieces).isEqualTo(3);
    assertThat(firsts).isEqualTo(2);
    assertThat(lasts).isEqualTo(2);
    assertThat((double) behind.length() / text.length()).isBetween(0.2499, 0.2501);
    assertThat(behind.charAt(0)).matches(c -> !Character.isLowSurrogate(c));
  }

  @Test
  void tokenFilesAreFoundAgainAndMadeAnewWhenAnythingDiffers() throws IOException {
    Path cache = dir.resolve("c");
    Path file = pairs(20);
    prepare(file, Packing.ONE, 64);
    Set<Path> made = files(cache);
    assertThat(made).hasSize(2);
    Map<Path, Object> times = times(made);
    prepare(file, Packing.WHOLE, 32);
    assertThat(times(files(cache))).isEqualTo(times);
    Files.writeString(file, Files.readString(file).replace("sky 3", "sky 4"));
    prepare(file, Packing.ONE, 64);
    assertThat(files(cache)).hasSize(4);
    for (Path p : made) Files.write(p, new byte[] {1, 2, 3});
    Files.writeString(file, Files.readString(file).replaceFirst("sky 4", "sky 3"));
    assertThat(rows(prepare(file, Packing.ONE, 64).train())).isNotEmpty();
    assertThat(files(cache)).hasSize(4);
  }

  private static Set<Path> files(Path folder) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return new HashSet<>(all.toList());
    }
  }

  private static Map<Path, Object> times(Set<Path> files) throws IOException {
    Map<Path, Object> times = new java.util.HashMap<>();
    for (Path p : files) times.put(p, String.valueOf(Files.getAttribute(p, "fileKey")));
    return times;
  }

  @Test
  void anInterruptedRunOnTokenFilesEndsLikeOneThatWasNot() throws IOException {
    Path file = pairs(30);
    TrainingPlan plan = TrainingPlan.of(13, 3, 1e-2f, 5).evaluatingEvery(4);
    TransformerModel straight = model();
    train(straight, prepare(file, Packing.ONE, 64), plan, dir.resolve("straight"), 99);
    TransformerModel stopped = model();
    // 24 rows in batches of 3: the stop lies within the second epoch.
    train(stopped, prepare(file, Packing.ONE, 64), plan, dir.resolve("stopped"), 10);
    TransformerModel resumed = model();
    train(resumed, prepare(file, Packing.ONE, 64), plan, dir.resolve("stopped"), 99);
    Map<String, float[]> want = TinyModels.numbers(straight);
    TinyModels.numbers(resumed).forEach((k, v) -> assertThat(v).as(k).isEqualTo(want.get(k)));
    assertThatThrownBy(() ->
            train(model(), prepare(pairs(31), Packing.ONE, 64), plan, dir.resolve("stopped"), 99))
        .hasMessageContaining("train_tokens_sha256");
  }

  private TransformerModel model() {
    Spec spec =
        Gpt2.spec(tokenizer.vocabularySize(), 64, 16, 1, 2, 32, UnaryMap.GELU_TANH, 1e-5f, true);
    return TinyModels.random(spec, 3).trainable(name -> true);
  }

  private static void train(
      TransformerModel model, TrainingData data, TrainingPlan plan, Path folder, int stopAt)
      throws IOException {
    int[] steps = new int[1];
    new Trainer(
            model,
            Objective.languageModel(),
            data.train(),
            data.validation(),
            plan,
            TinyModels.best())
        .run(
            folder,
            Map.of(),
            new Progress() {
              @Override
              public void step(Step step) {
                steps[0] = step.step();
              }

              @Override
              public boolean stopRequested() {
                return steps[0] >= stopAt;
              }
            });
  }

  @Test
  void whatCannotBeTrainedOnIsRefused() throws IOException {
    assertRefused(dir.resolve("none.jsonl"), "none.jsonl", "no such file");
    assertRefused(Files.writeString(dir.resolve("e.jsonl"), ""), "e.jsonl", "0 examples");
    assertRefused(
        Files.writeString(dir.resolve("b.jsonl"), "{\"text\":\"a\"}\n{\"text\":3}\n"),
        "b.jsonl line 2",
        "field text");
    Path zero = Files.write(dir.resolve("z.txt"), new byte[] {'a', 0, 'b'});
    assertRefused(zero, "z.txt", "zero byte");
    Path latin = Files.write(dir.resolve("l.txt"), new byte[] {'a', (byte) 0xe9, 'b'});
    assertRefused(latin, "l.txt", "no UTF-8", "iconv");
    assertRefused(Files.writeString(dir.resolve("s.txt"), "ab"), "s.txt", "fewer than one block");
    try (Stream<Path> left =
        Files.exists(dir.resolve("c")) ? Files.list(dir.resolve("c")) : Stream.of()) {
      assertThat(left.map(Path::toString)).noneMatch(p -> p.endsWith(".tmp"));
    }
  }

  private void assertRefused(Path file, String... words) {
    assertThatThrownBy(() -> prepare(file, Packing.STREAM, 64))
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll(words);
  }
}
