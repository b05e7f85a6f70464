package dev.outpost.offsite.federated;

/** What a party may be called: its name becomes the name of files. */
public final class ClientName {
  /** The model owner itself, where it takes part in tuning. */
  public static final String SERVER = "server";

  private ClientName() {}

  /** Refuses names that could be a path, a hidden file or a flag. */
  public static String require(String name) {
    if (!name.matches("[a-z0-9][a-z0-9_-]{0,63}"))
      throw new IllegalArgumentException(
          "client name: must be 1 to 64 of a–z, 0–9, _ and -, not beginning with _ or -, got \""
              + shown(name)
              + "\"");
    return name;
  }

  /** A name from outside, short and without control characters, for messages and logs. */
  static String shown(String name) {
    String plain = name.replaceAll("\\p{Cntrl}", "?");
    return plain.length() > 80 ? plain.substring(0, 80) + "…" : plain;
  }
}
