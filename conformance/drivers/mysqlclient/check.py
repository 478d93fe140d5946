"""mysqlclient (MySQLdb, on the C library of the machine) through the gateway."""
import os

import MySQLdb

E = os.environ


def connect(tls, password=None):
    return MySQLdb.connect(
        host=E["OFFSHOOT_HOST"],
        port=int(E["OFFSHOOT_PORT"]),
        user=E["OFFSHOOT_USER"],
        password=password or E["OFFSHOOT_PASSWORD"],
        database=E["OFFSHOOT_SCHEMA"],
        charset="utf8mb4",
        **({"ssl_mode": "VERIFY_IDENTITY", "ssl": {"ca": E["OFFSHOOT_CA"]}} if tls else {}),
    )


for tls in (True, False):
    db = connect(tls)
    c = db.cursor()
    c.execute("DROP TABLE IF EXISTS mysqldb_check")
    c.execute("CREATE TABLE mysqldb_check (id INT PRIMARY KEY, t VARCHAR(50), b LONGBLOB)")
    row = (1, "naïve 🐬", b"\x00\xff\x03KILL")
    c.execute("INSERT INTO mysqldb_check VALUES (%s, %s, %s)", row)
    db.commit()
    c.execute("SELECT * FROM mysqldb_check")
    assert c.fetchone() == row
    c.execute("INSERT INTO mysqldb_check (id) VALUES (2)")
    db.rollback()
    c.execute("SELECT COUNT(*) FROM mysqldb_check")
    assert c.fetchone() == (1,)
    big = b"x" * (12 << 20)
    c.execute("SELECT LENGTH(%s)", (big,))
    assert c.fetchone()[0] == len(big)
    try:
        c.execute("SELECT * FROM nowhere")
        raise SystemExit("a missing table was found")
    except MySQLdb.ProgrammingError as e:
        assert e.args[0] == 1146, e
    c.execute("DROP TABLE mysqldb_check")
    db.close()
    print(f"mysqlclient {'with' if tls else 'without'} TLS: ok")

try:
    connect(True, "wrong")
    raise SystemExit("a wrong password was let in")
except MySQLdb.OperationalError as e:
    assert e.args[0] == 1045, e
print("mysqlclient wrong password: ok")
