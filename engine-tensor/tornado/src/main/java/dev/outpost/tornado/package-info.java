/**
 * Kernels on what TornadoVM can reach: GPUs first of all. Needs its SDK at run time only; without
 * it the provider says what is missing.
 */
@org.jspecify.annotations.NullMarked
package dev.outpost.tornado;
