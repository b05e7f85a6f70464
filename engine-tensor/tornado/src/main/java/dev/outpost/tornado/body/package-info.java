/**
 * What one work item of a device does, in Java that TornadoVM compiles for the device and that a
 * JVM runs as it is. Every body takes the same four things: where the item stands, the numbers of
 * the call ({@code args}, floats as their bits, for {@link dev.outpost.tornado.body.Stored#real}),
 * the device's f32 memory ({@code heap}) and a page of weights as stored ({@code page}). Offsets
 * count elements. Bodies allocate nothing, call nothing but each other and {@code TornadoMath}, and
 * reach every barrier with all items of a group.
 *
 * <p>What TornadoVM 5.2 makes of Java for OpenCL asks for more. What a group shares is read and
 * written in the body itself: in a method that it is given to it may be taken for an array of
 * Java's, with another address. {@code >>>} may shift the sign in: mask what comes of it. {@code x
 * <= y} may be compiled as the opposite of {@code x > y}: NaN must be right on either side. Methods
 * that a body calls are short, some hundred operations with what they call.
 */
@org.jspecify.annotations.NullMarked
package dev.outpost.tornado.body;
