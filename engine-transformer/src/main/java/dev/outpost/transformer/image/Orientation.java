package dev.outpost.transformer.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * How a camera was held, from a JPEG's Exif field 0x0112: the stored rows are turned by it to stand
 * upright.
 *
 * @param value 1 … 8 as in the standard; 1 is upright
 */
record Orientation(int value) {
  private static final int TAG = 0x0112;

  /** That of a file; upright where nothing is said or the field is broken. */
  static Orientation of(byte[] file) {
    try {
      return new Orientation(read(ByteBuffer.wrap(file)));
    } catch (IndexOutOfBoundsException | IllegalArgumentException e) {
      return new Orientation(1);
    }
  }

  private static int read(ByteBuffer b) {
    if (b.limit() < 4 || b.getShort(0) != (short) 0xffd8) return 1;
    int at = 2;
    while ((b.get(at) & 0xff) == 0xff && (b.get(at + 1) & 0xff) != 0xda) {
      boolean exif = (b.get(at + 1) & 0xff) == 0xe1 && b.getInt(at + 4) == 0x45786966;
      if (exif) return field(b, at + 10);
      at += 2 + (b.getShort(at + 2) & 0xffff);
    }
    return 1;
  }

  private static int field(ByteBuffer b, int tiff) {
    b.order(b.getShort(tiff) == 0x4949 ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
    int directory = tiff + b.getInt(tiff + 4);
    int entries = b.getShort(directory) & 0xffff;
    for (int i = 0; i < entries; i++) {
      int entry = directory + 2 + 12 * i;
      if ((b.getShort(entry) & 0xffff) != TAG) continue;
      int value = b.getShort(entry + 8);
      return value >= 1 && value <= 8 ? value : 1;
    }
    return 1;
  }

  /** The picture upright. */
  Picture apply(Picture p) {
    if (value == 1) return p;
    boolean turned = value >= 5;
    int w = turned ? p.height() : p.width();
    int h = turned ? p.width() : p.height();
    byte[] out = new byte[p.rgb().length];
    for (int y = 0; y < h; y++)
      for (int x = 0; x < w; x++) {
        int a = turned ? y : x;
        int b = turned ? x : y;
        boolean mirrored = value == 2 || value == 3 || value == 7 || value == 8;
        boolean flipped = value == 3 || value == 4 || value == 6 || value == 7;
        int fromX = mirrored ? p.width() - 1 - a : a;
        int fromY = flipped ? p.height() - 1 - b : b;
        System.arraycopy(p.rgb(), 3 * (fromY * p.width() + fromX), out, 3 * (y * w + x), 3);
      }
    return new Picture(w, h, out);
  }
}
