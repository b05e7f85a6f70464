/** Transformers as records of choices: one block, one model, every family. */
@NullMarked
package dev.outpost.transformer;

import org.jspecify.annotations.NullMarked;
