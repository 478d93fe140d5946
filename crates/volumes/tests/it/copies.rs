//! Copies of volumes whose engines stand still meanwhile, and volumes that become snapshots.

use crate::{content, data, fill, open, snapshot, volume, with_each_driver};
use offshoot_core::id::VolumeId;
use offshoot_core::port::{Freeze, Frozen, PortError, PortResult, Volumes};
use offshoot_core::refusal::{Kind, Refusal, code};
use offshoot_core::volume::{Driver, Stored};
use offshoot_testkit::pool::TestPool;
use offshoot_volumes::Pool;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

with_each_driver!(
    a_copy_is_what_was_there_while_the_engine_stood_still,
    a_copy_that_was_cut_short_is_removed,
    a_copy_of_what_rests_needs_no_engine,
    a_kept_volume_is_a_snapshot,
    keeping_goes_on_where_it_was_killed,
    a_volume_is_filled_from_outside,
);

const PAUSE: Duration = Duration::from_millis(7);

/// An engine that writes until it stands still and as soon as it goes on, and looks at the pool in
/// both moments.
#[derive(Clone)]
struct Engine {
    driver: Driver,
    data: PathBuf,
    making: PathBuf,
    whole: PathBuf,
    log: Arc<Mutex<Vec<&'static str>>>,
    /// Fails when it is to stand still, or to go on.
    fails: Option<&'static str>,
}

impl Engine {
    fn on(pool: &Pool, driver: Driver, from: VolumeId, to: VolumeId) -> Self {
        Self {
            driver,
            data: data(pool, from),
            making: pool.dir().join(format!("making/v-{to}")),
            whole: pool.dir().join(format!("volumes/{to}")),
            log: Arc::default(),
            fails: None,
        }
    }

    fn log(&self) -> Vec<&'static str> {
        self.log.lock().unwrap().clone()
    }

    fn note(&self, what: &'static str) {
        self.log.lock().unwrap().push(what);
    }

    fn fail(&self, at: &'static str) -> PortResult<()> {
        if self.fails != Some(at) {
            return Ok(());
        }
        let refusal = Refusal::unavailable("it went on by itself").code(code::PAUSE_LIMIT);
        Err(PortError::retry(refusal))
    }
}

/// Whether a file's bytes have their places on the disk. `None`: nobody can say.
fn written(file: &Path) -> Option<bool> {
    let shown = Command::new("filefrag").arg("-v").arg(file).output().ok()?;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    shown
        .contains("extents found")
        .then(|| !shown.contains("delalloc") && !shown.contains("unknown"))
}

impl Freeze for Engine {
    fn freeze(self: Box<Self>) -> PortResult<Box<dyn Frozen>> {
        self.fail("freeze")?;
        if self.driver.copy_on_write() {
            let flushed = written(&self.data.join("ibdata1")).unwrap_or(true);
            assert!(flushed, "what could be flushed before was not");
        }
        assert!(!self.making.exists() && !self.whole.exists());
        std::fs::write(self.data.join("before"), "x").unwrap();
        self.note("freeze");
        Ok(Box::new(Still(*self)))
    }
}

struct Still(Engine);

impl Frozen for Still {
    fn thaw(self: Box<Self>) -> PortResult<Duration> {
        assert!(self.0.making.join("data/ibdata1").exists());
        assert!(!self.0.whole.exists(), "durability costs no pause");
        std::fs::write(self.0.data.join("after"), "x").unwrap();
        self.0.note("thaw");
        self.0.fail("thaw")?;
        Ok(PAUSE)
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        self.0.note("gone on");
    }
}

fn nothing_is_left(pool: &Pool, to: VolumeId) {
    assert!(pool.locate(to).is_err());
    let making = std::fs::read_dir(pool.dir().join("making")).unwrap();
    assert_eq!(making.count(), 0);
}

async fn a_copy_is_what_was_there_while_the_engine_stood_still(place: TestPool) {
    let pool = open(&place);
    let (from, to) = (volume("parent"), volume("copy"));
    fill(&pool, from).await;
    std::fs::create_dir(pool.locate(from).unwrap().path.join("tmp")).unwrap();
    let engine = Engine::on(&pool, place.driver, from, to);
    let mut before = content(&engine.data);
    let freezer: Box<dyn Freeze> = Box::new(engine.clone());
    let pause = pool.duplicate(from, to, Some(freezer)).await.unwrap();
    assert_eq!(pause, PAUSE);
    assert_eq!(engine.log(), ["freeze", "thaw", "gone on"]);
    before.push(("before".into(), b"x".to_vec()));
    before.sort();
    assert!(content(&data(&pool, to)) == before);

    let (ours, theirs) = (pool.locate(from).unwrap(), pool.locate(to).unwrap());
    assert!(!theirs.path.join("tmp").exists());
    if let Some((owner, _)) = theirs.owner {
        assert_ne!(ours.owner, theirs.owner);
        assert_eq!(
            data(&pool, to).join("ibdata1").metadata().unwrap().uid(),
            owner
        );
    }
    // An engine is asked to stand still for a copy that is needed.
    let again: Box<dyn Freeze> = Box::new(engine.clone());
    let pause = pool.duplicate(from, to, Some(again)).await.unwrap();
    assert_eq!(pause, Duration::ZERO);
    assert_eq!(engine.log().len(), 3);
    assert!(content(&data(&pool, to)) == before);

    pool.remove(Stored::Volume(from)).await.unwrap();
    assert!(content(&data(&pool, to)) == before);
}

async fn a_copy_that_was_cut_short_is_removed(place: TestPool) {
    let pool = open(&place);
    let (from, to) = (volume("parent"), volume("copy"));
    fill(&pool, from).await;
    for (at, log) in [
        ("freeze", [].as_slice()),
        ("thaw", &["freeze", "thaw", "gone on"]),
    ] {
        let mut engine = Engine::on(&pool, place.driver, from, to);
        engine.fails = Some(at);
        let freezer: Box<dyn Freeze> = Box::new(engine.clone());
        let error = pool.duplicate(from, to, Some(freezer)).await.unwrap_err();
        assert_eq!(error.refusal.code, code::PAUSE_LIMIT, "{at}: {error}");
        assert!(error.retry);
        assert_eq!(engine.log(), log);
        nothing_is_left(&pool, to);
    }
    // Nothing that the failed ones took is missing: the next one gets the same identity.
    let before = pool.locate(from).unwrap().owner;
    pool.duplicate(from, to, None).await.unwrap();
    let owner = pool.locate(to).unwrap().owner;
    assert_eq!(owner, before.map(|(uid, gid)| (uid + 1, gid + 1)));
}

async fn a_copy_of_what_rests_needs_no_engine(place: TestPool) {
    let pool = open(&place);
    let (from, to) = (volume("parent"), volume("copy"));
    let error = pool.duplicate(from, to, None).await.unwrap_err();
    assert_eq!(error.refusal.kind, Kind::NotFound);
    fill(&pool, from).await;
    let before = content(&data(&pool, from));
    for _ in 0..2 {
        let pause = pool.duplicate(from, to, None).await.unwrap();
        assert_eq!(pause, Duration::ZERO);
    }
    std::fs::write(data(&pool, from).join("ibdata1"), "goes on").unwrap();
    assert!(content(&data(&pool, to)) == before);
    let predicted = pool.pause(from).await.unwrap();
    assert_eq!(predicted.is_some(), place.driver.copy_on_write());
}

async fn a_kept_volume_is_a_snapshot(place: TestPool) {
    let pool = open(&place);
    let (made, kept, fork) = (volume("made"), snapshot("kept"), volume("fork"));
    fill(&pool, made).await;
    let located = pool.locate(made).unwrap();
    std::fs::create_dir(located.path.join("tmp")).unwrap();
    std::fs::write(located.path.join("tmp/left"), "x").unwrap();
    std::fs::write(located.path.join("note"), "x").unwrap();
    let before = content(&data(&pool, made));
    let blocks = data(&pool, made).join("ibdata1").metadata().unwrap().ino();
    for _ in 0..2 {
        pool.keep(made, kept).await.unwrap();
    }
    let listed = pool.list().await.unwrap();
    assert_eq!(listed, [Stored::Snapshot(kept)]);
    nothing_is_left(&pool, made);
    let dir = place.dir.join("snapshots").join(kept.as_str());
    let names = content(&dir);
    assert!(names.iter().all(|(name, _)| name.starts_with("data")));
    let there = dir.metadata().unwrap();
    assert_eq!(there.permissions().mode() & 0o777, 0o700);
    assert_eq!(dir.join("data/ibdata1").metadata().unwrap().ino(), blocks);

    // Its identity may be another's now, who cannot get at what was kept.
    fill(&pool, volume("other")).await;
    assert_eq!(pool.locate(volume("other")).unwrap().owner, located.owner);
    assert_eq!(there.uid(), rustix::process::geteuid().as_raw());
    pool.fork(kept, fork).await.unwrap();
    assert!(content(&data(&pool, fork)) == before);
    if let Some((owner, _)) = pool.locate(fork).unwrap().owner {
        assert_ne!(pool.locate(fork).unwrap().owner, located.owner);
        let file = data(&pool, fork).join("shop/t1.ibd").metadata().unwrap();
        assert_eq!((file.uid(), file.gid()), (owner, owner));
    }
    pool.remove(Stored::Snapshot(kept)).await.unwrap();
    assert!(content(&data(&pool, fork)) == before);
    // What is nowhere cannot be kept.
    let error = pool.keep(made, kept).await.unwrap_err();
    assert_eq!(error.refusal.kind, Kind::NotFound);
}

async fn keeping_goes_on_where_it_was_killed(place: TestPool) {
    let (made, kept) = (volume("made"), snapshot("kept"));
    let path = place.dir.join("volumes").join(made.as_str());
    let steps: [fn(&Path); 4] = [
        |path| std::fs::remove_dir_all(path.join("tmp")).unwrap(),
        |path| {
            let private = std::fs::Permissions::from_mode(0o700);
            std::fs::set_permissions(path, private).unwrap();
        },
        |path| {
            if rustix::process::geteuid().is_root() {
                std::os::unix::fs::chown(path, Some(0), Some(0)).unwrap();
            }
        },
        |path| {
            let home = path.parent().unwrap().parent().unwrap();
            let to = home.join("snapshots").join(snapshot("kept").as_str());
            std::fs::rename(path, to).unwrap();
        },
    ];
    for done in 0..=steps.len() {
        let pool = open(&place);
        fill(&pool, made).await;
        let owner = pool.locate(made).unwrap().owner;
        std::fs::create_dir(path.join("tmp")).unwrap();
        let before = content(&data(&pool, made));
        for step in &steps[..done] {
            step(&path);
        }
        drop(pool);
        let pool = open(&place);
        pool.keep(made, kept).await.unwrap();
        assert_eq!(pool.list().await.unwrap(), [Stored::Snapshot(kept)]);
        pool.create(volume("next")).await.unwrap();
        let next = pool.locate(volume("next")).unwrap().owner;
        assert_eq!(next, owner, "after {done} steps its identity is free");
        pool.fork(kept, volume("fork")).await.unwrap();
        assert!(content(&data(&pool, volume("fork"))) == before);
        for stored in pool.list().await.unwrap() {
            pool.remove(stored).await.unwrap();
        }
    }
}

async fn a_volume_is_filled_from_outside(place: TestPool) {
    let pool = open(&place);
    let (made, image) = (volume("1"), snapshot("1"));
    assert!(pool.locate_snapshot(image).is_err());
    pool.create(made).await.unwrap();
    assert!(pool.hand_over(made).await.is_err(), "nothing was written");
    let data = pool.locate_data(made).unwrap();
    std::fs::create_dir_all(data.join("shop")).unwrap();
    std::fs::write(data.join("shop/t.ibd"), "rows").unwrap();
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
    for _ in 0..2 {
        pool.hand_over(made).await.unwrap();
    }
    let owner = pool.locate(made).unwrap().owner;
    for path in [&data, &data.join("shop"), &data.join("shop/t.ibd")] {
        let meta = path.metadata().unwrap();
        assert!(owner.is_none_or(|(uid, gid)| (meta.uid(), meta.gid()) == (uid, gid)));
    }
    assert_eq!(data.metadata().unwrap().mode() & 0o777, 0o700);

    pool.keep(made, image).await.unwrap();
    let kept = pool.locate_snapshot(image).unwrap();
    assert_eq!(
        std::fs::read_to_string(kept.join("shop/t.ibd")).unwrap(),
        "rows"
    );
    assert!(pool.locate_data(made).is_err());
}
