package dev.outpost.tensor.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JsonObjectTest {
  @TempDir Path folder;

  @Test
  void readsWhatItWrote() throws IOException {
    Path file = folder.resolve("config.json");
    JsonObject.create()
        .put("name", "größe \"x\"\n")
        .put("heads", 12)
        .put("seed", Long.MIN_VALUE)
        .put("eps", 1e-5)
        .put("tied", true)
        .put("none", null)
        .put("layers", List.of("a", "b"))
        .put("parts", List.of(JsonObject.create().put("n", 1), JsonObject.create().put("n", 2)))
        .put("nested", Map.of("k", "v"))
        .write(file);
    JsonObject o = JsonObject.read(file);
    assertThat(o.names()).startsWith("name", "heads", "seed").hasSize(9);
    assertThat(o.string("name")).isEqualTo("größe \"x\"\n");
    assertThat(o.integer("heads", 1, 100)).isEqualTo(12);
    assertThat(o.integer("seed")).isEqualTo(Long.MIN_VALUE);
    assertThat(o.number("eps", 0)).isEqualTo(1e-5);
    assertThat(o.number("heads", 0)).isEqualTo(12);
    assertThat(o.bool("tied", false)).isTrue();
    assertThat(o.has("none")).isFalse();
    assertThat(o.optionalString("none")).isEmpty();
    assertThat(o.integer("absent", 0, 9, 4)).isEqualTo(4);
    assertThat(o.strings("layers")).containsExactly("a", "b");
    assertThat(o.objects("parts").get(1).integer("n")).isEqualTo(2);
    assertThat(o.object("nested").string("k")).isEqualTo("v");
    assertThat(JsonObject.parse("r", "{\"s\": [1, -0.5]}").numbers("s")).containsExactly(1.0, -0.5);
    assertThat(JsonObject.parse("copy", o.toLine()).toText()).isEqualTo(o.toText());
  }

  @Test
  void everyRefusalNamesFileFieldRuleAndValue() throws IOException {
    String text =
        "{\"n\": \"12\", \"big\": 99, \"half\": 1.5, \"nil\": null, \"o\": {\"p\": []}, \"l\":"
            + " [1]}";
    JsonObject o = JsonObject.parse("config.json", text);
    refused(() -> o.integer("n"), "config.json: field n must be an integer, got 12");
    refused(() -> o.integer("half"), "config.json: field half must be an integer, got 1.5");
    refused(() -> o.integer("big", 1, 9), "field big must be between 1 and 9, got 99");
    refused(() -> o.integer("nil"), "field nil must be an integer, got null");
    refused(() -> o.string("gone"), "field gone is missing; expected a string");
    refused(() -> o.number("n", 1), "field n must be a finite number, got 12");
    refused(() -> o.bool("big", true), "field big must be true or false, got 99");
    refused(() -> o.strings("l"), "field l must be a list of strings, got 1");
    refused(
        () -> JsonObject.parse("r", "{\"s\": [1, \"2\"]}").numbers("s"),
        "r: field s must be a list of finite numbers, got 2");
    refused(() -> o.objects("l"), "field l must be a list of objects, got 1");
    refused(() -> o.object("o").string("p"), "config.json.o: field p must be a string");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '~',
      quoteCharacter = '`',
      value = {
        "`` ~ must be a JSON object",
        "[1] ~ must be a JSON object",
        "{} {} ~ trailing content",
        "{\"a\": ~ not valid JSON",
        "{\"a\": 1, \"a\": 2} ~ Duplicate Object property \"a\"",
        "{\"a\": 9223372036854775808} ~ beyond 64 bits",
        "{\"a\": NaN} ~ not valid JSON",
        "{\"a\": 1e999} ~ field a must be a finite number",
      })
  void refusesDamagedText(String text, String message) {
    refused(() -> JsonObject.parse("m.json", text).number("a", 0), "m.json", message);
  }

  @Test
  void refusesDeepNestingAndHugeFiles() throws IOException {
    refused(() -> JsonObject.parse("m.json", "{\"a\":" + "[".repeat(100_000)), "not valid JSON");
    Path file = Files.write(folder.resolve("big.json"), new byte[(16 << 20) + 1]);
    refused(() -> JsonObject.read(file), file.toString(), "exceed");
    refused(() -> JsonObject.read(folder.resolve("gone.json")), "gone.json: no such file");
    Path latin = Files.write(folder.resolve("l.json"), new byte[] {'{', '"', (byte) 0xE4, '"'});
    refused(() -> JsonObject.read(latin), "l.json: is not valid UTF-8");
  }

  private static void refused(ThrowingCallable call, String... fragments) {
    assertThatThrownBy(call).isInstanceOf(FormatException.class).hasMessageContainingAll(fragments);
  }
}
