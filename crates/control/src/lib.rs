//! Use-cases, workflows, reconcilers: the only place that decides and acts.
