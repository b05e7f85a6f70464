package dev.outpost.tornado;

/** Bytes that crossed the bus, and in how many transfers; launches without their arguments. */
final class Traffic {
  private long upBytes;
  private long downBytes;
  private long ups;
  private long downs;
  private long launches;

  void up(long bytes) {
    upBytes += bytes;
    ups++;
  }

  void down(long bytes) {
    downBytes += bytes;
    downs++;
  }

  void launched() {
    launches++;
  }

  long upBytes() {
    return upBytes;
  }

  long downBytes() {
    return downBytes;
  }

  long launches() {
    return launches;
  }

  @Override
  public String toString() {
    return "%,d launches; to the device %,d transfers of %,d bytes, from it %,d of %,d"
        .formatted(launches, ups, upBytes, downs, downBytes);
  }
}
