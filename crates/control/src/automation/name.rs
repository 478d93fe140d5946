//! Names of branches and files, made of templates.

use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};
use offshoot_core::name::{BranchName, MAX_NAME};
use offshoot_core::refusal::{FieldPath, Refusal, code};
use serde_json::Value;

/// Steps of a template: a loop without an end is noticed.
const FUEL: u64 = 10_000;
/// Branches of one name: `sprint-42`, `sprint-42-2`, up to this number.
pub(crate) const MOST: u32 = 99;
/// Longest name of a file, in bytes.
const FILE: usize = 200;

/// Letters and digits in lower case, everything else one dash: `Sprint №42 (Ärger)` is `sprint-42-arger`.
pub(crate) fn slug(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'a'..='z' | '0'..='9' => out.push(c),
            'A'..='Z' => out.push(c.to_ascii_lowercase()),
            other => match ascii(other) {
                Some(letters) => out.push_str(letters),
                None if !out.is_empty() && !out.ends_with('-') => out.push('-'),
                None => {}
            },
        }
    }
    out.truncate(out.trim_end_matches('-').len());
    out
}

/// What people write where they have no key for a letter.
fn ascii(c: char) -> Option<&'static str> {
    Some(match c {
        'ä' | 'Ä' | 'à' | 'À' | 'á' | 'Á' | 'â' | 'Â' | 'ã' | 'Ã' | 'å' | 'Å' => "a",
        'ç' | 'Ç' | 'č' | 'Č' | 'ć' | 'Ć' => "c",
        'è' | 'È' | 'é' | 'É' | 'ê' | 'Ê' | 'ë' | 'Ë' | 'ě' | 'Ě' => "e",
        'ì' | 'Ì' | 'í' | 'Í' | 'î' | 'Î' | 'ï' | 'Ï' => "i",
        'ñ' | 'Ñ' | 'ń' | 'Ń' => "n",
        'ö' | 'Ö' | 'ò' | 'Ò' | 'ó' | 'Ó' | 'ô' | 'Ô' | 'õ' | 'Õ' | 'ø' | 'Ø' => "o",
        'š' | 'Š' | 'ś' | 'Ś' => "s",
        'ß' => "ss",
        'ü' | 'Ü' | 'ù' | 'Ù' | 'ú' | 'Ú' | 'û' | 'Û' => "u",
        'ý' | 'Ý' | 'ÿ' => "y",
        'ž' | 'Ž' | 'ź' | 'Ź' | 'ż' | 'Ż' => "z",
        _ => return None,
    })
}

/// What a template gives; why, where it gives nothing.
pub(crate) fn render(template: &str, variables: &Value) -> Result<String, String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.add_filter("slug", |text: String| slug(&text));
    let told = |error: Error| match error.line() {
        Some(line) => format!("line {line}: {}", reason(&error)),
        None => reason(&error),
    };
    let compiled = environment.template_from_str(template).map_err(told)?;
    compiled.render(Serde(variables)).map_err(told)
}

fn reason(error: &Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::UndefinedError, None) => "it names something that there is not".to_owned(),
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
    }
}

/// The name of a branch that a template gives, made fit for one; why, where it gives none.
pub(crate) fn branch_name(template: &str, variables: &Value) -> Result<BranchName, String> {
    let text = render(template, variables).map_err(|why| format!("the name's template: {why}"))?;
    let text = text.trim();
    if let Ok(name) = BranchName::parse(text) {
        return Ok(name);
    }
    let mut name = slug(text);
    name.truncate(MAX_NAME);
    name.truncate(name.trim_end_matches('-').len());
    BranchName::parse(&name).map_err(|_| {
        format!("the name's template gives {text:?}, of which no name of a branch can be made")
    })
}

/// The same with a number behind it, where the name itself is taken.
pub(crate) fn numbered(name: &BranchName, n: u32) -> Option<BranchName> {
    let suffix = format!("-{n}");
    let mut base = name.as_str().to_owned();
    base.truncate(MAX_NAME - suffix.len());
    BranchName::parse(&format!("{}{suffix}", base.trim_end_matches('-'))).ok()
}

/// The name of a file with a credential; why, where the template gives none. Never a path.
pub(crate) fn file_name(template: &str, variables: &Value) -> Result<String, String> {
    let name = render(template, variables).map_err(|why| format!("the file's template: {why}"))?;
    let fits = !name.is_empty()
        && name.len() <= FILE
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    match fits {
        true => Ok(name),
        false => Err(format!(
            "the file's template gives {name:?}: a name has letters, digits, ., _ and -, and does not begin with a dot"
        )),
    }
}

/// Refused (`RULE`) where a template is wrong before anything is put into it.
pub(crate) fn check(field: &'static str, template: &str) -> Result<(), Refusal> {
    check_at(field, None, template)
}

/// The same; `path` is the field with what is only known at run time.
pub(crate) fn check_at(
    field: &'static str,
    path: Option<String>,
    template: &str,
) -> Result<(), Refusal> {
    let environment = {
        let mut environment = Environment::new();
        environment.add_filter("slug", |text: String| slug(&text));
        environment
    };
    let compiled = environment.template_from_str(template);
    compiled.map(drop).map_err(|error| {
        let line = error.line().unwrap_or(1);
        let place = path.as_deref().unwrap_or(field);
        let text = format!("{place}: line {line}: {}", reason(&error));
        let mut refusal = Refusal::unprocessable(text)
            .code(code::RULE)
            .hint("write a template such as sprint-{{ iteration.number }}");
        refusal.field = Some(field);
        refusal.path = path.map(FieldPath).map(Box::new);
        refusal
    })
}

#[cfg(test)]
mod tests {
    use super::super::filter::tests::record;
    use super::super::filter::variables;
    use super::*;

    fn name(template: &str) -> Result<String, String> {
        let variables = variables(&record("Sprint №42 (Ärger)", Some(42)));
        branch_name(template, &variables).map(|n| n.to_string())
    }

    #[test]
    fn a_template_gives_a_name_that_fits() {
        for (template, expected) in [
            ("{{ iteration.name | slug }}", "sprint-42-arger"),
            ("sprint-{{ iteration.number }}", "sprint-42"),
            ("{{ iteration.name }}", "sprint-42-arger"),
            ("Team A / {{ iteration.number }}", "team-a-42"),
            ("s_{{ iteration.number }}", "s_42"),
        ] {
            assert_eq!(name(template).unwrap(), expected, "{template}");
        }
        let long = name(&format!("{}-{{{{ iteration.number }}}}", "x".repeat(80))).unwrap();
        assert_eq!(long.len(), MAX_NAME);
        for (template, part) in [
            ("{{ iteration.nome }}", "template"),
            ("{{ nothing.at }}", "template"),
            ("---", "no name of a branch"),
            ("{% for i in range(100000) %}x{% endfor %}", "template"),
        ] {
            let error = name(template).unwrap_err();
            assert!(error.contains(part), "{template}: {error}");
        }
        assert_eq!(
            check("rule.branch.name", "{{ x").unwrap_err().code,
            code::RULE
        );
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let short = BranchName::parse("sprint-42").unwrap();
        assert_eq!(numbered(&short, 2).unwrap().as_str(), "sprint-42-2");
        let long = BranchName::parse(&"x".repeat(MAX_NAME)).unwrap();
        assert_eq!(numbered(&long, 99).unwrap().as_str().len(), MAX_NAME);
    }

    #[test]
    fn a_file_stays_in_its_directory() {
        let variables = serde_json::json!({"branch": "b", "credential": "app", "evil": "../x"});
        assert_eq!(
            file_name("{{ branch }}-{{ credential }}.env", &variables).unwrap(),
            "b-app.env"
        );
        for bad in [
            "{{ evil }}",
            "/etc/x",
            ".hidden",
            "a b",
            "",
            "a\0",
            "x/../y",
        ] {
            assert!(file_name(bad, &variables).is_err(), "{bad}");
        }
    }
}
