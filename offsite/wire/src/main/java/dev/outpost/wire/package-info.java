/** How the parties of a federation reach each other: gRPC over mutual TLS, every message signed. */
@NullMarked
package dev.outpost.wire;

import org.jspecify.annotations.NullMarked;
