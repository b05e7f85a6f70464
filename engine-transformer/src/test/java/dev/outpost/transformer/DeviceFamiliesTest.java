package dev.outpost.transformer;

import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;

import dev.outpost.autograd.Tape;
import dev.outpost.autograd.optim.Schedule;
import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MirrorKernels;
import dev.outpost.tensor.kernel.MirrorMemory;
import dev.outpost.tensor.memory.Workspace;
import dev.outpost.tensor.random.RandomStream;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.peft.Attach;
import dev.outpost.transformer.peft.LoraConfig;
import dev.outpost.transformer.run.Accuracy;
import dev.outpost.transformer.run.Generator;
import dev.outpost.transformer.run.Perplexity;
import dev.outpost.transformer.run.Sampling;
import dev.outpost.transformer.train.Batch;
import dev.outpost.transformer.train.Blocks;
import dev.outpost.transformer.train.Examples;
import dev.outpost.transformer.train.Measure;
import dev.outpost.transformer.train.Objective;
import dev.outpost.transformer.train.Progress;
import dev.outpost.transformer.train.Steps;
import dev.outpost.transformer.train.Trainer;
import dev.outpost.transformer.train.TrainingPlan;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/**
 * Every family on kernels with a memory of their own, bit for bit as on the same kernels without.
 */
class DeviceFamiliesTest {
  static final List<String> DECODERS = Golden.NAMES;
  static final List<String> ENCODERS = EncoderGoldenTest.NAMES;

  @TempDir private Path temporary;

  private static void assertSame(Run run) {
    MirrorKernels device = new MirrorKernels(TinyModels.best());
    assertThat(run.on(device)).isEqualTo(run.on(TinyModels.best()));
    device.memory().requireConstant();
  }

  private interface Run {
    /** Everything that comes out, as lists. */
    List<Object> on(Kernels kernels);
  }

  @ParameterizedTest
  @FieldSource("DECODERS")
  void decodersTrainScoreAndWriteTheSame(String name) throws IOException {
    Golden golden = Golden.unpack(name, temporary);
    Blocks blocks = Blocks.of(golden.ints("stream"), golden.block()).slice(0, 2);
    int[] prompt = golden.ints("prompt");
    try (ModelFolder folder = ModelFolder.open(golden.folder())) {
      assertSame(kernels -> {
        List<Object> out = new ArrayList<>();
        out.add(logits(folder.model(), blocks.batch(new int[] {0, 1}), kernels));
        out.add(Perplexity.of(folder.model(), kernels, kernels.memory().workspace(), blocks, 2));
        Generator generator = new Generator(folder.model(), kernels);
        generator.generate(prompt, 5, Sampling.greedy(), RandomStream.of(1, "none"), out::add);
        out.add(generator.scores(prompt).clone());
        out.addAll(trained(folder.model(), blocks, kernels));
        return plain(out);
      });
    }
  }

  /** Of a token the scores leave the device, and nothing enters. */
  @ParameterizedTest
  @FieldSource("DECODERS")
  void tokensAreMadeOnTheDevice(String name) throws IOException {
    Golden golden = Golden.unpack(name, temporary);
    int[] ids = golden.ints("stream");
    try (ModelFolder folder = ModelFolder.open(golden.folder())) {
      MirrorKernels device = new MirrorKernels(TinyModels.best());
      Generator generator = new Generator(folder.model(), device);
      generator.scores(Arrays.copyOf(ids, 10));
      device.memory().forget();
      // The cache grows on the way.
      for (int n = 11; n <= 20; n++) generator.scores(Arrays.copyOf(ids, n));
      assertTraffic(device.memory(), 10, 0);
    }
  }

  /** Of a step of LoRA the loss leaves the device, and its gradient, and nothing enters. */
  @ParameterizedTest
  @FieldSource("DECODERS")
  void stepsAreTakenOnTheDevice(String name) throws IOException {
    Golden golden = Golden.unpack(name, temporary);
    Blocks text = Blocks.of(golden.ints("stream"), golden.block());
    try (ModelFolder folder = ModelFolder.open(golden.folder())) {
      Set<String> all = folder.model().slots().stream().map(Slot::name).collect(toSet());
      TransformerModel model = Attach.attach(folder.model(), all, LoraConfig.of(2), 1);
      MirrorKernels device = new MirrorKernels(TinyModels.best());
      Steps steps = new Steps(model, text, TrainingPlan.of(2, 1, 0.01f, 1), device);
      steps.adopt();
      steps.take(0, model, Objective.languageModel());
      device.memory().forget();
      steps.take(1, model, Objective.languageModel());
      assertTraffic(device.memory(), 2, 0);
      steps.release();
    }
  }

  private static void assertTraffic(MirrorMemory memory, int fetches, int stores) {
    assertThat(memory.fetches()).as("fetched").isEqualTo(fetches);
    assertThat(memory.stores()).as("stored").isEqualTo(stores);
    assertThat(memory.brought()).as("operands of the host's").isZero();
  }

  @ParameterizedTest
  @FieldSource("ENCODERS")
  void encodersTrainAndScoreTheSame(String name) throws IOException {
    Golden golden = Golden.unpack(name, temporary);
    Examples one = new EncoderGoldenTest.One(golden);
    try (ModelFolder folder = ModelFolder.open(golden.folder())) {
      TransformerModel model = EncoderGoldenTest.scored(folder.model());
      assertSame(kernels -> {
        List<Object> out = new ArrayList<>();
        out.add(logits(model, one.batch(new int[1]), kernels));
        Workspace workspace = kernels.memory().workspace();
        out.add(Accuracy.of(model, kernels, workspace, one, 1));
        out.add(Measure.of(Objective.languageModel()).of(model, kernels, workspace, one, 1));
        out.addAll(trained(model, one, kernels));
        return plain(out);
      });
    }
  }

  private static float[] logits(TransformerModel model, Batch batch, Kernels kernels) {
    Tape tape = Tape.evaluating(kernels, kernels.memory().workspace());
    var pass = batch.pass(tape);
    Tensor logits = model.logits(pass, model.hidden(pass, batch.input()));
    kernels.memory().fetch(logits);
    return logits.toArray();
  }

  /** Losses and all parameters of three steps with and three without recomputation. */
  private static List<Object> trained(TransformerModel from, Examples text, Kernels kernels) {
    List<Object> out = new ArrayList<>();
    for (boolean recompute : new boolean[] {false, true}) {
      TransformerModel model = from.trainable(any -> true);
      int batch = text.count();
      TrainingPlan plan =
          new TrainingPlan(
              3, batch, 1, 0.01f, new Schedule.Constant(0), 0.1f, 1, 0, 0, 1, recompute);
      new Trainer(model, Objective.languageModel(), text, null, plan, kernels)
          .run(
              new Progress() {
                @Override
                public void step(Step step) {
                  out.add(step.loss());
                }
              });
      for (Map.Entry<String, float[]> e : TinyModels.numbers(model).entrySet()) {
        out.add(e.getKey());
        out.add(e.getValue());
      }
    }
    return out;
  }

  /** Arrays as lists, which are equal when their elements are. */
  private static List<Object> plain(List<Object> all) {
    List<Object> out = new ArrayList<>();
    for (Object o : all) {
      if (!(o instanceof float[] numbers)) {
        out.add(o);
        continue;
      }
      List<Float> list = new ArrayList<>(numbers.length);
      for (float x : numbers) list.add(x);
      out.add(list);
    }
    return out;
  }
}
