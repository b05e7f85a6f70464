/** Images: read, brought to a model's size and range, and folders of them as examples. */
@NullMarked
package dev.outpost.transformer.image;

import org.jspecify.annotations.NullMarked;
