/**
 * Outpost as a library, from the top: load a model, let it write, score, embed, learn, and save it.
 * Everything beneath is public too, for what this face does not do.
 */
@NullMarked
package dev.outpost;

import org.jspecify.annotations.NullMarked;
