package dev.outpost.transformer.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class JsonLinesTest {
  @TempDir Path dir;

  private static List<String> read(Path file) throws IOException {
    List<String> all = new ArrayList<>();
    try (JsonLines lines = JsonLines.open(file)) {
      for (JsonObject o = lines.next(); o != null; o = lines.next())
        all.add(lines.lineNumber() + " " + o.string("a"));
    }
    return all;
  }

  private Path file(String name, String text) throws IOException {
    return Files.writeString(dir.resolve(name), text);
  }

  @Test
  void linesMayEndAnyWayAndBeEmpty() throws IOException {
    assertThat(read(file("a.jsonl", "{\"a\":\"x\"}\r\n\n  \n{\"a\":\"ü\\n\"}\n{\"a\":\"z\"}")))
        .containsExactly("1 x", "4 ü\n", "5 z");
    assertThat(read(file("b.jsonl", "\ufeff{\"a\":\"x\"}\n"))).containsExactly("1 x");
    assertThat(read(file("c.jsonl", ""))).isEmpty();
    assertThat(read(file("d.jsonl", "\n\n"))).isEmpty();
  }

  @Test
  void anArrayIsReadItemByItem() throws IOException {
    assertThat(read(file("a.json", " \n [{\"a\":\"x\"},\n{\"a\":\"y\"}]\n")))
        .containsExactly("1 x", "2 y");
  }

  @Test
  void gzipIsUnpacked() throws IOException {
    Path packed = dir.resolve("a.jsonl.gz");
    try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(packed))) {
      out.write("{\"a\":\"x\"}\n{\"a\":\"y\"}\n".getBytes(StandardCharsets.UTF_8));
    }
    assertThat(JsonLines.names(packed)).isTrue();
    assertThat(read(packed)).containsExactly("1 x", "2 y");
    byte[] bytes = Files.readAllBytes(packed);
    Files.write(packed, java.util.Arrays.copyOf(bytes, bytes.length - 9));
    assertRefused(packed, "a.jsonl.gz line", "damaged or cut short");
    Files.writeString(packed, "{\"a\":\"x\"}");
    assertRefused(packed, "no readable gzip");
  }

  @Test
  void whatIsNoJsonLineIsRefusedWithItsLine() throws IOException {
    assertRefused(file("a.jsonl", "{\"a\":\"x\"}\n{\"a\":"), "a.jsonl line 2", "not valid JSON");
    assertRefused(file("b.jsonl", "{\"a\":\"x\"}\n17\n"), "line 2", "must be a JSON object");
    assertRefused(file("c.jsonl", "{\"a\":\"x\"} {}\n"), "line 1", "trailing");
    assertRefused(file("d.json", "[{\"a\":\"x\"}, 3]"), "items", "list of objects");
    assertRefused(file("e.json", "[{\"a\":\"x\"}"), "not valid JSON");
    Path latin = dir.resolve("f.jsonl");
    Files.write(latin, new byte[] {'\n', '{', '"', (byte) 0xe9, '"', ':', '1', '}'});
    assertRefused(latin, "line 2", "no UTF-8", "iconv");
    assertRefused(dir.resolve("none.jsonl"), "no such file");
    assertRefused(file("g.jsonl", "{\"a\":" + "[".repeat(10_000)), "line 1", "not valid JSON");
    assertRefused(file("h.jsonl", " ".repeat((16 << 20) + 1)), "line 1", "longer than 16 MiB");
  }

  private static void assertRefused(Path file, String... words) {
    assertThatThrownBy(() -> read(file))
        .isInstanceOf(FormatException.class)
        .hasMessageContainingAll(words);
  }
}
