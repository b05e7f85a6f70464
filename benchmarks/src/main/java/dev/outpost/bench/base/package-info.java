/** A trained base to measure on, made from what every machine with a JDK has. */
@NullMarked
package dev.outpost.bench.base;

import org.jspecify.annotations.NullMarked;
