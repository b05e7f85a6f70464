package dev.outpost.wire;

import java.io.IOException;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.X509Certificate;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;

/**
 * Whom a party talks to: who shows a certificate of this federation's own authority, valid now and
 * made for this side of a connection. The JDK decides; here its reasons are put in words.
 */
final class Trust extends X509ExtendedTrustManager {
  private final X509ExtendedTrustManager jdk;
  private final Kit kit;

  private Trust(X509ExtendedTrustManager jdk, Kit kit) {
    this.jdk = jdk;
    this.kit = kit;
  }

  /** Why a certificate is not taken. */
  static final class DistrustException extends CertificateException {
    private static final long serialVersionUID = 1;

    DistrustException(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /** Trusts the kit's authority alone. */
  static Trust of(Kit kit) {
    try {
      KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
      store.load(null, null);
      store.setCertificateEntry("authority", kit.authority());
      TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
      factory.init(store);
      for (TrustManager m : factory.getTrustManagers())
        if (m instanceof X509ExtendedTrustManager x) return new Trust(x, kit);
      throw new IllegalStateException("this Java platform has no trust manager for certificates");
    } catch (GeneralSecurityException | IOException e) {
      throw new IllegalStateException("this Java platform cannot hold certificates", e);
    }
  }

  /** Why a handshake failed, in words: ours where it was for a certificate, else the JDK's. */
  static String why(Throwable failure) {
    String why = String.valueOf(failure.getMessage());
    for (Throwable t = failure; t != null; t = t.getCause())
      if (t instanceof DistrustException d) why = String.valueOf(d.getMessage());
    return brief(why);
  }

  private interface Check {
    void run() throws CertificateException;
  }

  private void check(X509Certificate[] chain, Check check) throws CertificateException {
    try {
      check.run();
      if (kit.server() != null && !kit.server().equals(chain[0]))
        throw new CertificateException("it is not the server that this kit was made for");
    } catch (CertificateException e) {
      throw new DistrustException(reason(chain[0], e), e);
    }
  }

  private String reason(X509Certificate shown, CertificateException e) {
    String who = "the certificate of \"" + brief(shown.getSubjectX500Principal().getName()) + "\" ";
    for (Throwable t = e; t != null; t = t.getCause()) {
      if (t instanceof CertificateExpiredException)
        return who + "expired at " + shown.getNotAfter().toInstant();
      if (t instanceof CertificateNotYetValidException)
        return who + "is valid only from " + shown.getNotBefore().toInstant() + " on";
    }
    try {
      shown.verify(jdk.getAcceptedIssuers()[0].getPublicKey());
    } catch (GeneralSecurityException other) {
      return who + "was not issued by the authority of the federation \"" + kit.federation() + "\"";
    }
    return who + "is not usable here: " + brief(String.valueOf(e.getMessage()));
  }

  /** What a stranger wrote, short and of plain characters. */
  private static String brief(String text) {
    String plain = text.replaceAll("[^ -~]", "?");
    return plain.length() > 200 ? plain.substring(0, 200) + "…" : plain;
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine)
      throws CertificateException {
    check(chain, () -> jdk.checkClientTrusted(chain, type, engine));
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine)
      throws CertificateException {
    check(chain, () -> jdk.checkServerTrusted(chain, type, engine));
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket)
      throws CertificateException {
    check(chain, () -> jdk.checkClientTrusted(chain, type, socket));
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket)
      throws CertificateException {
    check(chain, () -> jdk.checkServerTrusted(chain, type, socket));
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String type) throws CertificateException {
    check(chain, () -> jdk.checkClientTrusted(chain, type));
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String type) throws CertificateException {
    check(chain, () -> jdk.checkServerTrusted(chain, type));
  }

  @Override
  public X509Certificate[] getAcceptedIssuers() {
    return jdk.getAcceptedIssuers();
  }
}
