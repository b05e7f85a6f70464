package dev.outpost.transformer.image;

/**
 * Filters that change an image's size as Pillow does, bit by bit: models were trained on what it
 * makes. The filter is stretched by the reduction, so a smaller image is an average, not a sample;
 * coefficients are rounded to 22 bits, and each of the two passes, first along rows, to a byte.
 */
public enum Resample {
  /** Three lobes of a windowed sinc. */
  LANCZOS(1, 3) {
    @Override
    double at(double x) {
      return x < 3 ? sinc(x) * sinc(x / 3) : 0;
    }

    private static double sinc(double x) {
      return x == 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
    }
  },
  /** A triangle. */
  BILINEAR(2, 1) {
    @Override
    double at(double x) {
      return x < 1 ? 1 - x : 0;
    }
  },
  /** Keys' cubic with a = −1/2. */
  BICUBIC(3, 2) {
    @Override
    double at(double x) {
      double a = -0.5;
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    }
  };

  private static final int BITS = 22;

  private final int number;
  private final double reach;

  Resample(int number, double reach) {
    this.number = number;
    this.reach = reach;
  }

  /** The filter's value at a distance ≥ 0. */
  abstract double at(double x);

  /** What {@code preprocessor_config.json} calls it. */
  public int number() {
    return number;
  }

  /** The picture in another size. */
  public Picture resize(Picture p, int width, int height) {
    Picture wide = width == p.width() ? p : along(p, width);
    return height == p.height() ? wide : down(wide, height);
  }

  private Picture along(Picture p, int width) {
    Taps taps = taps(p.width(), width);
    byte[] out = new byte[3 * width * p.height()];
    for (int y = 0; y < p.height(); y++)
      for (int x = 0; x < width; x++)
        for (int c = 0; c < 3; c++)
          out[3 * (y * width + x) + c] =
              taps.sum(x, p.rgb(), 3 * (y * p.width() + taps.first[x]) + c, 3);
    return new Picture(width, p.height(), out);
  }

  private Picture down(Picture p, int height) {
    Taps taps = taps(p.height(), height);
    int row = 3 * p.width();
    byte[] out = new byte[row * height];
    for (int y = 0; y < height; y++)
      for (int i = 0; i < row; i++)
        out[y * row + i] = taps.sum(y, p.rgb(), taps.first[y] * row + i, row);
    return new Picture(p.width(), height, out);
  }

  /** Which of {@code in} samples make each of {@code out}, and their weights. */
  private Taps taps(int in, int out) {
    double scale = (double) in / out;
    double stretch = Math.max(scale, 1);
    double support = reach * stretch;
    int[] first = new int[out];
    int[][] weights = new int[out][];
    for (int i = 0; i < out; i++) {
      double centre = (i + 0.5) * scale;
      int from = Math.max(0, (int) (centre - support + 0.5));
      int to = Math.min(in, (int) (centre + support + 0.5));
      double[] w = new double[to - from];
      double sum = 0;
      for (int j = 0; j < w.length; j++) {
        w[j] = at(Math.abs((j + from - centre + 0.5) * (1 / stretch)));
        sum += w[j];
      }
      first[i] = from;
      weights[i] = new int[w.length];
      for (int j = 0; j < w.length; j++) {
        double v = (sum == 0 ? w[j] : w[j] / sum) * (1 << BITS);
        weights[i][j] = (int) (v < 0 ? v - 0.5 : v + 0.5);
      }
    }
    return new Taps(first, weights);
  }

  private record Taps(int[] first, int[][] weights) {
    byte sum(int i, byte[] from, int at, int stride) {
      int sum = 1 << (BITS - 1);
      int p = at;
      for (int w : weights[i]) {
        sum += (from[p] & 0xff) * w;
        p += stride;
      }
      return (byte) Math.clamp(sum >> BITS, 0, 255);
    }
  }
}
