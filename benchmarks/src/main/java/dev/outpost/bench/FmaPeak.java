package dev.outpost.bench;

import dev.outpost.tensor.kernel.Team;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** The machine's speed limit: fused multiply-adds on registers alone. */
final class FmaPeak {
  private static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
  private static final int STEPS = 1_000_000;

  private FmaPeak() {}

  /** Floating-point operations that one {@link #run} does. */
  static double operations(Team team) {
    return 2.0 * 10 * F.length() * STEPS * team.threads();
  }

  /** One run per thread; the result keeps the compiler from leaving the work out. */
  static float run(Team team) {
    float[] sink = new float[team.threads()];
    team.forEach(team.threads(), t -> sink[t] = chains());
    return sink[0];
  }

  /** Ten independent chains: more than latency times units of today's processors. */
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
}
