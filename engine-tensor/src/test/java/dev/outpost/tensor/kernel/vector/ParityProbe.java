package dev.outpost.tensor.kernel.vector;

import dev.outpost.tensor.kernel.AllKernels;
import dev.outpost.tensor.kernel.KernelCase;
import dev.outpost.tensor.kernel.KernelCases;
import dev.outpost.tensor.kernel.Kernels;

/** Runs the small cases in a JVM of its own; the first difference ends it with an exception. */
final class ParityProbe {
  private ParityProbe() {}

  public static void main(String[] args) {
    for (Kernels kernels : AllKernels.tuned(1)) {
      for (KernelCase c : KernelCases.small()) c.check(kernels, Kernels.scalar());
      System.out.println("agrees: " + kernels.name());
    }
  }
}
