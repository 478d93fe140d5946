// go-sql-driver/mysql through the gateway.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"os"

	"github.com/go-sql-driver/mysql"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func number(err error) uint16 {
	var e *mysql.MySQLError
	if errors.As(err, &e) {
		return e.Number
	}
	return 0
}

func open(useTLS bool, password string) *sql.DB {
	c := mysql.NewConfig()
	c.Net, c.Addr = "tcp", os.Getenv("OFFSHOOT_HOST")+":"+os.Getenv("OFFSHOOT_PORT")
	c.User, c.Passwd, c.DBName = os.Getenv("OFFSHOOT_USER"), password, os.Getenv("OFFSHOOT_SCHEMA")
	c.MaxAllowedPacket = 64 << 20
	c.ParseTime = true
	if useTLS {
		pem, err := os.ReadFile(os.Getenv("OFFSHOOT_CA"))
		check(err)
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		c.TLS = &tls.Config{RootCAs: roots, ServerName: os.Getenv("OFFSHOOT_HOST")}
	}
	connector, err := mysql.NewConnector(c)
	check(err)
	return sql.OpenDB(connector)
}

func main() {
	secret := os.Getenv("OFFSHOOT_PASSWORD")
	for _, useTLS := range []bool{true, false} {
		db := open(useTLS, secret)
		_, err := db.Exec("DROP TABLE IF EXISTS go_check")
		check(err)
		_, err = db.Exec("CREATE TABLE go_check (id INT PRIMARY KEY, t VARCHAR(50), b LONGBLOB)")
		check(err)
		blob := []byte{0, 255, 3}
		_, err = db.Exec("INSERT INTO go_check VALUES (?, ?, ?)", 1, "naïve 🐬", blob)
		check(err)
		var text string
		var back []byte
		check(db.QueryRow("SELECT t, b FROM go_check WHERE id = ?", 1).Scan(&text, &back))
		if text != "naïve 🐬" || !bytes.Equal(blob, back) {
			check(fmt.Errorf("got back %q %v", text, back))
		}
		tx, err := db.Begin()
		check(err)
		_, err = tx.Exec("INSERT INTO go_check (id) VALUES (2)")
		check(err)
		check(tx.Rollback())
		var count, length int
		check(db.QueryRow("SELECT COUNT(*) FROM go_check").Scan(&count))
		check(db.QueryRow("SELECT LENGTH(?)", bytes.Repeat([]byte("x"), 20<<20)).Scan(&length))
		if count != 1 || length != 20<<20 {
			check(fmt.Errorf("count %d, length %d", count, length))
		}
		if _, err = db.Exec("SELECT * FROM nowhere"); number(err) != 1146 {
			check(fmt.Errorf("a missing table: %v", err))
		}
		_, err = db.Exec("DROP TABLE go_check")
		check(err)
		check(db.Close())
		fmt.Printf("go-sql-driver TLS %v: ok\n", useTLS)
	}
	if err := open(true, "wrong").Ping(); number(err) != 1045 {
		check(fmt.Errorf("wrong password: %v", err))
	}
	fmt.Println("go-sql-driver wrong password: ok")
}
