package dev.outpost.offsite.app;

import java.lang.reflect.Proxy;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Ctrl-C, made gentle: while a command trains, the first one lets the running step end and what is
 * worth keeping be saved; the second ends the process at once, as the first does when nothing is to
 * be saved. A state on disk is whole in any case.
 */
final class Interruption {
  private static final int SIGINT = 2;
  private static final int SIGTERM = 15;

  private final AtomicBoolean heard = new AtomicBoolean();
  private volatile int signal;
  private volatile @Nullable Runnable gently;

  /**
   * Starts listening to SIGINT and SIGTERM; where the JVM offers no signals, they end it as ever.
   */
  static Interruption install() {
    Interruption i = new Interruption();
    i.handle("INT", SIGINT);
    i.handle("TERM", SIGTERM);
    return i;
  }

  /**
   * By reflection, since javac warns of sun.misc with no way to agree. A shutdown hook, the
   * official way, comes too late: files are no longer written the usual way then, and a second
   * Ctrl-C goes unheard.
   */
  private void handle(String name, int number) {
    try {
      Class<?> signalType = Class.forName("sun.misc.Signal");
      Class<?> handlerType = Class.forName("sun.misc.SignalHandler");
      Object handler =
          Proxy.newProxyInstance(
              Interruption.class.getClassLoader(),
              new Class<?>[] {handlerType},
              (proxy, method, args) ->
                  switch (method.getName()) {
                    case "handle" -> {
                      received(number);
                      yield null;
                    }
                    case "equals" -> proxy == args[0];
                    case "hashCode" -> number;
                    default -> "SIG" + name;
                  });
      signalType
          .getMethod("handle", signalType, handlerType)
          .invoke(null, signalType.getConstructor(String.class).newInstance(name), handler);
    } catch (ReflectiveOperationException e) {
      System.getLogger(Interruption.class.getName())
          .log(System.Logger.Level.DEBUG, "SIG{0} is not handled: {1}", name, e);
    }
  }

  /** Each signal comes on a thread of its own. */
  void received(int number) {
    Runnable tell = gently;
    if (tell != null && !heard.getAndSet(true)) {
      // Who finds the request goes on when the user was told: else the process may end before.
      synchronized (this) {
        signal = number;
        tell.run();
      }
    } else {
      System.exit(128 + number);
    }
  }

  /** From now on the first signal only asks to stop; {@code told} lets the user know. */
  void gently(Runnable told) {
    gently = told;
  }

  /** Whether the user asked to stop. */
  boolean requested() {
    if (signal == 0) return false;
    synchronized (this) {
      return true;
    }
  }

  /** What a process ended by the signal tells its caller. */
  int exitCode() {
    return 128 + (signal == 0 ? SIGINT : signal);
  }
}
