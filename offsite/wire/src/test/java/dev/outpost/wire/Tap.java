package dev.outpost.wire;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A wire with faults: passes bytes between clients and a server. Each fault of a list strikes once,
 * the next of them the first connection that has passed so many bytes; then all is well.
 */
final class Tap implements AutoCloseable {
  /** What happens to one direction of a connection. */
  enum Fault {
    /** The connection is cut. */
    CUT,
    /** Nothing passes any more, the connection stays open. */
    STALL,
    /** A kilobyte passes twice. */
    DUPLICATE,
    /** A kilobyte is lost. */
    DROP,
    /** A bit is turned. */
    FLIP
  }

  /**
   * One fault.
   *
   * @param up whether it is in what the client sends
   * @param after so many bytes have passed that way in one connection
   */
  record Plan(boolean up, long after, Fault fault) {}

  private final ServerSocket socket;
  private final int target;
  private final Queue<Plan> plans;
  private final AtomicInteger struck = new AtomicInteger();
  private final List<Socket> open = new CopyOnWriteArrayList<>();

  Tap(int target, Plan... plans) throws IOException {
    this.socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    this.target = target;
    this.plans = new ConcurrentLinkedQueue<>(List.of(plans));
    Thread.startVirtualThread(this::accept);
  }

  int port() {
    return socket.getLocalPort();
  }

  /** How many faults came to pass. */
  int struck() {
    return struck.get();
  }

  private void accept() {
    while (!socket.isClosed())
      try {
        Socket client = socket.accept();
        Socket server = new Socket(InetAddress.getLoopbackAddress(), target);
        open.add(client);
        open.add(server);
        Thread.startVirtualThread(() -> pass(client, server, true));
        Thread.startVirtualThread(() -> pass(server, client, false));
      } catch (IOException e) {
        // A server that is not there: the client sees its connection closed.
      }
  }

  private void pass(Socket from, Socket to, boolean up) {
    long passed = 0;
    byte[] buffer = new byte[1024];
    try (from;
        to) {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        passed += n;
        Plan plan = plans.peek();
        if (plan != null && plan.up() == up && passed > plan.after() && plans.remove(plan)) {
          struck.incrementAndGet();
          switch (plan.fault()) {
            case CUT -> {
              return;
            }
            case STALL -> {
              while (in.read(buffer) >= 0) {
                // Taken and lost.
              }
              return;
            }
            case DUPLICATE -> out.write(buffer, 0, n);
            case DROP -> {
              continue;
            }
            case FLIP -> buffer[n / 2] ^= 4;
          }
        }
        out.write(buffer, 0, n);
      }
    } catch (IOException e) {
      // Either side went away.
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
    for (Socket s : open) s.close();
  }
}
