package dev.outpost.tensor.kernel;

import java.util.List;
import java.util.function.Function;

/**
 * One call of one kernel on fixed, seeded data. Run on two backends it gives results to compare.
 *
 * @param name kernel, sizes and variant
 * @param run makes fresh inputs, calls the kernel, and returns every array it wrote
 */
public record KernelCase(String name, Function<Kernels, List<Output>> run) {
  /**
   * @param name which result
   * @param values what the kernel wrote
   * @param magnitude per value, Σ|terms|, from the data alone: what {@link Close} scales its bound
   *     by
   */
  public record Output(String name, float[] values, double[] magnitude) {}

  /** Compares a backend with the specification. */
  public void check(Kernels tested, Kernels specification) {
    List<Output> got = run.apply(tested);
    List<Output> want = run.apply(specification);
    for (int i = 0; i < got.size(); i++) {
      Output w = want.get(i);
      String what = name + " on " + tested.name() + ", " + w.name();
      Close.check(what, got.get(i).values(), w.values(), w.magnitude());
    }
  }

  @Override
  public String toString() {
    return name;
  }
}
