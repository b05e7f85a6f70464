package dev.outpost.transformer.image;

import dev.outpost.tensor.io.FormatException;
import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.Locale;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * An image in memory: red, green, blue, a byte each, row by row. Arrays are shared, not copied.
 *
 * @param width pixels in a row
 * @param height rows
 * @param rgb 3·width·height bytes
 */
public record Picture(int width, int height, byte[] rgb) {
  /** A photo of 100 million pixels takes 300 MB here; a small file can claim any size. */
  private static final long MOST_PIXELS = 100_000_000;

  public Picture {
    if (width < 1 || height < 1 || rgb.length != 3L * width * height)
      throw new IllegalArgumentException(
          "picture: " + width + "x" + height + " needs three bytes a pixel, got " + rgb.length);
  }

  /** Whether the file's name is of a kind that {@link #read} reads. */
  public static boolean names(Path file) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    return name.endsWith(".png")
        || name.endsWith(".jpg")
        || name.endsWith(".jpeg")
        || name.endsWith(".bmp")
        || name.endsWith(".gif");
  }

  /**
   * Reads a PNG, JPEG, BMP or GIF (its first frame). Transparency is dropped, a palette is looked
   * up, grey becomes three equal channels, a photo is turned as its Exif orientation says.
   *
   * @throws FormatException when it is none, is broken, larger than 100 million pixels, or in
   *     another colour model (CMYK)
   */
  public static Picture read(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    try (ImageInputStream in = new MemoryCacheImageInputStream(new ByteArrayInputStream(bytes))) {
      Iterator<ImageReader> readers = ImageIO.getImageReaders(in);
      if (!readers.hasNext())
        throw new FormatException(file + ": is no PNG, JPEG, BMP or GIF image; convert it to one");
      ImageReader reader = readers.next();
      try {
        reader.setInput(in, true, true);
        long pixels = (long) reader.getWidth(0) * reader.getHeight(0);
        if (pixels > MOST_PIXELS)
          throw new FormatException(
              file + ": claims " + pixels + " pixels; at most " + MOST_PIXELS + " are read");
        return Orientation.of(bytes).apply(plain(reader.read(0)));
      } catch (FormatException e) {
        throw e;
        // The JDK's readers throw many kinds of unchecked exceptions for broken files.
      } catch (IOException | RuntimeException e) {
        throw new FormatException(file + ": is no readable image: " + e.getMessage());
      } finally {
        reader.dispose();
      }
    }
  }

  /**
   * From the stored samples: Java's own conversion would take grey for linear light and brighten
   * it.
   */
  private static Picture plain(BufferedImage image) {
    int w = image.getWidth();
    int h = image.getHeight();
    byte[] rgb = new byte[3 * w * h];
    Raster raster = image.getRaster();
    int bands = raster.getNumBands();
    int shift = image.getColorModel().getComponentSize(0) == 16 ? 8 : 0;
    int[] row = new int[bands * w];
    for (int y = 0, to = 0; y < h; y++) {
      raster.getPixels(0, y, w, 1, row);
      for (int x = 0; x < w; x++)
        for (int c = 0; c < 3; c++)
          rgb[to++] =
              (byte)
                  (image.getColorModel() instanceof IndexColorModel palette
                      ? palette.getRGB(row[x]) >> (16 - 8 * c)
                      : row[bands * x + (bands < 3 ? 0 : c)] >> shift);
    }
    return new Picture(w, h, rgb);
  }
}
