package dev.outpost.offsite.control;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * Loss of the plugged-in model against steps of tuning, never rising: a measured curve's running
 * minimum, straight between the points and level after the last.
 *
 * @param steps rising, from 0
 * @param losses in nats per token, one per step count, not rising
 */
public record LossCurve(List<Double> steps, List<Double> losses) {
  /**
   * Checks the points.
   *
   * @throws IllegalArgumentException naming the rule that is broken
   */
  public LossCurve {
    steps = List.copyOf(steps);
    losses = List.copyOf(losses);
    if (steps.size() != losses.size() || steps.size() < 2)
      throw new IllegalArgumentException(
          "loss curve: needs two points or more and a loss for each, got "
              + steps.size()
              + " steps and "
              + losses.size()
              + " losses");
    if (steps.getFirst() != 0)
      throw new IllegalArgumentException(
          "loss curve: must begin at step 0, got " + steps.getFirst());
    for (int i = 0; i < steps.size(); i++) {
      if (!Double.isFinite(steps.get(i)) || !Double.isFinite(losses.get(i)))
        throw new IllegalArgumentException("loss curve: point " + i + " is not finite");
      if (i > 0 && (steps.get(i) <= steps.get(i - 1) || losses.get(i) > losses.get(i - 1)))
        throw new IllegalArgumentException(
            "loss curve: steps must rise and losses must not, broken at point " + i);
    }
  }

  /** The running minimum of measured points. */
  public static LossCurve below(List<Double> steps, List<Double> measured) {
    List<Double> lowest = new ArrayList<>();
    double least = Double.POSITIVE_INFINITY;
    for (double loss : measured) lowest.add(least = Math.min(least, loss));
    return new LossCurve(steps, lowest);
  }

  /** Loss after so many steps, which need not be whole. */
  public double at(double step) {
    if (step >= steps.getLast()) return losses.getLast();
    int i = Math.max(1, firstAtLeast(step));
    double share = (step - steps.get(i - 1)) / (steps.get(i) - steps.get(i - 1));
    return losses.get(i - 1) + share * (losses.get(i) - losses.get(i - 1));
  }

  private int firstAtLeast(double step) {
    int found = Collections.binarySearch(steps, step);
    return found < 0 ? -found - 1 : found;
  }

  /** The least loss this curve reaches. */
  public double floor() {
    return losses.getLast();
  }

  /** The first step with this loss; 0 above the curve, infinite below it. */
  public double stepOf(double loss) {
    if (loss >= losses.getFirst()) return 0;
    if (loss < floor()) return Double.POSITIVE_INFINITY;
    int i = 1;
    while (losses.get(i) > loss) i++;
    double share = (losses.get(i - 1) - loss) / (losses.get(i - 1) - losses.get(i));
    return steps.get(i - 1) + share * (steps.get(i) - steps.get(i - 1));
  }

  /**
   * Loss after so many steps more, from a loss that the curve passes through; what is better than
   * the curve ever gets is pulled to its floor.
   *
   * @param drift share of the way to the floor that one step loses again, in [0, 1)
   */
  public double after(double loss, double more, double drift) {
    if (loss >= floor()) return at(stepOf(loss) + more);
    return floor() - (floor() - loss) * StrictMath.pow(1 - drift, more);
  }
}
