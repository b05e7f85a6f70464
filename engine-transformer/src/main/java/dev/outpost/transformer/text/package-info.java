/** Text to tokens and back, and the training of a new vocabulary. */
@NullMarked
package dev.outpost.transformer.text;

import org.jspecify.annotations.NullMarked;
