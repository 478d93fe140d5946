//! The data set of the quickstart: a small shop, generated, the same at every run.
//!
//! It has what real schemas have (foreign keys, a generated column, a check, JSON, a view, a
//! trigger, a procedure) so that a branch of it shows that all of these come along.

use std::fmt::Write;

/// Rows in all tables together.
pub(crate) const ROWS: usize =
    CUSTOMERS + PRODUCTS + ORDERS + ORDERS * ITEMS_PER_ORDER + CATEGORIES.len();

const CUSTOMERS: usize = 2_000;
const PRODUCTS: usize = 500;
const ORDERS: usize = 6_000;
const ITEMS_PER_ORDER: usize = 3;
/// Rows of one INSERT: large enough to be fast, far below any packet limit.
const BATCH: usize = 500;

const CATEGORIES: [&str; 8] = [
    "Books",
    "Coffee",
    "Garden",
    "Kitchen",
    "Music",
    "Outdoor",
    "Stationery",
    "Toys",
];
const FIRST: [&str; 16] = [
    "Ada", "Björn", "Chiara", "Dmitri", "Elif", "Farid", "Grace", "Hana", "Ines", "José", "Kofi",
    "Lena", "Mei", "Noor", "Oskar", "Priya",
];
const LAST: [&str; 16] = [
    "Almeida", "Bauer", "Costa", "Dubois", "Eriksen", "Fischer", "García", "Haddad", "Ivanova",
    "Jensen", "Kim", "López", "Müller", "Novák", "Okafor", "Patel",
];
const ADJECTIVES: [&str; 10] = [
    "Blue", "Classic", "Compact", "Deluxe", "Folding", "Green", "Little", "Old", "Quiet", "Sturdy",
];
const THINGS: [&str; 12] = [
    "Atlas", "Basket", "Grinder", "Guitar", "Kettle", "Lamp", "Notebook", "Planter", "Puzzle",
    "Rucksack", "Teapot", "Tent",
];

/// Statements that make the schema, in order.
pub(crate) const SCHEMA: &[&str] = &[
    "CREATE TABLE categories (
       id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
       name VARCHAR(64) NOT NULL UNIQUE
     ) COMMENT='What the shop sells'",
    "CREATE TABLE customers (
       id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
       email VARCHAR(255) NOT NULL UNIQUE,
       full_name VARCHAR(128) NOT NULL,
       country CHAR(2) NOT NULL,
       preferences JSON,
       created_at DATETIME NOT NULL,
       KEY by_country (country, created_at)
     )",
    "CREATE TABLE products (
       id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
       category_id INT UNSIGNED NOT NULL,
       name VARCHAR(128) NOT NULL,
       net_cents INT NOT NULL,
       gross_cents INT GENERATED ALWAYS AS (net_cents * 119 DIV 100) STORED,
       stock INT NOT NULL DEFAULT 0,
       CONSTRAINT price_is_positive CHECK (net_cents > 0),
       CONSTRAINT product_category FOREIGN KEY (category_id) REFERENCES categories (id)
     )",
    "CREATE TABLE orders (
       id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
       customer_id BIGINT UNSIGNED NOT NULL,
       status ENUM('new', 'paid', 'shipped', 'returned') NOT NULL DEFAULT 'new',
       placed_at DATETIME NOT NULL,
       KEY by_status (status, placed_at),
       CONSTRAINT order_customer FOREIGN KEY (customer_id) REFERENCES customers (id)
     )",
    "CREATE TABLE order_items (
       order_id BIGINT UNSIGNED NOT NULL,
       position SMALLINT UNSIGNED NOT NULL,
       product_id BIGINT UNSIGNED NOT NULL,
       quantity SMALLINT UNSIGNED NOT NULL,
       PRIMARY KEY (order_id, position),
       CONSTRAINT item_order FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE,
       CONSTRAINT item_product FOREIGN KEY (product_id) REFERENCES products (id)
     )",
    "CREATE VIEW order_totals AS
       SELECT o.id AS order_id, o.customer_id, SUM(i.quantity * p.gross_cents) AS total_cents
       FROM orders o JOIN order_items i ON i.order_id = o.id JOIN products p ON p.id = i.product_id
       GROUP BY o.id, o.customer_id",
    "CREATE PROCEDURE restock(IN product BIGINT UNSIGNED, IN amount INT)
       UPDATE products SET stock = stock + amount WHERE id = product",
];

/// Statements that come after the rows.
pub(crate) const AFTER: &[&str] = &[
    "CREATE TRIGGER take_from_stock AFTER INSERT ON order_items FOR EACH ROW
       UPDATE products SET stock = stock - NEW.quantity WHERE id = NEW.product_id",
];

/// INSERT statements for all rows, in an order that foreign keys allow.
pub(crate) fn inserts() -> Vec<String> {
    let mut dice = Dice(0x5eed_0ff5_4007);
    let mut all = Vec::new();
    batches(&mut all, "categories (name)", CATEGORIES.len(), |row, i| {
        write!(row, "'{}'", CATEGORIES[i])
    });
    batches(
        &mut all,
        "customers (email, full_name, country, preferences, created_at)",
        CUSTOMERS,
        |row, i| {
            let (first, last) = (dice.pick(&FIRST), dice.pick(&LAST));
            let country = dice.pick(&["DE", "ES", "FR", "GB", "IN", "PT", "SE", "US"]);
            let newsletter = dice.up_to(2) == 0;
            write!(
                row,
                "'customer{i}@example.com','{first} {last}','{country}','{{\"newsletter\": {newsletter}}}','{}'",
                dice.moment(2023)
            )
        },
    );
    batches(
        &mut all,
        "products (category_id, name, net_cents, stock)",
        PRODUCTS,
        |row, _| {
            let (adjective, thing) = (dice.pick(&ADJECTIVES), dice.pick(&THINGS));
            let category = 1 + dice.up_to(CATEGORIES.len());
            write!(
                row,
                "{category},'{adjective} {thing}',{},{}",
                199 + dice.up_to(20_000),
                50 + dice.up_to(500)
            )
        },
    );
    batches(
        &mut all,
        "orders (customer_id, status, placed_at)",
        ORDERS,
        |row, _| {
            let status = dice.pick(&["new", "paid", "shipped", "shipped", "shipped", "returned"]);
            write!(
                row,
                "{},'{status}','{}'",
                1 + dice.up_to(CUSTOMERS),
                dice.moment(2025)
            )
        },
    );
    batches(
        &mut all,
        "order_items (order_id, position, product_id, quantity)",
        ORDERS * ITEMS_PER_ORDER,
        |row, i| {
            let (order, position) = (1 + i / ITEMS_PER_ORDER, 1 + i % ITEMS_PER_ORDER);
            write!(
                row,
                "{order},{position},{},{}",
                1 + dice.up_to(PRODUCTS),
                1 + dice.up_to(4)
            )
        },
    );
    all
}

fn batches(
    all: &mut Vec<String>,
    into: &str,
    rows: usize,
    mut row: impl FnMut(&mut String, usize) -> std::fmt::Result,
) {
    for start in (0..rows).step_by(BATCH) {
        let mut statement = format!("INSERT INTO {into} VALUES ");
        for i in start..rows.min(start + BATCH) {
            statement.push_str(if i == start { "(" } else { ",(" });
            row(&mut statement, i).expect("writing to a string");
            statement.push(')');
        }
        all.push(statement);
    }
}

/// A small linear congruential generator (Knuth's MMIX constants): the data set is the same everywhere.
struct Dice(u64);

impl Dice {
    fn up_to(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % n
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.up_to(from.len())]
    }

    fn moment(&mut self, year: u16) -> String {
        let (month, day, hour) = (1 + self.up_to(12), 1 + self.up_to(28), self.up_to(24));
        format!(
            "{year}-{month:02}-{day:02} {hour:02}:{:02}:00",
            self.up_to(60)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_set_is_the_same_at_every_run_and_has_as_many_rows_as_it_says() {
        let statements = inserts();
        assert_eq!(statements, inserts());
        let rows: usize = statements
            .iter()
            .map(|s| s.matches("),(").count() + 1)
            .sum();
        assert_eq!(rows, ROWS);
    }
}
