/** The fast kernels for the CPU, on the Vector API of the JDK. */
@NullMarked
package dev.outpost.tensor.kernel.vector;

import org.jspecify.annotations.NullMarked;
