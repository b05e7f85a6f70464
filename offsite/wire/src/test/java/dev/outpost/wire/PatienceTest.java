package dev.outpost.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outpost.offsite.federated.RefusedException;
import dev.outpost.offsite.federated.UnreachableException;
import java.io.IOException;
import java.security.cert.CertificateException;
import java.time.Duration;
import javax.net.ssl.SSLHandshakeException;
import org.junit.jupiter.api.Test;

class PatienceTest {
  @Test
  void pausesDoubleUpToABoundEachBetweenHalfAndWhole() {
    Patience patience = new Patience(Limits.STANDARD);
    assertThat(patience.pause(0, 0)).isEqualTo(125);
    assertThat(patience.pause(0, 0.999999)).isEqualTo(249);
    assertThat(patience.pause(1, 0)).isEqualTo(250);
    assertThat(patience.pause(5, 0)).isEqualTo(4000);
    for (int n : new int[] {7, 60, Integer.MAX_VALUE}) {
      assertThat(patience.pause(n, 0)).isEqualTo(10_000);
      assertThat(patience.pause(n, 0.999999)).isEqualTo(19_999);
    }
  }

  @Test
  void whoGetsOnKeepsTrying() throws Exception {
    Duration any = Duration.ofSeconds(1);
    Patience patience = new Patience(Stage.limits(any, any, Duration.ofMillis(40)));
    // Far longer in all than it waits without getting on.
    for (int i = 1; i <= 20; i++) {
      patience.reached(i);
      patience.after(new IOException("cut"));
    }
    assertThatThrownBy(
            () -> {
              for (int i = 1; i <= 20; i++) {
                patience.reached(i); // No more than before.
                patience.after(new IOException("cut"));
              }
            })
        .isInstanceOf(UnreachableException.class)
        .hasMessageContaining("cut");
  }

  @Test
  void noAttemptMendsDistrust() {
    Patience patience = new Patience(Limits.STANDARD);
    assertThatThrownBy(
            () -> patience.after(new IOException(new CertificateException("of a stranger"))))
        .isInstanceOf(RefusedException.class)
        .hasMessageContaining("of a stranger");
    String alert = "(certificate_expired) Received fatal alert: certificate_expired";
    assertThatThrownBy(() -> patience.after(new IOException(new SSLHandshakeException(alert))))
        .isInstanceOf(RefusedException.class)
        .hasMessageContaining("ask the owner for a kit");
  }
}
