/** The benchmarks everybody quotes, scored as lm-eval scores them. */
@NullMarked
package dev.outpost.transformer.eval;

import org.jspecify.annotations.NullMarked;
