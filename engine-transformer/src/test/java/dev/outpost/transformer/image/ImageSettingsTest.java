package dev.outpost.transformer.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import dev.outpost.tensor.io.SafetensorsFile;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Pictures against Transformers' Pillow backend. Written by {@code make_image_goldens.py}. */
class ImageSettingsTest {
  /** Decoders of JPEG may differ by a level or two of 255; the rest is exact. */
  private static final float JPEG_LEVELS = 3;

  @TempDir private Path temporary;

  private Path unpack(String name) throws IOException {
    Path to = temporary.resolve(name);
    try (InputStream in = ImageSettingsTest.class.getResourceAsStream(name)) {
      if (in == null) throw new FileNotFoundException(name);
      Files.write(to, in.readAllBytes());
    }
    return to;
  }

  @ParameterizedTest
  @CsvSource({"vit", "clip", "larger"})
  void makesWhatTheReferenceMakes(String setting) throws IOException {
    ImageSettings settings = ImageSettings.of(JsonObject.read(unpack(setting + ".json")));
    ImageSettings.Size.Exact size = settings.output().orElseThrow();
    float[] got = new float[3 * size.width() * size.height()];
    try (SafetensorsFile f = SafetensorsFile.open(unpack("pixels.safetensors"))) {
      for (String name : f.names()) {
        if (!name.startsWith(setting + "/")) continue;
        String file = name.substring(setting.length() + 1);
        settings.apply(Picture.read(unpack(file)), got, 0);
        Tensor want = f.weight(name).toTensor();
        float level = (float) (settings.scale() / settings.deviation().getFirst());
        float bound = file.endsWith(".jpg") ? JPEG_LEVELS * level * 1.1f : 0;
        float furthest = 0;
        for (int i = 0; i < got.length; i++)
          furthest = Math.max(furthest, Math.abs(got[i] - want.get(i)));
        System.getLogger("images")
            .log(System.Logger.Level.INFO, name + ": " + furthest / level + " levels off");
        assertThat(want.size()).isEqualTo(got.length);
        assertThat(furthest).as(name).isLessThanOrEqualTo(bound);
      }
    }
  }

  @Test
  void refusesWhatItWouldMakeDifferently() throws IOException {
    for (String[] bad :
        new String[][] {
          {"{\"image_processor_type\": \"BeitImageProcessor\"}", "image_processor_type"},
          {"{\"image_processor_type\": \"ViTImageProcessor\", \"resample\": 0}", "resample"},
          {"{\"image_processor_type\": \"ViTImageProcessor\", \"do_pad\": true}", "do_pad"},
          {"{\"image_processor_type\": \"CLIPImageProcessor\", \"crop_size\": 300}", "crop_size"},
          {
            "{\"image_processor_type\": \"CLIPImageProcessor\", \"do_center_crop\": false}",
            "do_center_crop"
          },
          {"{\"image_processor_type\": \"ViTImageProcessor\", \"image_mean\": [1]}", "image_mean"},
          {"{\"image_processor_type\": \"ViTImageProcessor\", \"size\": {}}", "width"}
        })
      assertThatThrownBy(() -> ImageSettings.of(JsonObject.parse("p.json", bad[0])))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("p.json")
          .hasMessageContaining(bad[1]);
  }

  @Test
  void refusesWhatIsNoPicture() throws IOException {
    Path text = Files.writeString(temporary.resolve("a.png"), "no picture");
    assertThatThrownBy(() -> Picture.read(text))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("a.png");
    byte[] whole = Files.readAllBytes(unpack("rgb.png"));
    for (int length = 8; length < whole.length - 16; length += 97) {
      Path cut = temporary.resolve("cut.png");
      Files.write(cut, java.util.Arrays.copyOf(whole, length));
      assertThatThrownBy(() -> Picture.read(cut)).isInstanceOf(FormatException.class);
    }
    byte[] huge = whole.clone();
    // Width and height of the header: 2³¹ − 1 each, with no checksum to match.
    byte[] claim = "\u007f".getBytes(StandardCharsets.ISO_8859_1);
    for (int i = 0; i < 8; i++) huge[16 + i] = i % 4 == 0 ? claim[0] : (byte) 0xff;
    Path bomb = Files.write(temporary.resolve("bomb.png"), huge);
    assertThatThrownBy(() -> Picture.read(bomb)).isInstanceOf(FormatException.class);
  }
}
