package dev.outpost.offsite.control;

/**
 * An observation as numbers around 1: for each device what FedPEAT's state names (memory, tuning,
 * participation, link, exchanges), scaled by what the catalogue offers; then the round and the
 * means.
 *
 * @param catalogue what can be handed out
 * @param delayUnit seconds, see {@link RewardWeights}
 */
public record Features(Catalogue catalogue, double delayUnit) {
  private static final int PER_DEVICE = 9;
  private static final int SHARED = 3;

  /** How many for so many devices. */
  public static int count(int devices) {
    return PER_DEVICE * devices + SHARED;
  }

  /** The numbers. */
  public float[] of(Observation o) {
    int n = o.devices().size();
    float[] x = new float[count(n)];
    double most = catalogue.levels().getLast().memoryBytes();
    double largest = 8.0 * catalogue.levels().getLast().emulatorBytes();
    double samples = o.devices().stream().mapToDouble(Observation.Device::samples).sum();
    double distances = 0;
    double exchanges = 0;
    int at = 0;
    for (Observation.Device d : o.devices()) {
      double distance = catalogue.distance(d.loss());
      double delay = largest / Math.max(1, d.bitsPerSecond()) / delayUnit;
      boolean holds = d.holding() != Observation.NONE;
      x[at++] = (float) Math.min(2, d.memoryLimit() / most);
      x[at++] = (float) Math.min(2, (double) d.memoryUsed() / d.memoryLimit());
      x[at++] = magnified(distance);
      x[at++] = d.participated() ? 1 : 0;
      x[at++] = (float) Math.clamp(StrictMath.log(Math.max(1e-9, delay)) / 2, -2, 2);
      x[at++] = (float) Math.min(2, 10.0 * d.exchanges() / o.rounds());
      x[at++] = holds ? 1 : 0;
      x[at++] = holds ? (float) catalogue.level(d.holding()).kept() : 0;
      x[at++] = (float) (d.samples() * n / samples);
      distances += distance;
      exchanges += d.exchanges();
    }
    x[at++] = (float) o.round() / o.rounds();
    x[at++] = magnified(distances / n);
    x[at] = (float) Math.min(2, 10 * exchanges / n / o.rounds());
    return x;
  }

  /** The last percents matter as much as the first half. */
  private static float magnified(double distance) {
    return (float) (StrictMath.log(Math.min(2, distance) + 0.01) / 2 + 1);
  }
}
