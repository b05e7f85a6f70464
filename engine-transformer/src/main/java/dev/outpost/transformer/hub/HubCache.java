package dev.outpost.transformer.hub;

import dev.outpost.tensor.io.AtomicFile;
import dev.outpost.tensor.io.FormatException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Models on this machine, as the hub's own client lays them out:
 *
 * <pre>
 * models--owner--name/blobs/ETAG            a file's bytes, named by their checksum
 * models--owner--name/snapshots/COMMIT/…    the model's files: relative links to blobs
 * models--owner--name/refs/main             the commit that a branch or tag stood for
 * .locks/models--owner--name/ETAG.lock      who fetches a blob
 * </pre>
 *
 * @param root the folder of all models
 * @param links whether snapshots may be made of symbolic links
 */
public record HubCache(Path root, boolean links) {
  /** The cache that some settings name. */
  public static HubCache of(HubSettings settings) {
    return new HubCache(settings.cache(), settings.links());
  }

  /** Everything of one model. */
  Path folder(HubModel model) {
    return root.resolve("models--" + model.owner() + "--" + model.name());
  }

  Path blob(HubModel model, String etag) {
    return folder(model).resolve("blobs").resolve(etag);
  }

  /**
   * Where a blob grows. The hub's client, too, ends such names in {@code .incomplete}, but writes
   * to names of its own: the two never write to one file.
   */
  Path incomplete(HubModel model, String etag) {
    return folder(model).resolve("blobs").resolve(etag + ".outpost.incomplete");
  }

  Path lock(HubModel model, String etag) {
    return root.resolve(".locks").resolve(folder(model).getFileName()).resolve(etag + ".lock");
  }

  Path snapshot(HubModel model, String commit) {
    return folder(model).resolve("snapshots").resolve(commit);
  }

  private Path ref(HubModel model) {
    return folder(model).resolve("refs").resolve(model.revision());
  }

  /** Remembers the commit that the model's revision stands for. */
  void refer(HubModel model, String commit) throws IOException {
    if (model.revision().equals(commit)) return;
    byte[] text = commit.getBytes(StandardCharsets.US_ASCII);
    if (Files.exists(ref(model)) && commit.equals(Files.readString(ref(model)).strip())) return;
    AtomicFile.write(ref(model), text);
  }

  /** The folder of a model's files, when it was fetched before. */
  public Optional<Path> find(HubModel model) throws IOException {
    String commit = model.revision();
    if (!HubModel.isCommit(commit)) {
      if (!Files.isRegularFile(ref(model))) return Optional.empty();
      commit = Files.readString(ref(model)).strip();
      if (!HubModel.isCommit(commit))
        throw new FormatException(
            ref(model) + ": must hold a commit of 40 hexadecimal digits; delete it and pull again");
    }
    return Optional.of(snapshot(model, commit)).filter(Files::isDirectory);
  }

  /**
   * What a user means by a path: itself when it is there, else the model of that name in this
   * cache; its folder, or the GGUF file where that is all it has.
   *
   * @throws FormatException when it is neither, with the command that fetches it
   */
  public Path locate(Path given) throws IOException {
    String name = given.toString().replace('\\', '/');
    if (Files.exists(given) || !HubModel.isName(name)) return given;
    HubModel model = HubModel.parse(name);
    Path snapshot =
        find(model)
            .orElseThrow(() ->
                new FormatException(
                    given
                        + ": no such file or folder, and no such model in "
                        + root
                        + "; fetch it from the hub with: outpost pull "
                        + model));
    if (Files.exists(snapshot.resolve("config.json"))) return snapshot;
    List<Path> files;
    try (Stream<Path> all = Files.list(snapshot)) {
      files = all.filter(p -> p.toString().endsWith(".gguf")).sorted().toList();
    }
    if (files.size() > 1)
      throw new FormatException(
          given
              + ": holds several models; name one: "
              + files.stream().map(Path::toString).toList());
    return files.isEmpty() ? snapshot : files.getFirst();
  }

  /**
   * Puts a blob into a snapshot under its name: by a relative link, so that the cache may be moved
   * as a whole, or where there are no links as a file.
   *
   * @param fresh whether the blob was fetched just now and no other snapshot needs it
   */
  void place(Path blob, Path file, boolean fresh) throws IOException {
    Path folder = Objects.requireNonNull(file.getParent());
    Files.createDirectories(folder);
    if (links && linked(folder.relativize(blob), file)) return;
    if (fresh) Files.move(blob, file, StandardCopyOption.REPLACE_EXISTING);
    else Files.copy(blob, file, StandardCopyOption.REPLACE_EXISTING);
  }

  private static boolean linked(Path target, Path file) throws IOException {
    try {
      // A link that leads nowhere, or to another blob.
      if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)) Files.delete(file);
      Files.createSymbolicLink(file, target);
      return true;
    } catch (FileAlreadyExistsException e) {
      // Another process was first; it means the same file.
      return Files.exists(file);
    } catch (FileSystemException | UnsupportedOperationException e) {
      // Windows permits links to developers only; some file systems have none.
      return false;
    }
  }
}
