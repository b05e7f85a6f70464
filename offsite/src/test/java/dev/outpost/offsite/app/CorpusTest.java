package dev.outpost.offsite.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CorpusTest {
  @TempDir Path dir;

  @Test
  void aFolderIsReadInOneOrderBelowItsSubfolders() throws IOException {
    Files.createDirectories(dir.resolve("b/c"));
    Files.writeString(dir.resolve("z.txt"), "last");
    Files.writeString(dir.resolve("b/c/a.txt"), "second");
    Files.writeString(dir.resolve("a.txt"), "first");
    Files.writeString(dir.resolve("b/x.md"), "other");
    assertThat(Corpus.read(dir, "**.txt").documents()).containsExactly("first", "second", "last");
    assertThat(Corpus.read(dir, "**").documents()).hasSize(4);
    assertThat(Corpus.read(dir, "*.txt").documents()).containsExactly("first", "last");
  }

  @Test
  void aLinkToAFolderIsReadAsTheFolderIs() throws IOException {
    Files.createDirectories(dir.resolve("real/sub"));
    Files.writeString(dir.resolve("real/sub/a.txt"), "text");
    Path link = Files.createSymbolicLink(dir.resolve("link"), dir.resolve("real"));
    assertThat(Corpus.read(link, "sub/*.txt").documents()).containsExactly("text");
  }

  @Test
  void aZipIsReadAsAFolderIs() throws IOException {
    Path zip = dir.resolve("text.ZIP");
    try (ZipOutputStream z = new ZipOutputStream(Files.newOutputStream(zip))) {
      for (String name : List.of("b/second.txt", "a/first.txt", "a/binary.bin")) {
        z.putNextEntry(new ZipEntry(name));
        z.write(name.endsWith("bin") ? new byte[] {0, 1} : name.getBytes(StandardCharsets.UTF_8));
      }
    }
    Corpus c = Corpus.read(zip, "**");
    assertThat(c.documents()).containsExactly("a/first.txt", "b/second.txt");
    assertThat(c.skipped()).isEqualTo(1);
  }

  @Test
  void aSplitLosesNothing() {
    Corpus one = new Corpus("one", List.of("abcdefghij".repeat(10)));
    Corpus.Split s = one.split(0.2);
    assertThat(s.train().documents().getFirst() + s.validation().documents().getFirst())
        .isEqualTo(one.documents().getFirst());
    assertThat(s.validation().characters()).isEqualTo(20);
  }

  @Test
  void aSplitNeverCutsACharacterInTwo() {
    for (int n = 1; n < 12; n++) {
      Corpus.Split s = new Corpus("emoji", List.of("😀".repeat(n) + "x")).split(0.4);
      String train = s.train().documents().getFirst();
      assertThat(train.isEmpty() || !Character.isHighSurrogate(train.charAt(train.length() - 1)))
          .as("%d: %s", n, train)
          .isTrue();
    }
  }

  @Test
  void manyDocumentsAreDealtOutWholeWhereverTheyLie() {
    List<String> documents =
        new ArrayList<>(IntStream.range(0, 1000).mapToObj(i -> "document " + i).toList());
    Corpus.Split s = new Corpus("many", documents).split(0.1);
    assertThat(s.train().documents()).doesNotContainAnyElementsOf(s.validation().documents());
    assertThat(s.train().documents().size() + s.validation().documents().size()).isEqualTo(1000);
    assertThat(s.validation().documents().size() / 1000.0).isCloseTo(0.1, within(0.04));
    Corpus.Split reversed = new Corpus("many", documents.reversed()).split(0.1);
    assertThat(reversed.validation().documents())
        .containsExactlyInAnyOrderElementsOf(s.validation().documents());
  }

  @Test
  void aSampleIsBoundedAndRepeatable() {
    Corpus c =
        new Corpus("ten", IntStream.range(0, 10).mapToObj(i -> ("" + i).repeat(10)).toList());
    assertThat(c.sample(35, 7).characters()).isEqualTo(35);
    assertThat(c.sample(35, 7)).isEqualTo(c.sample(35, 7)).isNotEqualTo(c.sample(35, 8));
    assertThat(c.sample(1000, 7).documents()).containsExactlyInAnyOrderElementsOf(c.documents());
  }

  @Test
  void licencesGoAndOtherCommentsStay() {
    String licence = "/*\n * Copyright (c) 1995\n */\npackage a;";
    String comment = "/** What it is. */ class A {}";
    assertThat(new Corpus("c", List.of(licence, comment)).withoutLicences().documents())
        .containsExactly("package a;", comment);
  }
}
