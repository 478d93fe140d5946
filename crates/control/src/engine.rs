//! Engines that are there.

use crate::Control;
use crate::caller::Caller;
use crate::fail::Fail;
use offshoot_core::engine::{EngineKind, EngineRef, InstalledEngine};
use offshoot_core::refusal::{Kind, Refusal, code};

/// Installed engines with the number of branches on each. `default` is set on the one new databases get.
pub async fn list(
    control: &Control,
    caller: &Caller,
) -> Result<Vec<(InstalledEngine, u64)>, Refusal> {
    let _ = caller;
    let mut engines = control
        .0
        .ports
        .engines
        .installed()
        .await
        .map_err(Fail::from)?;
    let chosen = control.0.settings.default_engine;
    let branches = control.0.store.read().await?.branches_per_engine().await?;
    for engine in &mut engines {
        engine.default = chosen.map_or(engine.default, |c| c == engine.engine);
    }
    Ok(engines
        .into_iter()
        .map(|e| {
            let n = branches.get(&e.engine.to_string()).copied().unwrap_or(0);
            (e, n)
        })
        .collect())
}

/// `mysql-9.7.4` as it is written, installed or not; `mysql` is the default engine if it is of that
/// kind, else the newest installed one of it.
pub async fn named(control: &Control, text: &str) -> Result<EngineRef, Refusal> {
    if let Ok(engine) = text.parse() {
        return Ok(engine);
    }
    let kind: EngineKind = text.parse().map_err(|_| {
        Refusal::invalid("engine", format!("{text:?} is not an engine"))
            .hint("use mysql, mariadb, or one with its version such as mysql-9.7.4")
    })?;
    let chosen = control.default_engine().await?;
    let installed = control.0.ports.engines.installed().await;
    installed
        .map_err(Fail::from)?
        .into_iter()
        .map(|installed| installed.engine)
        .filter(|engine| engine.kind == kind)
        .max_by_key(|engine| (chosen == Some(*engine), engine.version))
        .ok_or_else(|| {
            Refusal::new(Kind::Unprocessable, format!("this server knows no {kind}"))
                .code(code::NO_ENGINE)
                .hint(format!(
                    "run `offshoot engine install {text}`, and start the server again: a kind that is new to it has its own port"
                ))
        })
}

impl Control {
    /// The engine of new databases, if there is any.
    pub(crate) async fn default_engine(&self) -> Result<Option<EngineRef>, Fail> {
        if let Some(engine) = self.0.settings.default_engine {
            return Ok(Some(engine));
        }
        let installed = self.0.ports.engines.installed().await?;
        Ok(installed
            .iter()
            .find(|e| e.default)
            .or(installed.first())
            .map(|e| e.engine))
    }

    /// The engine asked for, or the default one; refused when it is not installed.
    pub(crate) async fn choose_engine(
        &self,
        asked: Option<EngineRef>,
    ) -> Result<EngineRef, Refusal> {
        let missing = |what: String| {
            Refusal::new(Kind::Unprocessable, what)
                .code(code::NO_ENGINE)
                .hint("run `offshoot engine install mysql`")
        };
        let wanted = match asked {
            Some(engine) => engine,
            None => self
                .default_engine()
                .await?
                .ok_or_else(|| missing("no engine is installed".to_owned()))?,
        };
        let installed = self.0.ports.engines.installed().await.map_err(Fail::from)?;
        if installed.iter().any(|e| e.engine == wanted) {
            Ok(wanted)
        } else {
            Err(missing(format!("{wanted} is not installed")))
        }
    }
}
