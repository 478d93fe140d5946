# mysql2 of Ruby through the gateway.
require "mysql2"

def connect(tls, password = ENV.fetch("OFFSHOOT_PASSWORD"))
  options = {
    host: ENV.fetch("OFFSHOOT_HOST"), port: ENV.fetch("OFFSHOOT_PORT").to_i, username: ENV.fetch("OFFSHOOT_USER"),
    password: password, database: ENV.fetch("OFFSHOOT_SCHEMA"), encoding: "utf8mb4"
  }
  options.merge!(sslca: ENV.fetch("OFFSHOOT_CA"), sslverify: true) if tls
  Mysql2::Client.new(options)
end

def number
  yield
  0
rescue Mysql2::Error => e
  e.errno
end

def that(fine, what)
  raise "failed: #{what}" unless fine
end

[true, false].each do |tls|
  db = connect(tls)
  cipher = db.query("SHOW STATUS LIKE 'Ssl_cipher'").first["Value"]
  that(!tls || !db.ssl_cipher.nil?, "TLS: #{cipher}")
  db.query("DROP TABLE IF EXISTS ruby_check")
  db.query("CREATE TABLE ruby_check (id INT PRIMARY KEY, t VARCHAR(50), b LONGBLOB)")
  blob = [0, 255, 3].pack("C*")
  db.prepare("INSERT INTO ruby_check VALUES (?, ?, ?)").execute(1, "naïve 🐬", blob)
  row = db.prepare("SELECT t, b FROM ruby_check WHERE id = ?").execute(1).first
  that(row == { "t" => "naïve 🐬", "b" => blob }, row)
  db.query("BEGIN")
  db.query("INSERT INTO ruby_check (id) VALUES (2)")
  db.query("ROLLBACK")
  that(db.query("SELECT COUNT(*) AS n FROM ruby_check").first["n"] == 1, "rollback")
  big = "x" * (12 << 20)
  that(db.query("SELECT LENGTH('#{big}') AS n").first["n"] == big.size, "12 MiB")
  that(number { db.query("SELECT * FROM nowhere") } == 1146, "a missing table")
  db.query("DROP TABLE ruby_check")
  db.close
  puts "Ruby mysql2 #{tls ? 'with' : 'without'} TLS: ok"
end
that(number { connect(true, "wrong") } == 1045, "a wrong password")
puts "Ruby mysql2 wrong password: ok"
