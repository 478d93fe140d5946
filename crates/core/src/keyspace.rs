//! Keyspaces: the MySQL schemas of a branch, as PlanetScale's clients call them. The engine alone knows
//! which there are, and gives them no ids.

use crate::id::{BranchId, KeyspaceId, LENGTH, RawId};
use sha2::{Digest, Sha256};

/// A schema of a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyspace {
    pub id: KeyspaceId,
    pub name: String,
    /// It is the one that its database was made with: every connection begins there.
    pub default: bool,
}

impl Keyspace {
    /// `own`: the name of the schema that the database was made with.
    pub fn new(branch: BranchId, name: String, own: &str) -> Self {
        Self {
            id: id(branch, &name),
            default: name == own,
            name,
        }
    }
}

/// Made of the branch and the name: the same for as long as the schema has that name there.
fn id(branch: BranchId, name: &str) -> KeyspaceId {
    let digest = Sha256::new()
        .chain_update(branch.as_str())
        .chain_update(name)
        .finalize();
    let mut bytes = [0; LENGTH];
    bytes.copy_from_slice(&digest[..LENGTH]);
    RawId::from_entropy(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_of_a_branch_and_a_name() {
        let branch = |c: &str| c.repeat(12).parse().unwrap();
        let one = Keyspace::new(branch("a"), "shop".into(), "shop");
        assert_eq!(one, Keyspace::new(branch("a"), "shop".into(), "shop"));
        assert!(one.default);
        let other = Keyspace::new(branch("a"), "Shop".into(), "shop");
        assert!(!other.default);
        assert_ne!(one.id, other.id);
        assert_ne!(one.id, Keyspace::new(branch("b"), "shop".into(), "shop").id);
    }
}
