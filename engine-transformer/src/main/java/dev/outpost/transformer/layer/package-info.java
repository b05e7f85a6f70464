/** The layers that a block is made of. */
@NullMarked
package dev.outpost.transformer.layer;

import org.jspecify.annotations.NullMarked;
