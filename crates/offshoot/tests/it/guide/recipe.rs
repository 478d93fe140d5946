//! The scripts of CI recipes: steps of a GitHub workflow, jobs of a GitLab pipeline.

use serde_json::Value;

/// A script with the variables that the recipe sets for it.
#[derive(Debug, PartialEq)]
pub(crate) struct Script {
    pub(crate) text: String,
    pub(crate) variables: Vec<(String, String)>,
}

/// In the order in which they run; nothing for other files. A workflow has one job here, because the
/// order of jobs is not in the file.
pub(crate) fn scripts(file: &Value) -> Vec<Script> {
    let mut found = Vec::new();
    if let Some(jobs) = file["jobs"].as_object() {
        assert_eq!(jobs.len(), 1, "one job to a workflow");
        for job in jobs.values() {
            for step in job["steps"].as_array().into_iter().flatten() {
                if let Some(text) = step["run"].as_str() {
                    let variables = [file, job, step].map(|of| variables(&of["env"])).concat();
                    let text = text.to_owned();
                    found.push(Script { text, variables });
                }
            }
        }
    }
    for stage in file["stages"].as_array().into_iter().flatten() {
        let jobs = file.as_object().into_iter().flatten();
        for (_, job) in jobs.filter(|(_, job)| job["stage"] == *stage) {
            let variables = [file, job].map(|of| variables(&of["variables"])).concat();
            for part in [&["before_script", "script"][..], &["after_script"]] {
                let lines: Vec<&str> = part
                    .iter()
                    .filter_map(|name| job[*name].as_array())
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                if !lines.is_empty() {
                    found.push(Script {
                        text: lines.join("\n"),
                        variables: variables.clone(),
                    });
                }
            }
        }
    }
    found
}

fn variables(map: &Value) -> Vec<(String, String)> {
    let pairs = map.as_object().into_iter().flatten();
    pairs
        .map(|(name, value)| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            (name.clone(), text)
        })
        .collect()
}

#[test]
fn recipes_are_read() {
    let read = |text: &str| -> Vec<(String, Vec<(String, String)>)> {
        let file: Value = serde_saphyr::from_str(text).unwrap();
        let found = scripts(&file).into_iter();
        found.map(|s| (s.text, s.variables)).collect()
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        read(
            "env: {A: 1}\njobs:\n  j:\n    env: {B: x}\n    steps: [{uses: u}, {run: r, env: {C: z}}]"
        ),
        [(
            "r".to_owned(),
            vec![pair("A", "1"), pair("B", "x"), pair("C", "z")]
        )]
    );
    assert_eq!(
        read(
            "stages: [z, a]\nvariables: {V: v}\nq: {stage: a, script: [1s, 2s], after_script: [3s]}\np: {stage: z, script: [0s]}"
        ),
        [
            ("0s".to_owned(), vec![pair("V", "v")]),
            ("1s\n2s".to_owned(), vec![pair("V", "v")]),
            ("3s".to_owned(), vec![pair("V", "v")])
        ]
    );
    assert_eq!(read("database: shop"), []);
}
