package dev.outpost.offsite.control;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.outpost.tensor.random.RandomStream;
import org.junit.jupiter.api.Test;

final class ChannelTest {
  @Test
  void ratesAreShannons() {
    Channel c = Tiny.channel();
    // 60 dB at one kilometre, 10 more at ten: gains of 1e-6 and 1e-7; noise is 1 µW in all.
    assertThat(c.pathGain(1)).isCloseTo(1e-6, within(1e-18));
    assertThat(c.pathGain(10)).isCloseTo(1e-7, within(1e-19));
    assertThat(c.rate(7, c.pathGain(1))).isCloseTo(3, within(1e-9));
    assertThat(c.rate(30, c.pathGain(10))).isCloseTo(2, within(1e-9));
  }

  @Test
  void theUrbanPathLossIsTheStandardsFormula() {
    // TR 36.942, 4.5.2: 40(1 − 4e-3·h)·log R − 18·log h + 21·log f + 80 with h = 15 m, f = 2000
    // MHz.
    double slope = 40 * (1 - 4e-3 * 15);
    double one = -18 * Math.log10(15) + 21 * Math.log10(2000) + 80;
    assertThat(Channel.URBAN.lossPerDecade()).isEqualTo(slope, within(1e-9));
    assertThat(Channel.URBAN.lossAtOneKilometre()).isEqualTo(one, within(0.06));
    double db = 10 * Math.log10(Channel.URBAN.pathGain(0.25));
    assertThat(-db).isEqualTo(128.1 + 37.6 * Math.log10(0.25), within(1e-9));
  }

  @Test
  void fadesAreExponentialAboveTheCutoff() {
    RandomStream random = RandomStream.of(1, "fades");
    int n = 20_000;
    double sum = 0;
    int above = 0;
    double least = 1;
    for (int i = 0; i < n; i++) {
      double h = Channel.URBAN.fade(random);
      sum += h;
      least = Math.min(least, h);
      if (h > 1.1) above++;
    }
    // Mean 0.1 + 1 and P(h > 0.1 + 1) = 1/e, each within five standard errors.
    assertThat(sum / n).isCloseTo(1.1, within(5 / Math.sqrt(n)));
    assertThat((double) above / n).isCloseTo(Math.exp(-1), within(5 * 0.5 / Math.sqrt(n)));
    assertThat(least).isGreaterThanOrEqualTo(0.1);
  }

  @Test
  void refusesWhatIsNoChannel() {
    assertThatThrownBy(() -> new Channel(0, -174, 128, 37, true, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("bandwidth");
    assertThatThrownBy(() -> Channel.URBAN.pathGain(0)).hasMessageContaining("distance");
  }
}
