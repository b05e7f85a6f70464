package dev.outpost.transformer.hub;

import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Names of files as a server gives them, checked before any becomes a path here: a hostile one must
 * not reach outside its folder, on any operating system.
 */
final class RemoteName {
  private static final int LONGEST = 1024;
  private static final int LONGEST_PART = 200;

  /** Devices of Windows, whatever follows the first dot. */
  private static final Pattern DEVICE =
      Pattern.compile(
          "(?:con|prn|aux|nul|(?:com|lpt)[0-9¹²³])(?:\\..*)?", Pattern.CASE_INSENSITIVE);

  private RemoteName() {}

  /** Checks names that will lie in one folder: each by itself, and that no two are in the way. */
  static void check(String source, Collection<String> names) throws HubException {
    // Lower case: where a file system does not tell the cases apart, one would replace the other.
    Map<String, String> taken = new HashMap<>();
    for (String name : names) {
      String[] parts = name.split("/", -1);
      if (name.length() > LONGEST) throw refused(source, name, "is longer than " + LONGEST);
      for (String part : parts)
        if (!isPlain(part))
          throw refused(
              source,
              name,
              "must be a path inside the model's folder that every operating system can hold");
      String twin = taken.put(name.toLowerCase(Locale.ROOT), name);
      if (twin != null)
        throw refused(source, name, "and " + shown(twin) + " are one file on some systems");
    }
    for (String name : names) {
      String folder = name.toLowerCase(Locale.ROOT);
      for (int at = folder.lastIndexOf('/'); at > 0; at = folder.lastIndexOf('/', at - 1)) {
        String file = taken.get(folder.substring(0, at));
        if (file != null)
          throw refused(source, name, "lies inside " + shown(file) + ", which is a file");
      }
    }
  }

  /** Whether this can be the name of one file or folder anywhere. */
  static boolean isPlain(String part) {
    return !part.isEmpty()
        && !part.equals(".")
        && !part.equals("..")
        && part.getBytes(StandardCharsets.UTF_8).length <= LONGEST_PART
        && part.codePoints().noneMatch(RemoteName::special)
        && !part.endsWith(".")
        && !part.endsWith(" ")
        && !DEVICE.matcher(part).matches();
  }

  private static boolean special(int c) {
    return Character.isISOControl(c)
        || Character.getType(c) == Character.SURROGATE
        || "\\/:*?\"<>|".indexOf(c) >= 0;
  }

  private static HubException refused(String source, String name, String rule) {
    return new HubException(
        source + ": file name " + shown(name) + " " + rule + "; nothing was fetched");
  }

  /** Text of a server as it may be shown: one line, no control characters, not endless. */
  static String shown(String text) {
    StringBuilder plain = new StringBuilder();
    text.codePoints()
        .limit(200)
        .map(c -> Character.isISOControl(c) || Character.getType(c) == Character.FORMAT ? '?' : c)
        .forEach(plain::appendCodePoint);
    return '"' + plain.toString() + '"';
  }
}
