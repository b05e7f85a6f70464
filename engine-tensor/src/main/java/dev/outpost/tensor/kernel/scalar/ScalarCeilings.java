package dev.outpost.tensor.kernel.scalar;

import dev.outpost.tensor.kernel.Ceilings;
import dev.outpost.tensor.kernel.Team;

/** The limits of plain loops. */
final class ScalarCeilings implements Ceilings {
  private static final int STEPS = 1_000_000;
  private static final int CHAINS = 8;

  @Override
  public String describe() {
    return "plain loops, no vectors";
  }

  @Override
  public int vectorBits() {
    return 0;
  }

  @Override
  public int registers() {
    return 0;
  }

  @Override
  public double operations(Team team) {
    return 2.0 * CHAINS * STEPS * team.threads();
  }

  @Override
  public float multiplyAdd(Team team) {
    float[] sink = new float[team.threads()];
    team.forEach(team.threads(), t -> sink[t] = chains());
    return sink[0];
  }

  private static float chains() {
    float a = 1.0000001f;
    float b = 1e-9f;
    float c0 = a;
    float c1 = a;
    float c2 = a;
    float c3 = a;
    float c4 = a;
    float c5 = a;
    float c6 = a;
    float c7 = a;
    for (int i = 0; i < STEPS; i++) {
      c0 = c0 * a + b;
      c1 = c1 * a + b;
      c2 = c2 * a + b;
      c3 = c3 * a + b;
      c4 = c4 * a + b;
      c5 = c5 * a + b;
      c6 = c6 * a + b;
      c7 = c7 * a + b;
    }
    return c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7;
  }

  @Override
  public float read(Team team, float[] data) {
    int threads = team.threads();
    float[] sink = new float[threads];
    team.forEach(
        threads,
        t -> {
          int to = (int) ((long) data.length * (t + 1) / threads);
          float s0 = 0;
          float s1 = 0;
          float s2 = 0;
          float s3 = 0;
          int i = (int) ((long) data.length * t / threads);
          for (; i + 4 <= to; i += 4) {
            s0 += data[i];
            s1 += data[i + 1];
            s2 += data[i + 2];
            s3 += data[i + 3];
          }
          for (; i < to; i++) s0 += data[i];
          sink[t] = s0 + s1 + s2 + s3;
        });
    return sink[0];
  }
}
