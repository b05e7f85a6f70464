package dev.outpost.tensor.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostileGgufTest {
  private static final long ALL = -1;

  @TempDir Path folder;

  /** A file built field by field. */
  private static final class Recipe {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    static Recipe head(int version, long tensors, long pairs) {
      return new Recipe().raw("GGUF").i32(version).i64(tensors).i64(pairs);
    }

    Recipe raw(String s) {
      out.writeBytes(s.getBytes(StandardCharsets.ISO_8859_1));
      return this;
    }

    Recipe i32(int v) {
      out.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(v).array());
      return this;
    }

    Recipe i64(long v) {
      out.writeBytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(v).array());
      return this;
    }

    Recipe text(String s) {
      return i64(s.length()).raw(s);
    }

    Recipe tensor(String name, int type, long offset, long... dims) {
      text(name).i32(dims.length);
      for (long d : dims) i64(d);
      return i32(type).i64(offset);
    }

    Recipe data(int bytes) {
      while (out.size() % 32 != 0) out.write(0);
      out.writeBytes(new byte[bytes]);
      return this;
    }

    byte[] bytes() {
      return out.toByteArray();
    }
  }

  private void refuses(Recipe r, String... messages) throws IOException {
    Path file = Files.write(folder.resolve("bad.gguf"), r.bytes());
    assertThatThrownBy(() -> GgufFile.open(file))
        .isInstanceOf(FormatException.class)
        .hasMessageStartingWith(file.toString())
        .hasMessageContainingAll(messages);
    // On Windows a file that is still mapped cannot be deleted: a leak shows here.
    Files.delete(file);
  }

  @Test
  void refusesAnotherFormatOrVersion() throws IOException {
    refuses(new Recipe(), "no GGUF file");
    refuses(new Recipe().raw("GG"), "no GGUF file");
    refuses(new Recipe().raw("GGML").i32(3).i64(0).i64(0), "no GGUF file");
    refuses(new Recipe().raw("FUGG").i32(3).i64(0).i64(0), "no GGUF file");
    refuses(Recipe.head(0, 0, 0), "version is 0", "2 and 3");
    refuses(Recipe.head(1, 0, 0), "version is 1", "2 and 3");
    refuses(Recipe.head(4, 0, 0), "version is 4", "2 and 3");
    refuses(Recipe.head(-1, 0, 0), "version is 4294967295");
    refuses(Recipe.head(0x03000000, 0, 0), "big-endian", "gguf_convert_endian");
  }

  @Test
  void refusesCountsAndLengthsBeyondTheFile() throws IOException {
    refuses(Recipe.head(3, ALL, 0), "tensor count is 18446744073709551615");
    refuses(Recipe.head(3, 1, 0), "tensor count is 1", "truncated");
    refuses(Recipe.head(3, 0, 1L << 40), "metadata count is 1099511627776");
    refuses(Recipe.head(3, 0, ALL), "metadata count is 18446744073709551615");
    refuses(Recipe.head(3, 0, 1).i64(ALL).raw("a key and more"), "is 18446744073709551615");
    refuses(
        Recipe.head(3, 1, 0).i64(ALL).raw("a name and much more"),
        "length of name of tensor 0 is 18446744073709551615");
    refuses(Recipe.head(3, 0, 1).i64(1L << 60).raw("key and more"), "length of key of metadata 0");
    refuses(
        Recipe.head(3, 0, 1).text("k").i32(8).i64(99).raw("short"), "length of metadata k is 99");
    refuses(
        Recipe.head(3, 0, 1).text("k").i32(9).i32(4).i64(1L << 31).raw("...."),
        "length of metadata k is 2147483648");
    refuses(Recipe.head(3, 0, 1).text("keyk").i32(10).i32(1), "ends within metadata keyk");
  }

  @Test
  void refusesMetadataThatIsNone() throws IOException {
    refuses(Recipe.head(3, 0, 1).text("k").i32(13).i64(0), "k has the unknown value type 13");
    refuses(Recipe.head(3, 0, 1).text("k").i32(-1).i64(0), "unknown value type 4294967295");
    refuses(Recipe.head(3, 0, 1).text("k").i32(9).i32(77).i64(0), "unknown element type 77");
    refuses(Recipe.head(3, 0, 1).text("k").i32(7).raw("\2").i64(0), "0 or 1 for a truth value");
    refuses(Recipe.head(3, 0, 1).text("k").i32(8).text("\377"), "k is not valid UTF-8");
    refuses(Recipe.head(3, 0, 2).text("k").i32(4).i32(1).text("k").i32(4).i32(1), "k occurs twice");
    refuses(Recipe.head(3, 0, 1).text("").i32(4).i32(1), "metadata 0 has an empty key");
    Recipe deep = Recipe.head(3, 0, 1).text("k").i32(9);
    for (int i = 0; i < 6; i++) deep.i32(9).i64(1);
    refuses(deep.i32(4).i64(0), "nests arrays deeper than 4");
  }

  @Test
  void refusesAnAlignmentThatIsNone() throws IOException {
    for (int a : new int[] {0, 3, 13, 1 << 30})
      refuses(
          Recipe.head(3, 0, 1).text("general.alignment").i32(4).i32(a).data(0),
          "power of two",
          "got " + a);
    refuses(
        Recipe.head(3, 0, 1).text("general.alignment").i32(8).text("32").data(0), "power of two");
    refuses(Recipe.head(3, 0, 1).text("general.alignment").i32(5).i32(32).data(0), "power of two");
    refuses(Recipe.head(3, 0, 1).text("general.alignment").i32(10).i64(32).data(0), "power of two");
  }

  @Test
  void refusesTensorsThatDoNotFit() throws IOException {
    refuses(Recipe.head(3, 1, 0).tensor("a", 0, 0, 8).data(28), "tensor a ends beyond");
    refuses(Recipe.head(3, 1, 0).tensor("a", 0, 32, 8).data(64), "must begin at 0");
    refuses(
        Recipe.head(3, 2, 0).tensor("a", 0, 0, 8).tensor("b", 0, 0, 8).data(64),
        "tensor b begins at 0",
        "must begin at 32");
    refuses(
        Recipe.head(3, 2, 0).tensor("a", 0, 0, 8).tensor("a", 0, 32, 8).data(64), "a occurs twice");
    refuses(Recipe.head(3, 1, 0).tensor("a", 0, 0, 1, 1, 1, 1, 1).data(32), "5 extents");
    refuses(Recipe.head(3, 1, 0).tensor("a", 0, 0, -1).data(32), "negative extent");
    refuses(
        Recipe.head(3, 1, 0).tensor("a", 0, 0, 1L << 40, 1L << 40).data(32),
        "larger than any file");
    refuses(Recipe.head(3, 1, 0).tensor("a", 8, 0, 33).data(64), "blocks of 32");
    // Twice four times the largest int, as many bytes as no 64 bits count, and two such tensors.
    long wide = 4L * Integer.MAX_VALUE;
    refuses(Recipe.head(3, 1, 0).tensor("a", 0, 0, wide, wide).data(32), "larger than any file");
    long root = 1_533_916_892L;
    refuses(Recipe.head(3, 1, 0).tensor("a", 27, 0, root, root).data(32), "larger than any file");
    long most = Long.MAX_VALUE - 63;
    refuses(
        Recipe.head(3, 2, 0).tensor("a", 24, 0, most).tensor("b", 24, most, most).data(32),
        "larger than any file");
    refuses(Recipe.head(3, 1, 0).tensor("a", 0, ALL, 8).data(64), "must begin at 0");
    refuses(
        Recipe.head(3, 2, 0).tensor("a", 24, 0, 5).tensor("b", 24, 5, 5).data(64),
        "tensor b begins at 5",
        "must begin at 32");
    refuses(Recipe.head(3, 1, 0).tensor("n".repeat(65), 0, 0, 8).data(32), "more than 64 bytes");
    refuses(
        Recipe.head(3, 1, 0).tensor("a", 999, 0, 8).data(32),
        "tensor a has the unknown type 999",
        "llama-quantize");
  }

  @Test
  void refusesEveryTruncationOfAGoodFileAndSurvivesEveryChangedByte() throws IOException {
    byte[] good =
        Recipe.head(3, 1, 1).text("k").i32(4).i32(7).tensor("a", 0, 0, 8).data(32).bytes();
    Path file = folder.resolve("changed.gguf");
    for (int n = 0; n < good.length; n++) {
      Files.write(file, Arrays.copyOf(good, n));
      assertThatThrownBy(() -> GgufFile.open(file)).isInstanceOf(FormatException.class);
    }
    for (int at = 0; at < good.length - 32; at++)
      for (int value : new int[] {0, 1, 9, 0x7F, 0x80, 0xFF}) {
        byte[] bad = good.clone();
        bad[at] = (byte) value;
        Files.write(file, bad);
        try (GgufFile f = GgufFile.open(file)) {
          for (String name : f.names()) assertThat(f.type(name)).isNotEmpty();
        } catch (FormatException e) {
          assertThat(e).hasMessageStartingWith(file.toString());
        }
      }
  }

  @Test
  void namesAMissingFileAndAFolder() {
    assertThatThrownBy(() -> GgufFile.open(folder.resolve("no.gguf")))
        .hasMessageContaining("no such file");
    assertThatThrownBy(() -> GgufFile.open(folder)).hasMessageContaining("not a regular file");
  }

  @Test
  void takesNoExtentAnAlignmentOfOneAndTheLongestName() throws IOException {
    String name = "n".repeat(64);
    Recipe good =
        Recipe.head(3, 3, 1)
            .text("general.alignment")
            .i32(4)
            .i32(1)
            .tensor("none", 0, 0, 8, 0)
            .tensor(name, 24, 0, 5)
            .tensor("odd", 24, 5, 3);
    Path file = Files.write(folder.resolve("good.gguf"), good.raw("12345678").bytes());
    try (GgufFile f = GgufFile.open(file)) {
      assertThat(f.names()).containsExactly("none", name, "odd");
      assertThat(f.weight("none").shape().size()).isZero();
    }
  }

  @Test
  void closesTwice() throws IOException {
    GgufFile f = GgufFile.open(Files.write(folder.resolve("e.gguf"), Recipe.head(2, 0, 0).bytes()));
    assertThat(f.names()).isEmpty();
    f.close();
    f.close();
  }
}
