//! Binlogs in memory: a transaction is its number and its time, in sixteen bytes of one file.

use super::World;
use super::world::missing;
use async_trait::async_trait;
use jiff::Timestamp;
use offshoot_core::binlog::{Beginning, Committed, Mark, Piece, Range, Reading, Replayed, Until};
use offshoot_core::engine::EngineKind;
use offshoot_core::gtid::{Gtid, GtidSet};
use offshoot_core::instance::Endpoint;
use offshoot_core::port::{Binlogs, PortError, PortResult, Ranges, Vault};
use offshoot_core::{Kind, Refusal};

/// UUID of every server.
const SOURCE: [u8; 16] = [0xab; 16];
const SIZE: usize = 16;
const FILE: &str = "binlog.000001";

#[derive(Clone)]
pub struct FakeBinlogs(pub World);

/// The first so many transactions.
pub(super) fn set(count: usize) -> GtidSet {
    let mut set = GtidSet::empty(EngineKind::Mysql);
    set.insert_interval(SOURCE, 1, count as u64);
    set
}

fn committed(number: usize, at: Timestamp) -> Committed {
    Committed {
        gtid: Gtid::Mysql {
            source: SOURCE,
            number: number as u64,
        },
        at,
    }
}

fn mark(count: usize) -> Mark {
    let offset = (count * SIZE) as u64;
    Mark {
        file: FILE.to_owned(),
        offset,
        settled: offset,
    }
}

#[async_trait]
impl Binlogs for FakeBinlogs {
    async fn begin(&self, endpoint: &Endpoint) -> PortResult<Beginning> {
        self.0.enter("binlogs.begin")?;
        let count = self.0.committed(endpoint.instance).len();
        self.0.leave()?;
        Ok(Beginning {
            mark: mark(count),
            before: set(count),
        })
    }

    async fn behind(&self, endpoint: &Endpoint, mark: &Mark) -> PortResult<u64> {
        let end = self.0.committed(endpoint.instance).len() * SIZE;
        Ok((end as u64).saturating_sub(mark.offset))
    }

    async fn read(&self, endpoint: &Endpoint, from: &Mark, limit: u64) -> PortResult<Reading> {
        self.0.enter("binlogs.read")?;
        let all = self.0.committed(endpoint.instance);
        let begin = usize::try_from(from.offset).unwrap_or(usize::MAX) / SIZE;
        if begin > all.len() {
            return Ok(Reading::Lost("it is shorter than it was".to_owned()));
        }
        let most = (usize::try_from(limit).unwrap_or(usize::MAX) / SIZE).max(1);
        let end = all.len().min(begin.saturating_add(most));
        if begin == end {
            return Ok(Reading::Nothing(self.0.now()));
        }
        let mut bytes = Vec::new();
        let mut gtids = GtidSet::empty(EngineKind::Mysql);
        for (n, at) in all.iter().enumerate().take(end).skip(begin) {
            bytes.extend((n as u64 + 1).to_le_bytes());
            bytes.extend(at.as_microsecond().to_le_bytes());
            gtids.insert(committed(n + 1, *at).gtid);
        }
        self.0.leave()?;
        Ok(Reading::Piece(Box::new(Piece {
            range: Range {
                file: FILE.to_owned(),
                from: from.offset,
                head: Vec::new(),
                written: Vec::new(),
                bytes,
            },
            whole: true,
            transactions: (end - begin) as u64,
            gtids,
            first: Some(committed(begin + 1, all[begin])),
            last: Some(committed(end, all[end - 1])),
            next: mark(end),
            complete_at: (end == all.len()).then(|| self.0.now()),
        })))
    }

    async fn release(&self, _: &Endpoint, _: &str) -> PortResult<()> {
        self.0.enter("binlogs.release")?;
        self.0.leave()
    }

    async fn held(&self, endpoint: &Endpoint, _: &GtidSet, unclean: bool) -> PortResult<GtidSet> {
        self.0.enter("binlogs.held")?;
        self.0.runs(endpoint)?;
        let count = self.0.committed(endpoint.instance).len();
        let damaged = unclean && self.0.lock().without_undo;
        self.0.leave()?;
        match damaged {
            true => Err(PortError::fatal(Refusal::new(
                Kind::Unprocessable,
                "table shop.notes cannot undo what was half done",
            ))),
            false => Ok(set(count)),
        }
    }

    async fn replay(
        &self,
        endpoint: &Endpoint,
        from: &GtidSet,
        until: &Until,
        ranges: &mut dyn Ranges,
    ) -> PortResult<Replayed> {
        self.0.enter("binlogs.replay")?;
        self.0.runs(endpoint)?;
        let mut replayed = Replayed {
            transactions: 0,
            last: None,
            gtids: from.clone(),
            file: FILE.to_owned(),
            offset: 0,
        };
        while let Some(range) = ranges.next().await? {
            for bytes in range.bytes.chunks_exact(SIZE) {
                let (number, micros) = bytes.split_at(8);
                let number = u64::from_le_bytes(number.try_into().expect("eight bytes"));
                let micros = i64::from_le_bytes(micros.try_into().expect("eight bytes"));
                let at = Timestamp::from_microsecond(micros).expect("a time");
                let one = committed(usize::try_from(number).expect("a small number"), at);
                if from.contains(one.gtid) {
                    continue;
                }
                let reached = match until {
                    Until::Time(time) => at > *time,
                    Until::Gtids(set) => !set.contains(one.gtid),
                };
                if reached {
                    break;
                }
                if number != 1 + self.0.replay(endpoint.instance, number, at) {
                    return Err(PortError::fatal(Refusal::new(
                        Kind::Unprocessable,
                        "the archive has a gap",
                    )));
                }
                replayed.transactions += 1;
                replayed.last = Some(one);
                replayed.gtids.insert(one.gtid);
                replayed.offset = number * SIZE as u64;
            }
        }
        self.0.leave()?;
        Ok(replayed)
    }
}

impl World {
    /// Times of the transactions that an engine's data has.
    pub fn committed(&self, instance: offshoot_core::id::InstanceId) -> Vec<Timestamp> {
        let state = self.lock();
        let volume = state.running.get(&instance).map(|r| r.spec.volume);
        let data = volume.and_then(|v| state.volumes.get(&v));
        data.map(|d| d.transactions.clone()).unwrap_or_default()
    }

    fn runs(&self, endpoint: &Endpoint) -> PortResult<()> {
        match self.lock().running.contains_key(&endpoint.instance) {
            true => Ok(()),
            false => Err(PortError::retry(Refusal::unavailable(
                "the engine does not run",
            ))),
        }
    }

    /// A client commits a transaction.
    pub fn commit(&self, instance: offshoot_core::id::InstanceId, at: Timestamp) {
        let mut state = self.lock();
        let volume = state.running[&instance].spec.volume;
        let data = state.volumes.get_mut(&volume).expect("its volume is there");
        data.transactions.push(at);
        state.clock = state.clock.max(at);
    }

    /// Engines have a table that cannot undo what was half done, from now on.
    pub fn without_undo(&self) {
        self.lock().without_undo = true;
    }

    /// The engines' time.
    pub fn set_now(&self, at: Timestamp) {
        self.lock().clock = at;
    }

    fn now(&self) -> Timestamp {
        self.lock().clock
    }

    /// Adds a transaction, unless it is there. Returns how many were there before it.
    fn replay(&self, instance: offshoot_core::id::InstanceId, number: u64, at: Timestamp) -> u64 {
        let mut state = self.lock();
        let Some(volume) = state.running.get(&instance).map(|r| r.spec.volume) else {
            return 0;
        };
        let Some(data) = state.volumes.get_mut(&volume) else {
            return 0;
        };
        let count = data.transactions.len() as u64;
        if count >= number {
            return number - 1;
        }
        data.transactions.push(at);
        count
    }
}

/// A vault in memory.
#[derive(Clone)]
pub struct FakeVault(pub World);

#[async_trait]
impl Vault for FakeVault {
    async fn put(&self, name: &str, content: Vec<u8>) -> PortResult<()> {
        self.0.enter("vault.put")?;
        self.0.lock().vault.insert(name.to_owned(), content);
        self.0.leave()
    }

    async fn get(&self, name: &str) -> PortResult<Vec<u8>> {
        self.0.enter("vault.get")?;
        let found = self.0.lock().vault.get(name).cloned();
        self.0.leave()?;
        found.ok_or_else(|| missing(name))
    }

    async fn list(&self, directory: &str) -> PortResult<Vec<String>> {
        self.0.enter("vault.list")?;
        let below = format!("{directory}/");
        let state = self.0.lock();
        let names = state.vault.keys().filter(|name| name.starts_with(&below));
        Ok(names.cloned().collect())
    }

    async fn delete(&self, name: &str) -> PortResult<()> {
        self.0.enter("vault.delete")?;
        self.0.lock().vault.remove(name);
        self.0.leave()
    }
}

impl World {
    /// Names of the objects in the vault.
    pub fn vault(&self) -> Vec<String> {
        self.lock().vault.keys().cloned().collect()
    }

    /// Changes a byte of an object in the vault.
    pub fn damage_object(&self, name: &str) {
        let mut state = self.lock();
        let object = state.vault.get_mut(name).expect("the object is there");
        let last = object.last_mut().expect("it is not empty");
        *last ^= 1;
    }
}
