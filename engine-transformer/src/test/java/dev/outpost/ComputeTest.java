package dev.outpost;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.kernel.Device;
import dev.outpost.tensor.kernel.DeviceException;
import dev.outpost.tensor.kernel.Devices;
import dev.outpost.tensor.kernel.FakeDevice;
import dev.outpost.tensor.kernel.Kernels;
import dev.outpost.tensor.kernel.MirrorKernels;
import dev.outpost.tensor.kernel.Team;
import dev.outpost.tensor.kernel.UnaryMap;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.family.Gpt2;
import dev.outpost.transformer.load.ModelFolder;
import dev.outpost.transformer.text.BytePairTrainer;
import dev.outpost.transformer.text.Tokenizer;
import dev.outpost.transformer.text.TokenizerFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a model computes on, without a device. */
final class ComputeTest {
  private static final String TEXT = "the owner keeps the model and the other keeps the text. ";
  private static final Device BROKEN =
      new FakeDevice(
          "0:0",
          "a broken GPU",
          Device.Kind.GPU,
          host -> {
            throw new DeviceException("device 0:0: its fan has stopped; clean it");
          });

  @TempDir private Path folder;

  @BeforeEach
  void write() throws IOException {
    Tokenizer tokenizer = BytePairTrainer.of(270).train(List.of(TEXT.repeat(9)));
    Spec spec =
        Gpt2.spec(tokenizer.vocabularySize(), 64, 16, 2, 2, 64, UnaryMap.GELU_TANH, 1e-5f, true);
    TokenizerFiles.save(tokenizer, folder);
    ModelFolder.write(
        folder,
        TinyModels.random(spec, 3),
        new Gpt2().write(spec, tokenizer.endOfText().orElse(0)),
        null);
  }

  private LanguageModel loaded(Compute compute, Device device) throws IOException {
    ModelFolder files = ModelFolder.open(folder);
    Team team = Team.of(compute.threads());
    Kernels host = Kernels.best(team);
    Devices devices = Devices.of(List.of(FakeDevice.provider(List.of(device))));
    return new LanguageModel(
        new Resources(files, team, host, compute.open(host, devices, note -> {}).orElseThrow()),
        files.model(),
        TokenizerFiles.load(folder));
  }

  private static List<Object> work(LanguageModel model) {
    GenerateOptions options = GenerateOptions.DEFAULT.withMaxTokens(12);
    return List.of(
        model.generate("the owner", options),
        model.score("the owner", " keeps the text").logProbability(),
        model.embed("the text")[3]);
  }

  @Test
  void aDeviceComputesWhatTheProcessorDoes() throws IOException {
    AtomicInteger closed = new AtomicInteger();
    Device gpu =
        new FakeDevice(
            "0:0", "a GPU", Device.Kind.GPU, MirrorKernels::new, closed::incrementAndGet);
    Tuning lora = Tuning.lora(2).withSteps(3).withBatch(2, 8);
    try (LanguageModel plain = Outpost.load(folder, 2);
        LanguageModel wanted = plain.tune(List.of(TEXT), lora)) {
      LanguageModel model = loaded(Compute.threads(2).on("gpu"), gpu);
      assertThat(model.kernels().name()).startsWith("mirror");
      assertThat(work(model)).isEqualTo(work(plain));
      LanguageModel tuned = model.tune(List.of(TEXT), lora);
      assertThat(closed).hasValue(0);
      model.close();
      // The tuned one still needs it.
      assertThat(closed).hasValue(0);
      assertThat(work(tuned)).isEqualTo(work(wanted)).isNotEqualTo(work(plain));
      tuned.close();
      assertThat(closed).hasValue(1);
    }
  }

  @Test
  void withoutSoftwareAutoIsTheProcessor() throws IOException {
    try (LanguageModel plain = Outpost.load(folder, 2);
        LanguageModel auto = Outpost.load(folder, Compute.threads(2).on("auto"))) {
      assertThat(auto.kernels().name()).isEqualTo(plain.kernels().name());
      assertThat(work(auto)).isEqualTo(work(plain));
    }
  }

  @Test
  void whatIsNotThereIsRefusedWithTheCure() {
    assertThatThrownBy(() -> Outpost.load(folder, Compute.allThreads().on("gpu")))
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining("no GPU")
        .hasMessageContaining("TORNADOVM_HOME");
    assertThatThrownBy(() -> Outpost.load(folder, Compute.threads(1).on("cuda")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("cpu, gpu, auto");
    assertThatThrownBy(() -> Compute.threads(0)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> Compute.threads(1).withDeviceMemory(-1))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aGpuThatDoesNotOpenLeavesAutoTheProcessorAndSaysSo() {
    Devices devices = Devices.of(List.of(FakeDevice.provider(List.of(BROKEN))));
    Compute one = Compute.threads(1);
    List<String> notes = new ArrayList<>();
    assertThat(one.on("auto").open(Kernels.scalar(), devices, notes::add)).isEmpty();
    assertThat(notes)
        .containsExactly("device 0:0: its fan has stopped; clean it; computing on the processor");
    assertThatThrownBy(() -> one.on("gpu").open(Kernels.scalar(), devices, notes::add))
        .isInstanceOf(DeviceException.class)
        .hasMessageContaining("fan");
    assertThat(one.open(Kernels.scalar(), devices, notes::add)).isEmpty();
  }
}
