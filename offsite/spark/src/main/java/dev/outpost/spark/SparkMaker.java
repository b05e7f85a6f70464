package dev.outpost.spark;

import dev.outpost.offsite.simulation.ClientRunner;

/** Offers {@link SparkRunner} under the name {@code spark}. */
public final class SparkMaker implements ClientRunner.Maker {
  @Override
  public String name() {
    return "spark";
  }

  @Override
  public ClientRunner make(ClientRunner.Setting setting, int parallel) {
    return new SparkRunner(setting, parallel);
  }
}
