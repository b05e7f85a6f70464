/** Model families: what their configuration says and what their weights are called. */
@NullMarked
package dev.outpost.transformer.family;

import org.jspecify.annotations.NullMarked;
