//! Whether a mask fits a column, and a table's keys.

use super::mask::{HASH_BYTES, Shape, result_width, shape};
use super::{Column, TableFacts};
use offshoot_core::seed_rules::{Constant, Mask};

/// Why a column cannot be masked so.
pub(super) fn column(mask: &Mask, column: &Column) -> Option<String> {
    if *mask == Mask::Keep {
        return None;
    }
    if column.generated {
        return Some("it is generated: mask the columns that it is made of".to_owned());
    }
    if column.auto_increment {
        return Some(
            "it counts by itself (AUTO_INCREMENT), and its next value would follow".to_owned(),
        );
    }
    match mask {
        Mask::Keep => None,
        Mask::Null => (!column.nullable).then(|| "it takes no NULL".to_owned()),
        Mask::Constant(Constant::Text(text)) => too_long(text, column),
        Mask::Constant(Constant::Integer(number)) => out_of_range(*number, column),
        Mask::Hash | Mask::FakeName | Mask::FakeEmail | Mask::FakePhone => keyed(mask, column),
    }
}

fn too_long(text: &str, column: &Column) -> Option<String> {
    let length = match shape(column) {
        Shape::Text if !column.data_type.ends_with("text") => text.chars().count(),
        Shape::Text | Shape::Bytes => text.len(),
        Shape::Number | Shape::Other => return None,
    };
    let most = column.length?;
    (length as u64 > most)
        .then(|| format!("it takes {most} characters, and the constant has {length}"))
}

fn out_of_range(number: i64, column: &Column) -> Option<String> {
    let bits = match column.data_type.as_str() {
        "tinyint" => 8,
        "smallint" => 16,
        "mediumint" => 24,
        "int" => 32,
        "bigint" => 64,
        _ => return None,
    };
    let number = i128::from(number);
    let range = match column.unsigned {
        true => 0..1_i128 << bits,
        false => -(1_i128 << (bits - 1))..1_i128 << (bits - 1),
    };
    (!range.contains(&number)).then(|| {
        format!(
            "the constant {number} is not between {} and {}",
            range.start,
            range.end - 1
        )
    })
}

fn keyed(mask: &Mask, column: &Column) -> Option<String> {
    let needed = match (mask, shape(column)) {
        (Mask::Hash, Shape::Bytes) => HASH_BYTES,
        (Mask::Hash, Shape::Number) => return None,
        (_, Shape::Text) => result_width(mask),
        (Mask::Hash, Shape::Other) => {
            return Some(format!(
                "a hash needs a text, binary or BIGINT column, and it is {}: use null or a constant",
                column.data_type.to_uppercase()
            ));
        }
        _ => {
            return Some(format!(
                "{mask} needs a text column, and it is {}: use null, hash or a constant",
                column.data_type.to_uppercase()
            ));
        }
    };
    let most = column.length?;
    (most < needed).then(|| format!("{mask} needs {needed} characters, and it takes {most}"))
}

/// Why the masks of a table's columns would make rows equal that a unique key keeps apart, with the
/// column to blame. `masks` by lower-case name.
pub(super) fn unique<'a>(
    table: &TableFacts,
    mask_of: impl Fn(&str) -> Option<&'a Mask>,
) -> Option<(String, String)> {
    for key in &table.unique {
        let masks: Vec<Option<&Mask>> = key
            .parts
            .iter()
            .map(|part| part.column.as_deref().and_then(&mask_of))
            .collect();
        let name = match key.name.as_str() {
            "PRIMARY" => "the primary key".to_owned(),
            name => format!("unique key \"{name}\""),
        };
        if masks.iter().all(|m| matches!(m, Some(Mask::Constant(_)))) {
            let column = key.parts.first()?.column.clone()?;
            return Some((column, format!("all rows would be equal in {name}")));
        }
        for (part, mask) in key.parts.iter().zip(&masks) {
            if let (Some(column), Some(prefix), Some(mask)) = (&part.column, part.prefix, mask)
                && mask.keyed()
                && prefix < result_width(mask)
            {
                return Some((
                    column.clone(),
                    format!(
                        "{name} looks at its first {prefix} characters only, in which results of {mask} can be equal"
                    ),
                ));
            }
        }
    }
    None
}
