/** A model at work: generation and perplexity. */
@NullMarked
package dev.outpost.transformer.run;

import org.jspecify.annotations.NullMarked;
