//! Being told to end: Ctrl-C everywhere, SIGTERM and SIGHUP where there are signals.

/// Returns when the user or the system wants the command to end. Where nothing can be waited for,
/// never: the command then ends as the system does it.
#[cfg(unix)]
pub(crate) async fn wait() {
    tokio::select! {
        () = ctrl_c() => {}
        () = terminated() => {}
    }
}

/// Returns when the user or the system wants the command to end.
#[cfg(not(unix))]
pub(crate) async fn wait() {
    ctrl_c().await;
}

pub(crate) async fn ctrl_c() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// SIGTERM, or the terminal went away.
#[cfg(unix)]
pub(crate) async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    let told = |kind| async move {
        match signal(kind) {
            Ok(mut signals) => {
                signals.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = told(SignalKind::terminate()) => {}
        () = told(SignalKind::hangup()) => {}
    }
}

#[cfg(not(unix))]
pub(crate) async fn terminated() {
    std::future::pending().await
}
