/** Models read from and written to Hugging Face folders. */
@NullMarked
package dev.outpost.transformer.load;

import org.jspecify.annotations.NullMarked;
