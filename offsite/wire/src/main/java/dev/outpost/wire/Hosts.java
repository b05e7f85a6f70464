package dev.outpost.wire;

import java.net.InetAddress;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Names and addresses of a server, told apart without asking anyone. */
final class Hosts {
  private Hosts() {}

  /** Refuses what is neither a host's name nor an address. */
  static String require(String host) {
    if (!isAddress(host)
        && (host.length() > 253
            || !host.matches("([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.?)+")))
      throw new IllegalArgumentException(
          "host: must be a name or an address, without a port, got \"" + host + "\"");
    return host;
  }

  static boolean isAddress(String host) {
    return literal(host) != null;
  }

  /** Where a server of these hosts listens: on this machine alone where it is asked for as such. */
  static String listen(List<String> hosts) {
    boolean here = hosts.stream().allMatch(Hosts::isLoopback);
    return here ? hosts.stream().filter(Hosts::isAddress).findFirst().orElse("127.0.0.1") : "::";
  }

  private static boolean isLoopback(String host) {
    InetAddress address = literal(host);
    return address == null
        ? host.toLowerCase(Locale.ROOT).equals("localhost")
        : address.isLoopbackAddress();
  }

  private static @Nullable InetAddress literal(String host) {
    try {
      return InetAddress.ofLiteral(host);
    } catch (IllegalArgumentException e) {
      return null;
    }
  }
}
