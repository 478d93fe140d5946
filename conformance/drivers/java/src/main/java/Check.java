import java.io.FileInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.Properties;

/** A JDBC driver through the gateway: mysql, which is Connector/J, or mariadb. */
public class Check {
  static String driver;

  static Connection connect(boolean tls, String password) throws Exception {
    var e = System.getenv();
    var p = new Properties();
    p.put("user", e.get("OFFSHOOT_USER"));
    p.put("password", password);
    p.put("useServerPrepStmts", "true");
    p.put("allowPublicKeyRetrieval", "true");
    if (driver.equals("mariadb")) {
      p.put("sslMode", tls ? "verify-full" : "disable");
      if (tls) p.put("serverSslCert", e.get("OFFSHOOT_CA"));
    } else if (tls) {
      var store = KeyStore.getInstance("PKCS12");
      store.load(null, null);
      try (var pem = new FileInputStream(e.get("OFFSHOOT_CA"))) {
        store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(pem));
      }
      Path file = Files.createTempFile("offshoot", ".p12");
      file.toFile().deleteOnExit();
      try (var out = Files.newOutputStream(file)) {
        store.store(out, "changeit".toCharArray());
      }
      p.put("sslMode", "VERIFY_IDENTITY");
      p.put("trustCertificateKeyStoreUrl", file.toUri().toString());
      p.put("trustCertificateKeyStoreType", "PKCS12");
      p.put("trustCertificateKeyStorePassword", "changeit");
    } else {
      p.put("sslMode", "DISABLED");
    }
    return DriverManager.getConnection(
        "jdbc:" + driver + "://" + e.get("OFFSHOOT_HOST") + ":" + e.get("OFFSHOOT_PORT") + "/" + e.get("OFFSHOOT_SCHEMA"), p);
  }

  static void that(boolean ok, String what) {
    if (!ok) throw new IllegalStateException(what);
  }

  static int code(AutoCloseable action) throws Exception {
    try {
      action.close();
      return 0;
    } catch (SQLException e) {
      return e.getErrorCode();
    }
  }

  public static void main(String[] args) throws Exception {
    driver = args[0];
    String name = driver.equals("mariadb") ? "MariaDB Connector/J" : "Connector/J";
    String secret = System.getenv("OFFSHOOT_PASSWORD");
    for (boolean tls : new boolean[] {true, false}) {
      try (var db = connect(tls, secret); var s = db.createStatement()) {
        s.execute("DROP TABLE IF EXISTS java_check");
        s.execute("CREATE TABLE java_check (id INT PRIMARY KEY, t VARCHAR(50), b LONGBLOB)");
        byte[] blob = {0, (byte) 255, 3};
        try (var insert = db.prepareStatement("INSERT INTO java_check VALUES (?, ?, ?)")) {
          insert.setInt(1, 1);
          insert.setString(2, "naïve 🐬");
          insert.setBytes(3, blob);
          insert.executeUpdate();
        }
        try (var rows = s.executeQuery("SELECT t, b FROM java_check")) {
          that(rows.next() && rows.getString(1).equals("naïve 🐬") && Arrays.equals(rows.getBytes(2), blob), "row");
        }
        db.setAutoCommit(false);
        s.execute("INSERT INTO java_check (id) VALUES (2)");
        db.rollback();
        db.setAutoCommit(true);
        try (var rows = s.executeQuery("SELECT COUNT(*) FROM java_check")) {
          that(rows.next() && rows.getInt(1) == 1, "rollback");
        }
        try (var q = db.prepareStatement("SELECT LENGTH(?)")) {
          q.setBytes(1, new byte[20 << 20]);
          try (var rows = q.executeQuery()) {
            that(rows.next() && rows.getInt(1) == 20 << 20, "large packet");
          }
        }
        that(code(() -> s.execute("SELECT * FROM nowhere")) == 1146, "error code");
        s.execute("DROP TABLE java_check");
      }
      System.out.println(name + " " + (tls ? "with" : "without") + " TLS: ok");
    }
    that(code(() -> connect(true, "wrong").close()) == 1045, "wrong password");
    System.out.println(name + " wrong password: ok");
  }
}
