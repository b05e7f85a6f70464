/**
 * Simulated clients on Apache Spark: the same bits as in one program, on as many machines as there
 * are.
 */
@NullMarked
package dev.outpost.spark;

import org.jspecify.annotations.NullMarked;
