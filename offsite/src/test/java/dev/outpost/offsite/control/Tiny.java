package dev.outpost.offsite.control;

import java.util.List;

/** A federation small enough to reckon by hand. */
final class Tiny {
  private Tiny() {}

  static LossCurve curve(double floor) {
    return new LossCurve(List.of(0.0, 1.0, 2.0, 4.0), List.of(5.0, 4.0, 3.5, floor));
  }

  /** Two emulators of 100 and 200 bytes; the adapter is 10, the rest 50. */
  static Catalogue catalogue() {
    return new Catalogue(
        List.of(
            new Level("thin", 0.5, 100, 10, 300, 1e6, curve(3)),
            new Level("full", 1, 200, 10, 600, 2e6, curve(1))),
        new Level("whole", 0, 0, 400, 2000, 6e6, curve(0.5)),
        50,
        500);
  }

  /** B = 1 Hz and noise of −30 dBm/Hz = 1 µW/Hz: a gain of 10 over the noise is log₂(11) bit/s. */
  static Channel channel() {
    return new Channel(1, -30, 60, 10, false, 0);
  }

  static Scenario scenario(double skew) {
    return new Scenario(
        "tiny",
        catalogue(),
        FleetModel.DEFAULT.of(2),
        channel(),
        new RewardWeights(1, 1, 100, 1, 1, 10, 7, 0.25),
        1,
        skew,
        0.5,
        4);
  }

  /** A near, roomy device with three quarters of the data, and a far one that the thin one fits. */
  static List<DeviceModel> fleet() {
    return List.of(
        new DeviceModel(1, 7, 2000, 0.5, 300, Double.POSITIVE_INFINITY),
        new DeviceModel(10, 30, 800, 0.5, 100, Double.POSITIVE_INFINITY));
  }
}
