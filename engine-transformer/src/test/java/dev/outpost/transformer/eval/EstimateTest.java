package dev.outpost.transformer.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

final class EstimateTest {
  @Test
  void theMeansErrorIsTheSamplesDeviationOverTheRootOfItsSize() {
    Estimate e = Estimate.mean(List.of(1.0, 0.0, 1.0, 1.0));
    assertThat(e.value()).isEqualTo(0.75);
    assertThat(e.standardError()).isCloseTo(0.25, within(1e-15));
    assertThat(Estimate.mean(List.of(1.0)).standardError()).isNaN();
  }

  @Test
  void aRateOfEqualDocumentsHasNoError() {
    Estimate e = Estimate.perUnit(List.of(-6.0, -3.0), List.of(4.0, 2.0));
    assertThat(e.value()).isEqualTo(1.5);
    assertThat(e.standardError()).isZero();
    assertThat(e.exp().value()).isEqualTo(Math.exp(1.5));
  }

  @Test
  void aRatesErrorIsTheRatioEstimators() {
    // Residuals −1 and 1 over 4 units of two documents: √(2·2/1)/4.
    Estimate e = Estimate.perUnit(List.of(-1.0, -3.0), List.of(2.0, 2.0));
    assertThat(e.standardError()).isCloseTo(0.5, within(1e-15));
    assertThat(e.bits().standardError()).isCloseTo(0.5 / Math.log(2), within(1e-15));
  }
}
