<?php
// PDO with mysqlnd through the gateway.
declare(strict_types=1);

function connect(bool $tls, ?string $password = null): PDO
{
    $options = [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_EMULATE_PREPARES => false];
    if ($tls) {
        $options[PDO::MYSQL_ATTR_SSL_CA] = getenv('OFFSHOOT_CA');
        $options[PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT] = true;
    }
    $dsn = sprintf('mysql:host=%s;port=%s;dbname=%s;charset=utf8mb4', getenv('OFFSHOOT_HOST'), getenv('OFFSHOOT_PORT'), getenv('OFFSHOOT_SCHEMA'));
    return new PDO($dsn, getenv('OFFSHOOT_USER'), $password ?? getenv('OFFSHOOT_PASSWORD'), $options);
}

function that(bool $fine, string $what): void
{
    if (!$fine) {
        fwrite(STDERR, "failed: $what\n");
        exit(1);
    }
}

function number(callable $action): int
{
    try {
        $action();
    } catch (PDOException $e) {
        return (int) ($e->errorInfo[1] ?? $e->getCode());
    }
    return 0;
}

foreach ([true, false] as $tls) {
    $db = connect($tls);
    $db->exec('DROP TABLE IF EXISTS php_check');
    $db->exec('CREATE TABLE php_check (id INT PRIMARY KEY, t VARCHAR(50), b LONGBLOB)');
    $blob = "\x00\xff\x03";
    $db->prepare('INSERT INTO php_check VALUES (?, ?, ?)')->execute([1, 'naïve 🐬', $blob]);
    $select = $db->prepare('SELECT t, b FROM php_check WHERE id = ?');
    $select->execute([1]);
    that($select->fetch(PDO::FETCH_NUM) === ['naïve 🐬', $blob], 'the row');
    $db->beginTransaction();
    $db->exec('INSERT INTO php_check (id) VALUES (2)');
    $db->rollBack();
    that((int) $db->query('SELECT COUNT(*) FROM php_check')->fetchColumn() === 1, 'rollback');
    $length = $db->prepare('SELECT LENGTH(?)');
    $length->execute([str_repeat('x', 20 << 20)]);
    that((int) $length->fetchColumn() === 20 << 20, '20 MiB');
    $length->closeCursor();
    that(number(fn () => $db->query('SELECT * FROM nowhere')) === 1146, 'a missing table');
    $db->exec('DROP TABLE php_check');
    $db = null;
    echo 'PHP mysqlnd ', $tls ? 'with' : 'without', " TLS: ok\n";
}
that(number(fn () => connect(true, 'wrong')) === 1045, 'a wrong password');
echo "PHP mysqlnd wrong password: ok\n";
