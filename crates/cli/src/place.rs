//! Which branch a command means: what was typed, else the project file, else the default branch.

use crate::failure::Failure;
use crate::session::Session;
use crate::tunnel::Place;

/// The database that was typed, or the project file's.
pub(crate) fn database(session: &Session<'_>, typed: Option<&str>) -> Result<String, Failure> {
    typed
        .map(str::to_owned)
        .or_else(|| session.project.database.clone())
        .ok_or_else(|| {
            Failure::usage(
                "no database was named",
                "name one, or choose one for this directory: offshoot branch switch <branch> --database <database>",
            )
        })
}

/// The database and branch of a command that works on one. One name alone is the branch, in the
/// project's database.
pub(crate) fn exactly(
    session: &Session<'_>,
    first: Option<&str>,
    second: Option<&str>,
) -> Result<Place, Failure> {
    let project = &session.project;
    let missing = |what: &str| {
        Failure::usage(
            format!("no {what} was named"),
            "name database and branch, or choose them for this directory: offshoot branch switch <branch> --database <database>",
        )
    };
    match (first, second) {
        (Some(_), Some(branch)) => Ok(Place {
            database: database(session, first)?,
            branch: branch.to_owned(),
        }),
        (Some(branch), None) => Ok(Place {
            database: project.database.clone().ok_or_else(|| missing("branch"))?,
            branch: branch.to_owned(),
        }),
        (None, _) => Ok(Place {
            database: database(session, None)?,
            branch: project.branch.clone().ok_or_else(|| missing("branch"))?,
        }),
    }
}

/// The last of `names`, and the branch that those before it mean, as [`exactly`] has it.
pub(crate) fn before<'a>(
    session: &Session<'_>,
    names: &'a [String],
) -> Result<(Place, &'a str), Failure> {
    let Some((last, before)) = names.split_last() else {
        return Err(Failure::usage("a name is missing", "see --help"));
    };
    let name = |i: usize| before.get(i).map(String::as_str);
    Ok((exactly(session, name(0), name(1))?, last))
}

/// The database and branch of a command that also works on the default branch.
pub(crate) async fn of(
    session: &Session<'_>,
    typed: Option<&str>,
    branch: Option<&str>,
) -> Result<Place, Failure> {
    let project = &session.project;
    let (typed, branch) = match (typed, branch) {
        // As in `exactly`, but that the project's database itself may be named.
        (Some(one), None) if project.database.as_deref().is_some_and(|name| name != one) => {
            (None, Some(one))
        }
        named => named,
    };
    let database = database(session, typed)?;
    // The project's branch is one of the project's database.
    let chosen = project.branch.clone();
    let chosen = chosen.filter(|_| project.database.as_deref() == Some(&database));
    let branch = match branch.map(str::to_owned).or(chosen) {
        Some(branch) => branch,
        None => {
            let client = &session.client;
            client
                .show_database(&session.org, &database)
                .await?
                .default_branch
        }
    };
    Ok(Place { database, branch })
}
