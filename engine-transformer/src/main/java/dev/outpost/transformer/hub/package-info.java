/**
 * Models from a hub: downloads in the layout that its own client keeps, so that both use one cache.
 */
@NullMarked
package dev.outpost.transformer.hub;

import org.jspecify.annotations.NullMarked;
