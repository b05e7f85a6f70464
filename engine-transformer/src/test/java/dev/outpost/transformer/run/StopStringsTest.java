package dev.outpost.transformer.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.tensor.random.RandomStream;
import dev.outpost.transformer.text.BytePairTrainer;
import dev.outpost.transformer.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class StopStringsTest {
  /** One token per byte. */
  private static final Tokenizer BYTES = BytePairTrainer.of(257).train(List.of("a"));

  private final List<String> shown = new ArrayList<>();

  private StopStrings stops(String... texts) {
    return new StopStrings(BYTES, List.of(texts), shown::add);
  }

  /** Pushes until the text has ended; the number of tokens taken. */
  private static int push(StopStrings s, String text) {
    int taken = 0;
    for (int id : BYTES.encode(text)) {
      taken++;
      if (!s.push(id)) break;
    }
    return taken;
  }

  @Test
  void withoutStopsTextComesAsItIsMade() {
    StopStrings s = stops();
    push(s, "abc");
    assertThat(shown).containsExactly("a", "b", "c");
    s.finish();
    assertThat(s.text()).isEqualTo("abc");
  }

  @Test
  void endsBeforeTheStopString() {
    StopStrings s = stops("\n\n");
    assertThat(push(s, "one\ntwo\n\nthree")).isEqualTo(9);
    assertThat(String.join("", shown)).isEqualTo("one\ntwo").isEqualTo(s.text());
    assertThat(s.push(BYTES.encode("x")[0])).isFalse();
    s.finish();
    assertThat(s.text()).isEqualTo("one\ntwo");
  }

  @Test
  void whatMayBecomeAStopIsHeldBackUntilItCannot() {
    StopStrings s = stops("END");
    push(s, "xEN");
    assertThat(shown).containsExactly("x");
    assertThat(s.text()).isEqualTo("xEN");
    push(s, "Q");
    assertThat(String.join("", shown)).isEqualTo("xENQ");
    push(s, "E");
    s.finish();
    assertThat(String.join("", shown)).isEqualTo("xENQE");
  }

  @Test
  void endsAtEndOfTextWithoutItsSpelling() {
    StopStrings s = stops("never");
    push(s, "ne");
    assertThat(s.push(BYTES.endOfText().orElseThrow())).isFalse();
    s.finish();
    assertThat(String.join("", shown)).isEqualTo("ne").isEqualTo(s.text());
  }

  @Test
  void charactersAppearWhole() {
    StopStrings s = stops();
    int[] euro = BYTES.encode("€");
    assertThat(euro).hasSize(3);
    s.push(euro[0]);
    s.push(euro[1]);
    assertThat(shown).isEmpty();
    s.push(euro[2]);
    assertThat(shown).containsExactly("€");
  }

  @Test
  void aCharacterThatLacksBytesAtTheEndIsMarkedAsTheDecoderDoes() {
    int[] euro = BYTES.encode("€");
    String want = BYTES.decode(euro[0], euro[1]);
    for (boolean endOfText : new boolean[] {true, false}) {
      shown.clear();
      StopStrings s = stops();
      s.push(euro[0]);
      s.push(euro[1]);
      if (endOfText) s.push(BYTES.endOfText().orElseThrow());
      s.finish();
      assertThat(String.join("", shown)).isEqualTo(want).isEqualTo(s.text());
    }
  }

  @Test
  void anyTextWithAnyStopsEndsBeforeTheOneThatIsCompleteFirst() {
    for (long seed = 0; seed < 400; seed++) {
      RandomStream random = RandomStream.of(seed, "stop test");
      List<String> stops = new ArrayList<>();
      for (int i = random.nextInt(3); i >= 0; i--)
        stops.add(letters(random, 1 + random.nextInt(4)));
      String text = letters(random, 30);
      shown.clear();
      StopStrings s = stops(stops.toArray(String[]::new));
      push(s, text);
      s.finish();
      String want = cut(text, stops);
      assertThat(s.text()).as("seed %d, stops %s, text %s", seed, stops, text).isEqualTo(want);
      assertThat(String.join("", shown)).as("seed %d", seed).isEqualTo(want);
    }
  }

  private static String letters(RandomStream random, int n) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < n; i++) out.append((char) ('a' + random.nextInt(3)));
    return out.toString();
  }

  private static String cut(String text, List<String> stops) {
    for (int end = 1; end <= text.length(); end++) {
      String made = text.substring(0, end);
      int first = stops.stream().mapToInt(made::indexOf).filter(i -> i >= 0).min().orElse(-1);
      if (first >= 0) return text.substring(0, first);
    }
    return text;
  }

  @Test
  void anEmptyStopIsRefused() {
    assertThatThrownBy(() -> stops("a", ""))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("empty");
  }
}
