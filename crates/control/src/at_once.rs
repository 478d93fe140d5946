//! Work that is done side by side: each piece in a task of its own, so that one that waits holds up none of the
//! others.

use std::collections::HashMap;
use tokio::task::{Id, JoinSet};

/// Pieces of work under way, each for something that has one at a time.
pub(crate) struct AtOnce<T> {
    most: usize,
    tasks: JoinSet<()>,
    busy: HashMap<Id, T>,
}

impl<T: PartialEq> AtOnce<T> {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            tasks: JoinSet::new(),
            busy: HashMap::new(),
        }
    }

    /// Begins it, where there is room and `of` has none under way.
    pub(crate) fn begin(&mut self, of: T, work: impl Future<Output = ()> + Send + 'static) {
        if self.tasks.len() < self.most && !self.busy.values().any(|b| *b == of) {
            let task = self.tasks.spawn(work);
            self.busy.insert(task.id(), of);
        }
    }

    /// Waits until one has ended, for ever where none is under way. May be dropped.
    pub(crate) async fn ended(&mut self) {
        let Some(ended) = self.tasks.join_next_with_id().await else {
            return std::future::pending().await;
        };
        let id = match &ended {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
        self.busy.remove(&id);
    }

    /// Ends all of them, wherever they are.
    pub(crate) async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::sync::Semaphore;

    #[tokio::test]
    async fn one_for_each_and_no_more_than_there_is_room_for() {
        let (gate, begun) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let work = || {
            let (gate, begun) = (Arc::clone(&gate), Arc::clone(&begun));
            async move {
                begun.add_permits(1);
                gate.acquire().await.unwrap().forget();
            }
        };
        let mut all = AtOnce::new(2);
        for of in ["a", "a", "b", "c"] {
            all.begin(of, work());
        }
        begun.acquire_many(2).await.unwrap().forget();
        assert_eq!(all.tasks.len(), 2);
        gate.add_permits(1);
        all.ended().await;
        // What panics has ended, too.
        all.begin("d", async { panic!("of the test") });
        all.ended().await;
        all.begin("e", work());
        begun.acquire().await.unwrap().forget();
        assert_eq!(all.tasks.len(), 2);
        all.stop().await;
    }
}
