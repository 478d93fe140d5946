"""PyMySQL through the gateway."""
import datetime
import decimal
import os

import pymysql

E = os.environ


def connect(tls, password=None):
    return pymysql.connect(
        host=E["OFFSHOOT_HOST"],
        port=int(E["OFFSHOOT_PORT"]),
        user=E["OFFSHOOT_USER"],
        password=password or E["OFFSHOOT_PASSWORD"],
        database=E["OFFSHOOT_SCHEMA"],
        charset="utf8mb4",
        max_allowed_packet=64 << 20,
        ssl={"ca": E["OFFSHOOT_CA"]} if tls else None,
    )


for tls in (True, False):
    db = connect(tls)
    with db.cursor() as c:
        c.execute("DROP TABLE IF EXISTS pymysql_check")
        c.execute(
            "CREATE TABLE pymysql_check (id INT PRIMARY KEY, t VARCHAR(50), d DECIMAL(10,2), w DATETIME, b LONGBLOB)"
        )
        row = (1, "naïve 🐬", decimal.Decimal("12.50"), datetime.datetime(2026, 2, 28, 23, 59), b"\x00\xff\x03KILL")
        c.execute("INSERT INTO pymysql_check VALUES (%s, %s, %s, %s, _binary %s)", row)
        db.commit()
        c.execute("SELECT * FROM pymysql_check")
        assert c.fetchone() == row
        c.execute("INSERT INTO pymysql_check (id) VALUES (2)")
        db.rollback()
        c.execute("SELECT COUNT(*) FROM pymysql_check")
        assert c.fetchone() == (1,)
        big = b"x" * (20 << 20)
        c.execute("SELECT LENGTH(%s), %s", (big, big))
        assert c.fetchone()[0] == len(big)
        try:
            c.execute("SELECT * FROM nowhere")
            raise SystemExit("a missing table was found")
        except pymysql.err.ProgrammingError as e:
            assert e.args[0] == 1146, e
        c.execute("DROP TABLE pymysql_check")
    db.close()
    print(f"PyMySQL {'with' if tls else 'without'} TLS: ok")

try:
    connect(True, "wrong")
    raise SystemExit("a wrong password was let in")
except pymysql.err.OperationalError as e:
    assert e.args[0] == 1045, e
print("PyMySQL wrong password: ok")
