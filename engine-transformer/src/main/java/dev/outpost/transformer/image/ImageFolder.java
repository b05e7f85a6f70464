package dev.outpost.transformer.image;

import dev.outpost.tensor.Tensor;
import dev.outpost.tensor.io.FormatException;
import dev.outpost.transformer.Input;
import dev.outpost.transformer.Spec;
import dev.outpost.transformer.family.Labels;
import dev.outpost.transformer.train.Batch;
import dev.outpost.transformer.train.Examples;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Pictures in one sub-folder per class, read when a batch asks for them: at no time are more in
 * memory. In the order of the classes' names, then of the files'.
 */
public final class ImageFolder implements Examples {
  private record Labelled(Path file, int label) {}

  private final Path root;
  private final List<Labelled> files;
  private final ImageSettings settings;
  private final Spec.Image image;

  private ImageFolder(Path root, List<Labelled> files, ImageSettings settings, Spec.Image image) {
    this.root = root;
    this.files = List.copyOf(files);
    this.settings = settings;
    this.image = image;
  }

  /**
   * The pictures below {@code root}. A sub-folder is the class of its name where the model's
   * classes have all these names; otherwise there must be one for each class, and their sorted
   * order numbers them. Other files than pictures are passed over.
   *
   * @param spec of a model of images with a head of classes
   * @throws FormatException when folders and classes do not fit, no picture is there, or the
   *     settings make other sizes than the model's
   */
  public static ImageFolder of(Path root, ImageSettings settings, Spec spec, Labels labels)
      throws IOException {
    if (spec.embedding().image().isEmpty() || spec.head().kind() != Spec.HeadKind.CLASSES)
      throw new FormatException(root + ": the model is no classifier of images");
    Spec.Image image = spec.embedding().image().get();
    ImageSettings.Size.Exact made = settings.output().orElseThrow();
    if (made.width() != image.size() || made.height() != image.size())
      throw new FormatException(
          ImageSettings.FILE
              + ": makes images of "
              + made.width()
              + "x"
              + made.height()
              + ", the model reads "
              + image.size()
              + "x"
              + image.size());
    List<Path> folders = list(root, Files::isDirectory);
    List<String> names = folders.stream().map(f -> f.getFileName().toString()).toList();
    boolean named = labels.names().containsAll(names);
    if (folders.isEmpty() || !named && names.size() != spec.head().outputs())
      throw new FormatException(
          root
              + ": must hold a folder for each of the model's "
              + spec.head().outputs()
              + " classes "
              + labels.names()
              + ", or only such as are named like one; it holds "
              + names);
    List<Labelled> files = new ArrayList<>();
    for (int i = 0; i < folders.size(); i++) {
      int label = named ? labels.names().indexOf(names.get(i)) : i;
      for (Path f : list(folders.get(i), Picture::names)) files.add(new Labelled(f, label));
    }
    if (files.isEmpty())
      throw new FormatException(root + ": holds no PNG, JPEG, BMP or GIF in its folders " + names);
    return new ImageFolder(root, files, settings, image);
  }

  private static List<Path> list(Path folder, Predicate<Path> which) throws IOException {
    if (!Files.isDirectory(folder))
      throw new FormatException(folder + ": no such folder; images lie in one folder per class");
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(which).sorted().toList();
    }
  }

  /**
   * Pictures to train on and, evenly from among all, the share held back to measure with; null
   * where the share is less than one picture.
   */
  public record Split(ImageFolder train, @Nullable ImageFolder validation) {}

  /** Splits by position, so that every class gives its share. */
  public Split split(double share) {
    List<Labelled> train = new ArrayList<>();
    List<Labelled> held = new ArrayList<>();
    for (int i = 0; i < files.size(); i++)
      (Math.floor((i + 1) * share) > Math.floor(i * share) ? held : train).add(files.get(i));
    if (train.isEmpty())
      throw new IllegalArgumentException(root + ": a share of " + share + " leaves none to train");
    return new Split(
        new ImageFolder(root, train, settings, image),
        held.isEmpty() ? null : new ImageFolder(root, held, settings, image));
  }

  @Override
  public int count() {
    return files.size();
  }

  @Override
  public Batch batch(int[] which) {
    int each = image.channels() * image.size() * image.size();
    Tensor pixels = Tensor.zeros(which.length, image.channels(), image.size(), image.size());
    int[] targets = new int[which.length];
    for (int i = 0; i < which.length; i++) {
      Labelled l = files.get(which[i]);
      targets[i] = l.label;
      try {
        settings.apply(Picture.read(l.file), pixels.data(), i * each);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return new Batch(Input.of(pixels), which.length, image.positions(), targets);
  }

  @Override
  public String extent() {
    return files.size() + "x" + image.positions();
  }

  @Override
  public String sha256() {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (Labelled l : files) {
        String line = root.relativize(l.file) + "\n" + l.label + "\n";
        digest.update(line.getBytes(StandardCharsets.UTF_8));
        digest.update(Files.readAllBytes(l.file));
      }
      digest.update(settings.toString().getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest.digest());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
