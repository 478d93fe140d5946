//! Archived binlogs at rest.

use crate::setup::{at, fill, id, open};
use offshoot_core::binlog::{Committed, History, Mark, Segment};
use offshoot_core::engine::EngineKind;
use offshoot_core::gtid::{Gtid, GtidSet};

fn set(text: &str) -> GtidSet {
    GtidSet::parse(EngineKind::Mariadb, text).unwrap()
}

fn history() -> History {
    History {
        id: id("his"),
        branch: id("main"),
        volume: id("vmain"),
        engine: "mariadb-10.11.19".parse().unwrap(),
        before: set("0-1-5"),
        archived: set("0-1-5"),
        mark: Mark::start_of("binlog.000002"),
        next: 0,
        started_at: at(1),
        complete_at: at(1),
        ended_at: None,
    }
}

fn segment(number: u64) -> Segment {
    let committed = |sequence| Committed {
        gtid: Gtid::parse(EngineKind::Mariadb, &format!("0-1-{sequence}")).unwrap(),
        at: at(7),
    };
    Segment {
        history: id("his"),
        number,
        file: "binlog.000002".to_owned(),
        from: number * 100,
        to: number * 100 + 100,
        whole: number.is_multiple_of(2),
        transactions: 2,
        gtids: set(&format!("0-1-{}", 7 + 2 * number)),
        first: Some(committed(6 + 2 * number)),
        last: (number > 0).then(|| committed(7 + 2 * number)),
        object: format!("binlogs/{number}"),
        checksum: "c".repeat(64),
        archived_at: at(8),
    }
}

/// The history after a segment.
fn after(mut history: History, segment: &Segment) -> History {
    history.archived.extend(&segment.gtids);
    history.next = segment.number + 1;
    history.mark = Mark {
        file: segment.file.clone(),
        offset: segment.to,
        settled: segment.from,
    };
    history.complete_at = at(9);
    history
}

#[tokio::test]
async fn histories_grow_segment_by_segment_and_end_with_their_volume() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fill(&store).await;
    let mut tx = store.write().await.unwrap();
    tx.insert_history(&history()).await.unwrap();
    let (first, second) = (segment(0), segment(1));
    let grown = after(history(), &first);
    assert!(tx.append_segment(&first, &grown).await.unwrap());
    // Written twice by somebody who does not know of the other.
    assert!(!tx.append_segment(&first, &grown).await.unwrap());
    let grown = after(grown, &second);
    assert!(tx.append_segment(&second, &grown).await.unwrap());
    let all = tx.histories(id("main")).await.unwrap();
    assert_eq!(all, std::slice::from_ref(&grown));
    assert_eq!(
        tx.segments(&grown, 0).await.unwrap(),
        [first, second.clone()]
    );
    let rest = tx.segments(&grown, 1).await.unwrap();
    assert_eq!(rest, std::slice::from_ref(&second));

    tx.history_complete(grown.id, at(5)).await.unwrap();
    let found = tx.history(grown.id).await.unwrap().unwrap();
    assert_eq!(found.complete_at, at(9), "time does not go back");
    tx.history_complete(grown.id, at(20)).await.unwrap();

    tx.trim_history(grown.id, 1, &set("0-1-7")).await.unwrap();
    let trimmed = tx.history(grown.id).await.unwrap().unwrap();
    assert_eq!(
        (trimmed.before.to_string(), trimmed.next),
        ("0-1-7".to_owned(), 2)
    );
    assert_eq!(tx.segments(&grown, 0).await.unwrap(), [second]);

    // A demoted branch writes no binlog: what it does then is in no archive.
    tx.set_branch_production(id("main"), false, at(30))
        .await
        .unwrap();
    let ended = tx.history(grown.id).await.unwrap().unwrap();
    assert_eq!((ended.ended_at, ended.complete_at), (Some(at(30)), at(20)));
    let third = segment(2);
    assert!(
        !tx.append_segment(&third, &after(ended, &third))
            .await
            .unwrap()
    );
    tx.delete_history(grown.id).await.unwrap();
    assert_eq!(tx.all_histories().await.unwrap(), []);
    assert_eq!(tx.segments(&grown, 0).await.unwrap(), []);
}
