/**
 * Dense arrays, their arithmetic, and the files they come from. Knows no tape, no layer, no model.
 */
module dev.outpost.tensor {
  requires static jdk.incubator.vector;
  requires static transitive org.jspecify;
  requires tools.jackson.core;

  exports dev.outpost.tensor;
  exports dev.outpost.tensor.io;
  exports dev.outpost.tensor.kernel;
  exports dev.outpost.tensor.memory;
  exports dev.outpost.tensor.random;
  exports dev.outpost.tensor.weight;

  uses dev.outpost.tensor.kernel.DeviceProvider;
  uses dev.outpost.tensor.kernel.KernelsProvider;

  provides dev.outpost.tensor.kernel.KernelsProvider with
      dev.outpost.tensor.kernel.scalar.ScalarKernelsProvider,
      dev.outpost.tensor.kernel.vector.VectorKernelsProvider;
}
