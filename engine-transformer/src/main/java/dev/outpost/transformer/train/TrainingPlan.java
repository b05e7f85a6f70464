package dev.outpost.transformer.train;

import dev.outpost.autograd.optim.Schedule;
import java.util.function.Consumer;

/**
 * How to train. Everything a resumed run must share with the run it continues.
 *
 * @param steps optimizer steps
 * @param batch blocks per micro-batch
 * @param accumulation micro-batches per step
 * @param learningRate peak of the schedule
 * @param schedule factor on the learning rate per step
 * @param weightDecay of matrices; vectors (biases, norms) are exempt
 * @param clip largest global gradient norm; infinity does not clip
 * @param evaluateEvery steps between validations, 0 for only after the last
 * @param saveEvery steps between saved states, 0 for only at the end
 * @param seed of data order and dropout
 * @param recompute keep only block inputs and run blocks again on the way back: less memory, about
 *     a third more time
 */
public record TrainingPlan(
    int steps,
    int batch,
    int accumulation,
    float learningRate,
    Schedule schedule,
    float weightDecay,
    float clip,
    int evaluateEvery,
    int saveEvery,
    long seed,
    boolean recompute) {
  public TrainingPlan {
    if (steps < 0)
      throw new IllegalArgumentException("training: steps must not be negative, got " + steps);
    if (batch < 1)
      throw new IllegalArgumentException("training: batch must be at least 1, got " + batch);
    if (accumulation < 1)
      throw new IllegalArgumentException(
          "training: accumulation must be at least 1, got " + accumulation);
    if (!(learningRate > 0) || Float.isInfinite(learningRate))
      throw new IllegalArgumentException(
          "training: learning rate must be positive, got " + learningRate);
    if (!(weightDecay >= 0))
      throw new IllegalArgumentException(
          "training: weight decay must not be negative, got " + weightDecay);
    if (!(clip > 0))
      throw new IllegalArgumentException("training: clip must be positive, got " + clip);
    if (evaluateEvery < 0 || saveEvery < 0)
      throw new IllegalArgumentException("training: intervals must not be negative");
  }

  /**
   * AdamW defaults of the papers: cosine with 5 % warm-up, clip 1, no decay, one validation at the
   * end.
   */
  public static TrainingPlan of(int steps, int batch, float learningRate, long seed) {
    Schedule schedule = new Schedule.Cosine(Math.min(steps, Math.max(1, steps / 20)), steps);
    return new TrainingPlan(steps, batch, 1, learningRate, schedule, 0, 1, 0, 0, seed, false);
  }

  /** The same plan with validation at an interval. */
  public TrainingPlan evaluatingEvery(int interval) {
    return changed(c -> c.evaluateEvery = interval);
  }

  /** The same plan with saved states at an interval. */
  public TrainingPlan savingEvery(int interval) {
    return changed(c -> c.saveEvery = interval);
  }

  /** The same plan with weight decay. */
  public TrainingPlan withWeightDecay(float decay) {
    return changed(c -> c.weightDecay = decay);
  }

  /** The same plan with micro-batches. */
  public TrainingPlan accumulating(int microBatches) {
    return changed(c -> c.accumulation = microBatches);
  }

  /** The same plan, recomputing blocks or not. */
  public TrainingPlan recomputing(boolean on) {
    return changed(c -> c.recompute = on);
  }

  /** The same plan under another schedule. */
  public TrainingPlan following(Schedule other) {
    return changed(c -> c.schedule = other);
  }

  /** The same plan with another order of the data. */
  public TrainingPlan seeded(long other) {
    return changed(c -> c.seed = other);
  }

  private TrainingPlan changed(Consumer<Copy> change) {
    Copy c = new Copy(this);
    change.accept(c);
    return new TrainingPlan(
        steps,
        batch,
        c.accumulation,
        learningRate,
        c.schedule,
        c.weightDecay,
        clip,
        c.evaluateEvery,
        c.saveEvery,
        c.seed,
        c.recompute);
  }

  /** What another plan may have otherwise. */
  private static final class Copy {
    private int accumulation;
    private Schedule schedule;
    private float weightDecay;
    private int evaluateEvery;
    private int saveEvery;
    private long seed;
    private boolean recompute;

    Copy(TrainingPlan plan) {
      accumulation = plan.accumulation;
      schedule = plan.schedule;
      weightDecay = plan.weightDecay;
      evaluateEvery = plan.evaluateEvery;
      saveEvery = plan.saveEvery;
      seed = plan.seed;
      recompute = plan.recompute;
    }
  }
}
