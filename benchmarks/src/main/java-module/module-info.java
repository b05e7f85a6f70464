/** Measurements of kernels, operations and whole models. Nobody depends on it. */
module dev.outpost.benchmarks {
  requires dev.outpost.offsite;
  requires java.management;
  requires static jdk.incubator.vector;
  requires static jmh.core;
}
