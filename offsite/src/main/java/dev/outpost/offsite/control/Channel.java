package dev.outpost.offsite.control;

import dev.outpost.tensor.random.RandomStream;

/**
 * A wireless link between a device and the server: path loss {@code L(d) = L₁ + s·log₁₀(d/km)} in
 * dB, Rayleigh fading (the power gain |h|² is exponential with mean 1, drawn anew each round;
 * nobody sends in a fade below the cutoff, and what is above it is again exponential), and
 * Shannon's rate {@code r = B·log₂(1 + p·g/(N₀·B))}. FedPEAT names transmit power, channel gain and
 * a propagation model; the forms and defaults are ours. With 128.1 and 37.6 the path loss is that
 * of 3GPP TR 36.942, 4.5.2, for a carrier of 2 GHz and an antenna 15 m above the roofs.
 *
 * @param bandwidth B of one device, in Hz
 * @param noise N₀, in dBm per Hz
 * @param lossAtOneKilometre L₁ in dB
 * @param lossPerDecade s in dB
 * @param fading whether |h|² is drawn; else it is 1
 * @param cutoff |h|² below which a device waits; fades last milliseconds, so waiting takes no time.
 *     With 0 a round's delay has no finite mean
 */
public record Channel(
    double bandwidth,
    double noise,
    double lossAtOneKilometre,
    double lossPerDecade,
    boolean fading,
    double cutoff) {
  /** 10 MHz, thermal noise of −174 dBm/Hz, urban path loss, fading above 0.1. */
  public static final Channel URBAN = new Channel(10e6, -174, 128.1, 37.6, true, 0.1);

  public Channel {
    if (!(bandwidth > 0 && cutoff >= 0)
        || !Double.isFinite(noise + lossAtOneKilometre + lossPerDecade + cutoff))
      throw new IllegalArgumentException(
          "channel: bandwidth must be positive, the cutoff not negative and all finite, got "
              + bandwidth
              + " Hz and "
              + cutoff);
  }

  /** Share of the sent power that arrives on average, at a distance in km. */
  public double pathGain(double kilometres) {
    if (!(kilometres > 0))
      throw new IllegalArgumentException(
          "channel: distance must be positive, got " + kilometres + " km");
    return decibels(-lossAtOneKilometre - lossPerDecade * StrictMath.log10(kilometres));
  }

  /** The next |h|². */
  public double fade(RandomStream random) {
    return fading ? cutoff - StrictMath.log(1 - random.nextDouble()) : 1;
  }

  /**
   * Bits per second.
   *
   * @param power p in watts
   * @param gain g: path gain times |h|²
   */
  public double rate(double power, double gain) {
    double noiseWatts = decibels(noise - 30) * bandwidth;
    return bandwidth * StrictMath.log1p(power * gain / noiseWatts) / StrictMath.log(2);
  }

  private static double decibels(double db) {
    return StrictMath.pow(10, db / 10);
  }
}
