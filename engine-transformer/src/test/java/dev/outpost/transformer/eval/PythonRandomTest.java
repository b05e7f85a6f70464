package dev.outpost.transformer.eval;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** Against what Python 3.11's {@code random.Random(seed).sample(range(n), k)} gives. */
final class PythonRandomTest {
  @Test
  void samplesOfASmallPopulation() {
    PythonRandom r = new PythonRandom(1234);
    assertThat(r.sample(40, 3)).containsExactly(28, 7, 0);
    assertThat(r.sample(40, 3)).containsExactly(5, 37, 2);
  }

  @Test
  void samplesOfALargePopulation() {
    PythonRandom r = new PythonRandom(1234);
    assertThat(r.sample(1000, 6)).containsExactly(989, 796, 451, 119, 7, 92);
    assertThat(r.sample(1000, 6)).containsExactly(932, 965, 961, 826, 596, 35);
  }

  @Test
  void aSeedOfTwoWordsAndBothWaysOfDrawing() {
    PythonRandom r = new PythonRandom((1L << 40) + 5);
    assertThat(r.sample(21, 2)).containsExactly(16, 20);
    assertThat(r.sample(200, 7)).containsExactly(68, 169, 7, 135, 194, 11, 42);
  }
}
