package dev.outpost.tensor.kernel.vector;

import dev.outpost.tensor.kernel.Ceilings;
import dev.outpost.tensor.kernel.Team;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The processor's limits in its widest vectors, whatever width {@link Lanes} was forced to: the
 * machine does not get smaller by using less of it.
 */
final class VectorCeilings implements Ceilings {
  private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
  private static final int STEPS = 1_000_000;

  /** More chains than latency times units of today's processors, fewer than 16 registers. */
  private static final int CHAINS = 10;

  @Override
  public String describe() {
    return vectorBits() + "-bit vectors, " + registers() + " registers";
  }

  @Override
  public int vectorBits() {
    return F.vectorBitSize();
  }

  @Override
  public int registers() {
    return Lanes.registers();
  }

  @Override
  public double operations(Team team) {
    return 2.0 * CHAINS * F.length() * STEPS * team.threads();
  }

  @Override
  public float multiplyAdd(Team team) {
    float[] sink = new float[team.threads()];
    team.forEach(team.threads(), t -> sink[t] = chains());
    return sink[0];
  }

  private static float chains() {
    FloatVector a = FloatVector.broadcast(F, 1.0000001f);
    FloatVector b = FloatVector.broadcast(F, 1e-9f);
    FloatVector c0 = a;
    FloatVector c1 = a;
    FloatVector c2 = a;
    FloatVector c3 = a;
    FloatVector c4 = a;
    FloatVector c5 = a;
    FloatVector c6 = a;
    FloatVector c7 = a;
    FloatVector c8 = a;
    FloatVector c9 = a;
    for (int i = 0; i < STEPS; i++) {
      c0 = c0.fma(a, b);
      c1 = c1.fma(a, b);
      c2 = c2.fma(a, b);
      c3 = c3.fma(a, b);
      c4 = c4.fma(a, b);
      c5 = c5.fma(a, b);
      c6 = c6.fma(a, b);
      c7 = c7.fma(a, b);
      c8 = c8.fma(a, b);
      c9 = c9.fma(a, b);
    }
    FloatVector low = c0.add(c1).add(c2).add(c3).add(c4);
    return low.add(c5).add(c6).add(c7).add(c8).add(c9).lane(0);
  }

  @Override
  public float read(Team team, float[] data) {
    int threads = team.threads();
    float[] sink = new float[threads];
    team.forEach(
        threads,
        t -> {
          int from = (int) ((long) data.length * t / threads);
          sink[t] = sum(data, from, (int) ((long) data.length * (t + 1) / threads));
        });
    return sink[0];
  }

  private static float sum(float[] data, int from, int to) {
    int vl = F.length();
    FloatVector s0 = FloatVector.zero(F);
    FloatVector s1 = s0;
    FloatVector s2 = s0;
    FloatVector s3 = s0;
    int i = from;
    for (; i <= to - 4 * vl; i += 4 * vl) {
      s0 = s0.add(FloatVector.fromArray(F, data, i));
      s1 = s1.add(FloatVector.fromArray(F, data, i + vl));
      s2 = s2.add(FloatVector.fromArray(F, data, i + 2 * vl));
      s3 = s3.add(FloatVector.fromArray(F, data, i + 3 * vl));
    }
    float rest = s0.add(s1).add(s2).add(s3).lane(0);
    for (; i < to; i++) rest += data[i];
    return rest;
  }
}
