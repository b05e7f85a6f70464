package dev.outpost.wire;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A wire with faults: passes bytes between clients and a server, each connection by the next of a
 * list of faults, later ones faultlessly.
 */
final class Tap implements AutoCloseable {
  /** What happens to one direction once this many bytes have passed. */
  enum Fault {
    NONE,
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
   * Fault of one connection.
   *
   * @param up whether it is in what the client sends
   */
  record Plan(boolean up, long after, Fault fault) {}

  private final ServerSocket socket;
  private final int target;
  private final List<Plan> plans;
  private final AtomicInteger connections = new AtomicInteger();
  private final AtomicInteger struck = new AtomicInteger();
  private final List<Socket> open = new CopyOnWriteArrayList<>();

  Tap(int target, Plan... plans) throws IOException {
    this.socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    this.target = target;
    this.plans = List.of(plans);
    Thread.startVirtualThread(this::accept);
  }

  int port() {
    return socket.getLocalPort();
  }

  int connections() {
    return connections.get();
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
        int n = connections.getAndIncrement();
        Plan plan = n < plans.size() ? plans.get(n) : new Plan(true, 0, Fault.NONE);
        Thread.startVirtualThread(() -> pass(client, server, plan, true));
        Thread.startVirtualThread(() -> pass(server, client, plan, false));
      } catch (IOException e) {
        // A server that is not there: the client sees its connection closed.
      }
  }

  private void pass(Socket from, Socket to, Plan plan, boolean up) {
    boolean mine = plan.fault() != Fault.NONE && plan.up() == up;
    long passed = 0;
    boolean done = false;
    byte[] buffer = new byte[1024];
    try (from;
        to) {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        passed += n;
        if (mine && !done && passed > plan.after()) {
          done = true;
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
            case NONE -> {}
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
