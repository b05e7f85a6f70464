package dev.outpost.transformer.hub;

import dev.outpost.tensor.io.FormatException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where models come from and where they are kept.
 *
 * @param cache the folder of all models
 * @param endpoint the hub: scheme, host, port and perhaps a path, without a slash at the end
 * @param token who asks; null asks as anybody. Goes to the endpoint's host only, and into no text
 * @param offline whether the network may not be used
 * @param links whether a snapshot may be made of symbolic links; where the file system has none,
 *     files are put there instead
 */
public record HubSettings(
    Path cache, URI endpoint, @Nullable String token, boolean offline, boolean links) {
  /** The hub when no other is named. */
  public static final URI HUGGING_FACE = URI.create("https://huggingface.co");

  public HubSettings {
    endpoint = checked(endpoint);
    if (token != null && !token.chars().allMatch(c -> c > ' ' && c < 127))
      throw new IllegalArgumentException(
          "hub: the access token holds blanks, control characters or letters beyond ASCII; copy it"
              + " once more");
  }

  private static URI checked(URI endpoint) {
    String scheme = String.valueOf(endpoint.getScheme()).toLowerCase(Locale.ROOT);
    if (!Set.of("http", "https").contains(scheme)
        || endpoint.getHost() == null
        || endpoint.getRawUserInfo() != null
        || endpoint.getRawQuery() != null
        || endpoint.getRawFragment() != null)
      throw new IllegalArgumentException(
          "hub: an endpoint is http:// or https:// and a host, such as "
              + HUGGING_FACE
              + "; a token is given in HF_TOKEN, not in the address");
    return URI.create(endpoint.toString().replaceAll("/+$", ""));
  }

  /** What the environment says, as the hub's own client reads it. */
  public static HubSettings ofEnvironment() throws IOException {
    return of(System.getenv(), Path.of(System.getProperty("user.home")));
  }

  /**
   * HF_HUB_CACHE or HF_HOME/hub, HF_ENDPOINT, HF_TOKEN or the file that HF_TOKEN_PATH names,
   * HF_HUB_OFFLINE, HF_HUB_DISABLE_SYMLINKS.
   *
   * @param home what {@code ~} stands for
   * @throws FormatException when a variable cannot be used; the message names it
   */
  public static HubSettings of(Map<String, String> environment, Path home) throws IOException {
    Path caches = path(environment, "XDG_CACHE_HOME", home, home.resolve(".cache"));
    Path base = path(environment, "HF_HOME", home, caches.resolve("huggingface"));
    Path cache =
        path(
            environment,
            "HF_HUB_CACHE",
            home,
            path(environment, "HUGGINGFACE_HUB_CACHE", home, base.resolve("hub")));
    try {
      return new HubSettings(
          cache,
          URI.create(environment.getOrDefault("HF_ENDPOINT", HUGGING_FACE.toString()).strip()),
          token(environment, path(environment, "HF_TOKEN_PATH", home, base.resolve("token"))),
          on(environment, "HF_HUB_OFFLINE") || on(environment, "TRANSFORMERS_OFFLINE"),
          !on(environment, "HF_HUB_DISABLE_SYMLINKS"));
    } catch (IllegalArgumentException e) {
      throw new FormatException("environment: " + e.getMessage(), e);
    }
  }

  private static Path path(
      Map<String, String> environment, String name, Path home, Path otherwise) {
    String value = environment.getOrDefault(name, "");
    if (value.isBlank()) return otherwise;
    if (value.equals("~")) return home;
    return value.startsWith("~/") ? home.resolve(value.substring(2)) : Path.of(value);
  }

  private static boolean on(Map<String, String> environment, String name) {
    return Set.of("1", "ON", "YES", "TRUE")
        .contains(environment.getOrDefault(name, "").strip().toUpperCase(Locale.ROOT));
  }

  private static @Nullable String token(Map<String, String> environment, Path file)
      throws IOException {
    for (String name : new String[] {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
      String value = environment.getOrDefault(name, "").strip();
      if (!value.isEmpty()) return value;
    }
    if (!Files.isRegularFile(file)) return null;
    if (Files.size(file) > 4096)
      throw new FormatException(file + ": holds no access token: it is longer than 4096 bytes");
    String value = Files.readString(file).strip();
    return value.isEmpty() ? null : value;
  }

  /** The same settings with another hub. */
  public HubSettings at(URI other) {
    return new HubSettings(cache, other, token, offline, links);
  }

  /** The same settings without the network. */
  public HubSettings withoutNetwork() {
    return new HubSettings(cache, endpoint, token, true, links);
  }

  /** Says whether there is a token, never which. */
  @Override
  public String toString() {
    return "HubSettings[cache="
        + cache
        + ", endpoint="
        + endpoint
        + ", token="
        + (token == null ? "none" : "given")
        + ", offline="
        + offline
        + "]";
  }
}
