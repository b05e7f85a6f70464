package dev.outpost;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.autograd.Tape;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.transformer.Golden;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.module.Pass;
import dev.outpost.transformer.peft.BottleneckConfig;
import dev.outpost.transformer.peft.Ia3Config;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.peft.PeftMethod;
import dev.outpost.transformer.peft.PrefixConfig;
import dev.outpost.transformer.peft.PromptConfig;
import dev.outpost.transformer.run.Generator;
import dev.outpost.transformer.run.Sampling;
import dev.outpost.transformer.text.BytePairTrainer;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.text.TokenizerFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A model from the top. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class OutpostTest {
  private static final String WORDS = "the owner keeps the model and the other keeps the text. ";
  private static final GenerateOptions GREEDY = GenerateOptions.greedy().withMaxTokens(12);
  private static final int CONTEXT = 160;

  private Path folder;
  private LanguageModel model;

  @BeforeAll
  void load(@TempDir Path home) throws IOException {
    folder = home.resolve("model");
    Tokenizer tokenizer = BytePairTrainer.of(280).train(List.of(WORDS.repeat(40)));
    Spec spec =
        Gpt2.spec(
            tokenizer.vocabularySize(), CONTEXT, 16, 2, 2, 64, UnaryMap.GELU_TANH, 1e-5f, true);
    TokenizerFiles.save(tokenizer, folder);
    ModelFolder.write(
        folder,
        TinyModels.random(spec, 3),
        new Gpt2().write(spec, tokenizer.endOfText().orElse(0)),
        null);
    model = Outpost.load(folder, 2);
  }

  @AfterAll
  void close() throws IOException {
    model.close();
  }

  // Writing.

  @Test
  void writesWhatAGeneratorWrites() {
    List<Integer> made = new ArrayList<>();
    Generator g = new Generator(model.transformer(), model.kernels());
    GenerateOptions o = GenerateOptions.DEFAULT.withMaxTokens(20).withSeed(5);
    int[] ids = model.tokenizer().encode("the owner");
    int end = model.tokenizer().endOfText().orElse(-1);
    g.generate(
        ids,
        20,
        o.sampling(),
        RandomStream.of(5, "sample"),
        t -> {
          if (t != end) made.add(t);
          return t != end;
        });
    int[] expected = made.stream().mapToInt(Integer::intValue).toArray();
    assertThat(model.generate("the owner", o)).isEqualTo(model.tokenizer().decode(expected));
    assertThat(model.generate("the owner", o.withSeed(6)))
        .isNotEqualTo(model.generate("the owner", o));
  }

  @Test
  void aStreamIsMadeAsItIsAskedFor() {
    Session s = model.session();
    Iterator<String> pieces = s.stream("the owner", GREEDY).iterator();
    int before = s.tokens().length;
    String first = pieces.next();
    assertThat(s.tokens().length).isBetween(before + 1, before + 4);
    StringBuilder all = new StringBuilder(first);
    pieces.forEachRemaining(all::append);
    assertThat(all.toString()).isEqualTo(model.generate("the owner", GREEDY));
    assertThat(s.text()).isEqualTo("the owner" + all);
    assertThat(pieces.hasNext()).isFalse();
  }

  @Test
  void anEmptyPromptBeginsAtTheEndOfText() {
    assertThat(model.generate("", GREEDY)).isNotEmpty();
    assertThat(model.session().stream("", GREEDY).limit(1)).hasSize(1);
  }

  @Test
  void optionsAreChecked() {
    assertThatThrownBy(() -> GREEDY.withMaxTokens(0)).hasMessageContaining("maxTokens");
    assertThatThrownBy(() -> GREEDY.stoppingAt("")).hasMessageContaining("stop text");
  }

  // Conversations.

  @Test
  void aConversationSaysWhatOneLongPromptWould() {
    Session s = model.session();
    String first = s.generate("the model", GREEDY);
    String second = s.generate(" and the text", GREEDY);
    assertThat(s.text()).isEqualTo("the model" + first + " and the text" + second);
    int[] said = s.tokens();
    int from = answerStart(said, "the model" + first + " and the text");
    Session whole = model.session().append(Arrays.copyOf(said, from));
    assertThat(whole.generate("", GREEDY)).isEqualTo(second);
    assertThat(whole.tokens()).isEqualTo(said);
  }

  /** How many tokens spell the beginning. */
  private int answerStart(int[] said, String beginning) {
    for (int n = 0; n <= said.length; n++)
      if (model.tokenizer().decode(Arrays.copyOf(said, n)).equals(beginning)) return n;
    throw new AssertionError("no tokens spell " + beginning);
  }

  @Test
  void aStopTextIsNotSaid() {
    String answer = model.generate("the model", GREEDY);
    assertThat(answer.length()).isGreaterThan(6);
    for (int length : new int[] {1, 2, 3}) {
      String stop = answer.substring(3, 3 + length);
      Session s = model.session();
      String said = s.generate("the model", GREEDY.stoppingAt(stop));
      assertThat(said).isEqualTo(answer.substring(0, answer.indexOf(stop)));
      assertThat(s.text()).isEqualTo("the model" + said);
    }
  }

  @Test
  void rewindingAsksAgain() {
    Session s = model.session();
    s.append("the model");
    int there = s.tokens().length;
    String once = s.generate("", GREEDY);
    s.generate(" and more", GREEDY);
    assertThat(s.rewind(there).generate("", GREEDY)).isEqualTo(once);
    assertThatThrownBy(() -> s.rewind(1000)).hasMessageContaining("cannot rewind");
    assertThatThrownBy(() -> s.append(-1)).hasMessageContaining("token -1");
  }

  @Test
  void aNewStreamEndsTheOneBefore() {
    Session s = model.session();
    Iterator<String> old = s.stream("the model", GREEDY).iterator();
    old.next();
    s.generate(" and", GREEDY);
    assertThat(old.hasNext()).isFalse();
  }

  @Test
  void aFullContextSaysSo() {
    Session s = model.session();
    s.generate("the owner", GREEDY.withMaxTokens(1000).withSampling(Sampling.greedy()));
    while (s.tokens().length < CONTEXT) s.append("x");
    assertThatThrownBy(() -> s.generate("", GREEDY))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("context of " + CONTEXT)
        .hasMessageContaining("rewind");
  }

  @Test
  void sessionsOnThreadsOfTheirOwnSayWhatTheyWouldAlone() throws Exception {
    List<String> openings = List.of("the owner", "keeps the text", "other", "and the model keeps");
    GenerateOptions sampled = GenerateOptions.DEFAULT.withMaxTokens(15);
    List<List<String>> alone = openings.stream().map(o -> talk(o, sampled)).toList();
    CountDownLatch go = new CountDownLatch(1);
    List<FutureTask<List<String>>> together =
        openings.stream()
            .map(o ->
                new FutureTask<>(() -> {
                  go.await();
                  return talk(o, sampled);
                }))
            .toList();
    together.forEach(t -> Thread.ofPlatform().daemon().start(t));
    go.countDown();
    for (int i = 0; i < openings.size(); i++)
      assertThat(together.get(i).get()).as(openings.get(i)).isEqualTo(alone.get(i));
  }

  /** Three turns, and what else a model is asked between them. */
  private List<String> talk(String opening, GenerateOptions options) {
    Session s = model.session();
    List<String> answers = new ArrayList<>();
    for (String turn : List.of(opening, " and then", ". the end")) {
      answers.add(s.generate(turn, options));
      answers.add("" + model.score(opening + turn).logProbability());
      answers.add("" + model.embed(turn)[3]);
    }
    return answers;
  }

  // Scores and vectors.

  @Test
  void aScoreIsTheSumOfLogProbabilities() {
    int[] ids = model.tokenizer().encode("the owner keeps");
    Generator g = new Generator(model.transformer(), model.kernels());
    double expected = 0;
    for (int i = 1; i < ids.length; i++)
      expected += logSoftmax(g.scores(Arrays.copyOf(ids, i)))[ids[i]];
    double first =
        logSoftmax(g.scores(new int[] {model.tokenizer().endOfText().getAsInt()}))[ids[0]];
    Score score = model.score("the owner", " keeps");
    int context = model.tokenizer().encode("the owner").length;
    assertThat(score.tokens()).isEqualTo(ids.length - context);
    double part = 0;
    for (int i = context; i < ids.length; i++)
      part += logSoftmax(g.scores(Arrays.copyOf(ids, i)))[ids[i]];
    assertThat(score.logProbability()).isCloseTo(part, within(1e-4));
    assertThat(score.perplexity()).isCloseTo(Math.exp(-part / score.tokens()), within(1e-2));
    assertThat(model.score("the owner keeps").tokens()).isEqualTo(ids.length);
    assertThat(first + expected).isNegative();
    assertThatThrownBy(() -> model.score("the", "")).hasMessageContaining("no token");
    assertThatThrownBy(() -> model.score("x".repeat(CONTEXT), "y"))
        .hasMessageContaining("context is " + CONTEXT);
  }

  private static double[] logSoftmax(float[] scores) {
    double top = IntStream.range(0, scores.length).mapToDouble(i -> scores[i]).max().orElseThrow();
    double sum = 0;
    for (float s : scores) sum += Math.exp(s - top);
    double log = top + Math.log(sum);
    return IntStream.range(0, scores.length).mapToDouble(i -> scores[i] - log).toArray();
  }

  @Test
  void aTextIsTheMeanOfItsHiddenStates() {
    int[] ids = model.tokenizer().encode(WORDS);
    Pass pass = Pass.of(Tape.evaluating(model.kernels(), new Workspace()), 1, ids.length);
    float[] hidden = model.transformer().hidden(pass, ids).value().toArray();
    double mean = 0;
    for (int i = 0; i < ids.length; i++) mean += hidden[i * 16 + 5] / (double) ids.length;
    assertThat(model.embed(WORDS)).hasSize(16);
    assertThat((double) model.embed(WORDS)[5]).isCloseTo(mean, within(1e-6));
    assertThat(model.embed(WORDS, Pooling.LAST)[5]).isEqualTo(hidden[(ids.length - 1) * 16 + 5]);
    assertThatThrownBy(() -> model.embed("")).hasMessageContaining("no token");
  }

  // Learning and saving.

  @Test
  void learnsFromTextsAndIsSaved(@TempDir Path home) throws IOException {
    double before = model.score(WORDS).perplexity();
    Map<String, float[]> numbers = TinyModels.numbers(model.transformer());
    Tuning short_ = Tuning.lora(4).withSteps(15).withBatch(2, 32).withLearningRate(1e-2f);
    try (LanguageModel tuned = model.tune(List.of(WORDS.repeat(10), WORDS), short_)) {
      double after = tuned.score(WORDS).perplexity();
      assertThat(after).isLessThan(before * 0.95);
      tuned.save(home.resolve("tuned"));
      try (LanguageModel again = Outpost.load(home.resolve("tuned"), 1)) {
        assertThat(again.score(WORDS).perplexity()).isCloseTo(after, within(after * 1e-4));
        assertThat(again.generate("the owner", GREEDY))
            .isEqualTo(tuned.generate("the owner", GREEDY));
      }
      try (LanguageModel more = tuned.tune(List.of(WORDS.repeat(10)), short_)) {
        assertThat(more.score(WORDS).perplexity()).isLessThan(before * 0.95);
      }
    }
    TinyModels.numbers(model.transformer())
        .forEach((name, now) -> assertThat(now).as(name).isEqualTo(numbers.get(name)));
    assertThatThrownBy(() -> model.save(folder)).hasMessageContaining("choose another folder");
    assertThatThrownBy(() -> model.tune(List.of("x"), short_))
        .hasMessageContaining("fewer than one block");
  }

  static Stream<PeftMethod> methods() {
    return Stream.of(
        LoraConfig.of(4),
        new LoraConfig(4, 4, 0, LoraConfig.ALL_PROJECTIONS, true, true),
        Ia3Config.PAPER,
        new PromptConfig(3),
        new PrefixConfig(3),
        BottleneckConfig.of(4),
        new PeftMethod.BitFit(),
        new PeftMethod.Full());
  }

  /** What merges becomes a folder, what peft knows an adapter; the rest is refused by name. */
  @ParameterizedTest
  @MethodSource("methods")
  void learnsByEveryMethodAndKeepsWhatItLearnt(PeftMethod method, @TempDir Path home)
      throws IOException {
    List<String> texts = List.of(WORDS.repeat(10));
    Tuning tuning = Tuning.of(method).withSteps(12).withBatch(2, 32).withLearningRate(2e-2f);
    try (LanguageModel begun = model.tune(texts, tuning.withSteps(1).withLearningRate(1e-6f));
        LanguageModel tuned = model.tune(texts, tuning)) {
      double after = tuned.score(WORDS).perplexity();
      // A prompt or a prefix begins elsewhere than the model.
      assertThat(after).isLessThan(begun.score(WORDS).perplexity() * 0.99);
      if (method.merges()) {
        tuned.save(home.resolve("merged"));
        try (LanguageModel again = Outpost.load(home.resolve("merged"), 1)) {
          assertThat(again.score(WORDS).perplexity()).isCloseTo(after, within(after * 1e-4));
        }
      } else {
        assertThatThrownBy(() -> tuned.save(home.resolve("merged")))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("attached " + method.name());
        assertThat(home.resolve("merged")).doesNotExist();
      }
      Path adapter = home.resolve("adapter");
      if (Set.of("lora", "dora", "ia3", "prompt").contains(method.name())) {
        tuned.saveAdapter(adapter);
        try (LanguageModel again = model.withAdapter(adapter)) {
          assertThat(again.score(WORDS).perplexity()).isCloseTo(after, within(after * 1e-5));
        }
      } else {
        assertThatThrownBy(() -> tuned.saveAdapter(adapter))
            .isInstanceOf(IllegalArgumentException.class);
        assertThat(adapter).doesNotExist();
      }
    }
  }

  @Test
  void aPromptLeavesLessRoomForABlock() {
    Tuning long_ = Tuning.of(new PromptConfig(3)).withBatch(1, CONTEXT - 2);
    assertThatThrownBy(() -> model.tune(List.of(WORDS.repeat(90)), long_))
        .hasMessageContaining("the model's context is " + (CONTEXT - 3));
  }

  @Test
  void learnsWithEveryWeight() throws IOException {
    Tuning full = Tuning.full().withSteps(8).withBatch(2, 32).withLearningRate(1e-2f);
    try (LanguageModel tuned = model.tune(List.of(WORDS.repeat(10)), full)) {
      assertThat(tuned.score(WORDS).perplexity()).isLessThan(model.score(WORDS).perplexity() * 0.8);
    }
  }

  // Beginning and end.

  @Test
  void aClosedModelIsNotUsed() throws IOException {
    LanguageModel mine = Outpost.load(folder, 1);
    Session s = mine.session();
    LanguageModel tuned =
        mine.tune(List.of(WORDS.repeat(3)), Tuning.lora(1).withSteps(1).withBatch(1, 16));
    Iterator<String> open = s.stream("the", GREEDY).iterator();
    open.next();
    mine.close();
    mine.close();
    assertThatThrownBy(() -> mine.generate("x"))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("closed");
    assertThatThrownBy(open::hasNext).isInstanceOf(IllegalStateException.class);
    // What was tuned from it still reads its files.
    assertThat(tuned.generate("the", GREEDY)).isNotEmpty();
    tuned.close();
    assertThatThrownBy(() -> tuned.score("the model")).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void anEncoderEmbedsAndDoesNotWrite() throws IOException {
    ModelFolder files = ModelFolder.open(folder);
    TransformerModel m = files.model();
    Spec s = m.spec();
    Spec.Attention a = s.attention();
    Spec both =
        new Spec(
            "bert",
            s.vocabularySize(),
            s.context(),
            s.width(),
            s.layers(),
            s.embedding(),
            new Spec.Attention(
                a.heads(),
                a.kvHeads(),
                a.headDim(),
                a.inputs(),
                a.inputBias(),
                a.outputBias(),
                a.headNorm(),
                a.scale(),
                a.softCap(),
                false),
            s.feedForward(),
            s.norms(),
            s.positions(),
            s.pattern(),
            s.head(),
            s.layout());
    TransformerModel encoder =
        new TransformerModel(both, m.embeddings(), m.slots(), m.norm(), null, m.head());
    try (LanguageModel e =
        new LanguageModel(
            Resources.of(files, Team.of(1), Compute.threads(1)), encoder, model.tokenizer())) {
      assertThat(e.embed("the text")).hasSize(16);
      assertThatThrownBy(() -> e.generate("the text"))
          .isInstanceOf(UnsupportedOperationException.class)
          .hasMessageContaining("model_type bert is an encoder")
          .hasMessageContaining("embed");
    }
  }

  @Test
  void aModelOfImagesIsRefusedByWhatItIsFor(@TempDir Path home) throws IOException {
    Path vit = Golden.unpack("vit-classes-f32", home).folder();
    assertThatThrownBy(() -> Outpost.load(vit))
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll(
            vit.toString(), "model_type vit reads images", "evaluate --images");
  }

  @Test
  void whatCannotBeLoadedLeavesNothingOpen(@TempDir Path empty) throws IOException {
    assertThatThrownBy(() -> Outpost.load(empty)).isInstanceOf(FormatException.class);
    Files.copy(folder.resolve("config.json"), empty.resolve("config.json"));
    Files.copy(folder.resolve("model.safetensors"), empty.resolve("model.safetensors"));
    assertThatThrownBy(() -> Outpost.load(empty)).hasMessageContaining("no tokenizer here");
  }
}
