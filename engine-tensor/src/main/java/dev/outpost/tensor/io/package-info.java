/** Model files: strict readers and atomic writers. */
@NullMarked
package dev.outpost.tensor.io;

import org.jspecify.annotations.NullMarked;
