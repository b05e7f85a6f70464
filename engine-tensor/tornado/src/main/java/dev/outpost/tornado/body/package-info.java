/**
 * What one work item of a device does, in Java that TornadoVM compiles for the device and that a
 * JVM runs as it is. Every body takes the same four things: where the item stands, the numbers of
 * the call ({@code args}, floats as their bits, for {@link dev.outpost.tornado.body.Stored#real}),
 * the device's f32 memory ({@code heap}) and a page of weights as stored ({@code page}). Offsets
 * count elements. Bodies allocate nothing, call nothing but each other and {@code TornadoMath}, and
 * reach every barrier with all items of a group. What a group shares is read and written in the
 * body itself: TornadoVM takes it for an array of Java's in a method that it goes to.
 */
@org.jspecify.annotations.NullMarked
package dev.outpost.tornado.body;
