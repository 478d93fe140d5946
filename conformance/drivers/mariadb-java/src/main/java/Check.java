import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.Properties;

/** MariaDB Connector/J through the gateway. */
public class Check {
  static Connection connect(boolean tls, String password) throws Exception {
    var e = System.getenv();
    var p = new Properties();
    p.put("user", e.get("OFFSHOOT_USER"));
    p.put("password", password);
    p.put("useServerPrepStmts", "true");
    p.put("allowPublicKeyRetrieval", "true");
    p.put("sslMode", tls ? "verify-full" : "disable");
    if (tls) p.put("serverSslCert", e.get("OFFSHOOT_CA"));
    return DriverManager.getConnection(
        "jdbc:mariadb://" + e.get("OFFSHOOT_HOST") + ":" + e.get("OFFSHOOT_PORT") + "/" + e.get("OFFSHOOT_SCHEMA"), p);
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
    String secret = System.getenv("OFFSHOOT_PASSWORD");
    for (boolean tls : new boolean[] {true, false}) {
      try (var db = connect(tls, secret); var s = db.createStatement()) {
        s.execute("DROP TABLE IF EXISTS mariadb_java_check");
        s.execute("CREATE TABLE mariadb_java_check (id INT PRIMARY KEY, t VARCHAR(50), b LONGBLOB)");
        byte[] blob = {0, (byte) 255, 3};
        try (var insert = db.prepareStatement("INSERT INTO mariadb_java_check VALUES (?, ?, ?)")) {
          insert.setInt(1, 1);
          insert.setString(2, "naïve 🐬");
          insert.setBytes(3, blob);
          insert.executeUpdate();
        }
        try (var rows = s.executeQuery("SELECT t, b FROM mariadb_java_check")) {
          that(rows.next() && rows.getString(1).equals("naïve 🐬") && Arrays.equals(rows.getBytes(2), blob), "row");
        }
        db.setAutoCommit(false);
        s.execute("INSERT INTO mariadb_java_check (id) VALUES (2)");
        db.rollback();
        db.setAutoCommit(true);
        try (var rows = s.executeQuery("SELECT COUNT(*) FROM mariadb_java_check")) {
          that(rows.next() && rows.getInt(1) == 1, "rollback");
        }
        try (var q = db.prepareStatement("SELECT LENGTH(?)")) {
          q.setBytes(1, new byte[20 << 20]);
          try (var rows = q.executeQuery()) {
            that(rows.next() && rows.getInt(1) == 20 << 20, "large packet");
          }
        }
        that(code(() -> s.execute("SELECT * FROM nowhere")) == 1146, "error code");
        s.execute("DROP TABLE mariadb_java_check");
      }
      System.out.println("MariaDB Connector/J " + (tls ? "with" : "without") + " TLS: ok");
    }
    that(code(() -> connect(true, "wrong").close()) == 1045, "wrong password");
    System.out.println("MariaDB Connector/J wrong password: ok");
  }
}
