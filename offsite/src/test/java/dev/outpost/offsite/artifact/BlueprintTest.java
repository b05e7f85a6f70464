package dev.outpost.offsite.artifact;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.offsite.emulator.Harmonizer;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.io.SafetensorsFile;
import dev.outpost.transformer.Slot;
import dev.outpost.transformer.TinyModels;
import dev.outpost.transformer.TransformerModel;
import dev.outpost.transformer.family.Gpt2;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Emulators whose blocks are not what the configuration says. */
class BlueprintTest {
  private final TransformerModel full = TinyModels.random(5, 3);
  @TempDir Path folder;

  private TransformerModel emulator() {
    List<Slot> s = full.slots();
    Harmonizer h = Harmonizer.fresh("blocks.1", full.spec().width(), 3, 7);
    return full.withSlots(
        List.of(s.get(0), s.get(1).with(h), s.get(2), s.get(3).with(s.get(2).block()), s.get(4)));
  }

  private void write(TransformerModel emulated) throws Exception {
    OffsitePackage.write(
        folder,
        emulated,
        Set.of("blocks.0", "blocks.4"),
        BaseFingerprint.of(full),
        new Gpt2().write(full.spec(), 0),
        JsonObject.create(),
        null);
  }

  @Test
  void harmonizersAndRepeatedBlocksSurviveThePackage() throws Exception {
    TransformerModel emulated = emulator();
    write(emulated);
    try (OffsitePackage p = OffsitePackage.open(folder)) {
      var sent = TinyModels.numbers(emulated);
      var got = TinyModels.numbers(p.model());
      assertThat(got.keySet()).isEqualTo(sent.keySet());
      sent.forEach((name, values) -> assertThat(got.get(name)).as(name).isEqualTo(values));
      assertThat(p.model().slots().get(1).block()).isInstanceOf(Harmonizer.class);
      assertThat(p.model().slots().get(3).block()).isSameAs(p.model().slots().get(2).block());
      long block = full.spec().blockParameters();
      long harmonizer = 2L * 3 * full.spec().width();
      assertThat(p.model().count(false)).isEqualTo(full.count(false) - 2 * block + harmonizer);
    }
    try (SafetensorsFile f = SafetensorsFile.open(folder.resolve("model.safetensors"))) {
      assertThat(f.names()).noneMatch(name -> name.startsWith("blocks.3."));
    }
  }

  @Test
  void aManifestThatLiesIsRefused() throws Exception {
    write(emulator());
    Path manifest = folder.resolve("manifest.json");
    String good = Files.readString(manifest);
    for (String[] lie :
        new String[][] {
          {"\"rank\" : 3", "\"rank\" : 4", "shape"},
          {"\"rank\" : 3", "\"rank\" : 0", "rank"},
          {"\"harmonizer\"", "\"oracle\"", "oracle"},
          {"\"as\" : \"blocks.2\"", "\"as\" : \"blocks.4\"", "before"},
          {"\"as\" : \"blocks.2\"", "\"as\" : \"blocks.9\"", "before"}
        }) {
      assertThat(good).contains(lie[0]);
      Files.writeString(manifest, good.replace(lie[0], lie[1]));
      assertThatThrownBy(() -> OffsitePackage.open(folder))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining(lie[2]);
    }
  }
}
