//! Members of an organization.

use crate::locate::LocatedOrganization;
use offshoot_core::Refusal;
use offshoot_core::member::Member;

/// `q`: part of the name.
pub fn list(at: &LocatedOrganization, q: Option<&str>) -> Vec<Member> {
    let owner = Member::owner(at.organization());
    let wanted = q.is_none_or(|q| owner.name.contains(&q.to_lowercase()));
    wanted.then_some(owner).into_iter().collect()
}

/// `id`: of the member, or of the user.
pub fn show(at: &LocatedOrganization, id: &str) -> Result<Member, Refusal> {
    let owner = Member::owner(at.organization());
    if [owner.id.as_str(), owner.user.as_str()].contains(&id) {
        return Ok(owner);
    }
    let shown: String = id.chars().take(80).collect();
    Err(Refusal::not_found(format!("member {shown:?}"))
        .hint("there is one member, the owner; access is given to service tokens"))
}
