package dev.outpost.transformer.image;

import dev.outpost.tensor.io.FormatException;
import dev.outpost.tensor.io.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What {@code preprocessor_config.json} does to a picture before a model sees it: resize, cut out
 * the middle, bring bytes to a range. Computed as Transformers' Pillow backend computes it, bit by
 * bit on the same pixels.
 *
 * @param resize to this size first, or null
 * @param resample how
 * @param crop cut this size out of the middle, or null
 * @param scale factor on bytes, usually 1/255
 * @param mean taken off each channel
 * @param deviation divides each channel
 */
public record ImageSettings(
    @Nullable Size resize,
    Resample resample,
    @Nullable Size crop,
    double scale,
    List<Double> mean,
    List<Double> deviation) {
  /** The file's name. */
  public static final String FILE = "preprocessor_config.json";

  private static final int MAX = 1 << 14;

  /** Sizes a picture is brought to. */
  public sealed interface Size {
    /** Exactly this, whatever the proportions were. */
    record Exact(int width, int height) implements Size {}

    /** The shorter side; the other keeps the proportions. */
    record Shortest(int edge) implements Size {}
  }

  public ImageSettings {
    mean = List.copyOf(mean);
    deviation = List.copyOf(deviation);
    if (mean.size() != 3 || deviation.size() != 3)
      throw new IllegalArgumentException("image settings: mean and deviation need three numbers");
  }

  /** ViT's: squeezed to a square, bytes to −1 … 1. */
  public static ImageSettings vit(int size) {
    List<Double> half = List.of(0.5, 0.5, 0.5);
    return new ImageSettings(
        new Size.Exact(size, size), Resample.BILINEAR, null, 1 / 255.0, half, half);
  }

  /** CLIP's: the middle square, each channel by the mean and deviation of CLIP's training set. */
  public static ImageSettings clip(int size) {
    return new ImageSettings(
        new Size.Shortest(size),
        Resample.BICUBIC,
        new Size.Exact(size, size),
        1 / 255.0,
        List.of(0.48145466, 0.4578275, 0.40821073),
        List.of(0.26862954, 0.26130258, 0.27577711));
  }

  /** The settings beside a model. */
  public static ImageSettings read(Path folder) throws IOException {
    Path file = folder.resolve(FILE);
    if (!Files.exists(file))
      throw new FormatException(
          file + ": is missing; a model of images needs it to know their size and range");
    return of(JsonObject.read(file));
  }

  /** Reads the fields; what a file leaves out is its processor's default. */
  public static ImageSettings of(JsonObject c) throws FormatException {
    String field =
        c.has("image_processor_type") ? "image_processor_type" : "feature_extractor_type";
    String type = c.string(field);
    boolean clip = type.startsWith("CLIP");
    if (!clip && !type.startsWith("ViT"))
      throw c.wrong(field, "is \"" + type + "\"; supported: ViTImageProcessor, CLIPImageProcessor");
    ImageSettings plain = clip ? clip(224) : vit(224);
    if (c.bool("do_pad", false)) throw c.wrong("do_pad", "is true: padding is not supported");
    boolean crop = c.bool("do_center_crop", clip);
    ImageSettings read =
        new ImageSettings(
            c.bool("do_resize", true) ? size(c, "size", clip).orElse(plain.resize) : null,
            resample(c, plain.resample),
            crop ? size(c, "crop_size", false).orElse(new Size.Exact(224, 224)) : null,
            c.bool("do_rescale", true) ? c.number("rescale_factor", 1 / 255.0) : 1,
            numbers(c, "image_mean", "do_normalize", plain.mean, 0),
            numbers(c, "image_std", "do_normalize", plain.deviation, 1));
    if (read.resize instanceof Size.Shortest s
        && read.crop instanceof Size.Exact e
        && Math.max(e.width(), e.height()) > s.edge())
      throw c.wrong("crop_size", "is larger than size: padding is not supported");
    if (read.output().isEmpty())
      throw c.wrong("do_center_crop", "must be true where size does not fix width and height");
    return read;
  }

  private static Optional<Size> size(JsonObject c, String field, boolean shortest)
      throws FormatException {
    if (!c.has(field)) return Optional.empty();
    if (c.value(field) instanceof Number) {
      int n = c.integer(field, 1, MAX);
      return Optional.of(shortest ? new Size.Shortest(n) : new Size.Exact(n, n));
    }
    JsonObject o = c.object(field);
    if (o.has("longest_edge") || o.has("max_height"))
      throw c.wrong(field, "must have height and width, or shortest_edge alone");
    return Optional.of(
        o.has("shortest_edge")
            ? new Size.Shortest(o.integer("shortest_edge", 1, MAX))
            : new Size.Exact(o.integer("width", 1, MAX), o.integer("height", 1, MAX)));
  }

  private static Resample resample(JsonObject c, Resample otherwise) throws FormatException {
    int number = c.integer("resample", 0, 5, otherwise.number());
    for (Resample r : Resample.values()) if (r.number() == number) return r;
    throw c.wrong("resample", "is " + number + "; supported: 1 lanczos, 2 bilinear, 3 bicubic");
  }

  private static List<Double> numbers(
      JsonObject c, String field, String asked, List<Double> otherwise, double none)
      throws FormatException {
    if (!c.bool(asked, true)) return List.of(none, none, none);
    if (!c.has(field)) return otherwise;
    if (c.value(field) instanceof List<?> l
        && l.size() == 3
        && l.stream().allMatch(v -> v instanceof Number n && Double.isFinite(n.doubleValue())))
      return l.stream().map(v -> ((Number) v).doubleValue()).toList();
    throw c.wrong(field, "must be three numbers");
  }

  /** Width and height of what {@link #apply} makes; empty when they depend on the picture. */
  public Optional<Size.Exact> output() {
    if (crop instanceof Size.Exact e) return Optional.of(e);
    return resize instanceof Size.Exact e ? Optional.of(e) : Optional.empty();
  }

  /**
   * Writes a picture as [3, height, width] from {@code at} on.
   *
   * @throws IllegalArgumentException when the picture is smaller than the crop
   */
  public void apply(Picture picture, float[] to, int at) {
    Picture p = cropped(resized(picture));
    int pixels = p.width() * p.height();
    for (int c = 0; c < 3; c++) {
      // In f32 as the reference: only the product with the scale is exact.
      float m = mean.get(c).floatValue();
      float d = deviation.get(c).floatValue();
      for (int i = 0; i < pixels; i++)
        to[at + c * pixels + i] = ((float) ((p.rgb()[3 * i + c] & 0xff) * scale) - m) / d;
    }
  }

  private Picture resized(Picture p) {
    return switch (resize) {
      case null -> p;
      case Size.Exact(int width, int height) -> resample.resize(p, width, height);
      case Size.Shortest(int edge) -> {
        int shorter = Math.min(p.width(), p.height());
        int longer = (int) ((double) edge * Math.max(p.width(), p.height()) / shorter);
        boolean wide = p.width() > p.height();
        yield resample.resize(p, wide ? longer : edge, wide ? edge : longer);
      }
    };
  }

  private Picture cropped(Picture p) {
    if (!(crop instanceof Size.Exact(int width, int height))) return p;
    if (width > p.width() || height > p.height())
      throw new IllegalArgumentException(
          "image settings: a picture of %dx%d is smaller than the crop of %dx%d"
              .formatted(p.width(), p.height(), width, height));
    int left = (p.width() - width) / 2;
    int top = (p.height() - height) / 2;
    byte[] out = new byte[3 * width * height];
    for (int y = 0; y < height; y++)
      System.arraycopy(p.rgb(), 3 * ((top + y) * p.width() + left), out, 3 * y * width, 3 * width);
    return new Picture(width, height, out);
  }
}
