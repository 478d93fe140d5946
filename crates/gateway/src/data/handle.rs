//! What a client holds of its session, and gives back with each request.
//!
//! A session that holds nothing is *light*: any line of its credential will do. One that holds a
//! transaction, variables or the like is *pinned* to a line. The handle says which, signed together
//! with the credential it was made for, by a key that dies with the process.

use hmac::{Hmac, KeyInit, Mac};
use offshoot_core::credential::equal;
use offshoot_core::id::PasswordId;
use offshoot_core::port::Ids;
use sha2::Sha256;

const EPOCH: usize = 8;
const BODY: usize = EPOCH + 8 + 8 + 4 + 4 + 1;
const TAG: usize = 16;
/// A block of SHA-256.
const KEY: usize = 64;

/// What a session is, as its handle tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Handle {
    /// Pinned to the line with this key; 0 = light.
    pub(super) key: u64,
    /// What `LAST_INSERT_ID()` is.
    pub(super) last_insert_id: u64,
    /// The line that ran the last statement, and how many it had run by then: as long as that
    /// line has run no other since, `ROW_COUNT()` and the like are still about this session.
    pub(super) line: u32,
    pub(super) uses: u32,
    pub(super) in_transaction: bool,
    /// Its transaction is gone: nothing goes on before the client has taken notice.
    pub(super) aborted: bool,
    /// Large results wanted: clients then use `StreamExecute`.
    pub(super) workload: Workload,
}

/// What `SET workload` can be; numbers as in protobuf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Workload {
    #[default]
    Oltp = 1,
    Olap = 2,
    Dba = 3,
}

impl Workload {
    pub(super) const ALL: [Self; 3] = [Self::Oltp, Self::Olap, Self::Dba];

    pub(super) fn name(self) -> &'static str {
        match self {
            Workload::Oltp => "OLTP",
            Workload::Olap => "OLAP",
            Workload::Dba => "DBA",
        }
    }
}

/// What a handle that came with a request is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    Good(Handle),
    /// From before the server's restart, and what it held is gone. Nothing of it is trusted.
    Gone {
        in_transaction: bool,
    },
    /// Not made by this server for this credential.
    Forged,
}

/// Signs and checks handles.
pub(super) struct Signer {
    epoch: [u8; EPOCH],
    key: [u8; KEY],
}

impl Signer {
    pub(super) fn new(ids: &dyn Ids) -> Self {
        let mut signer = Self {
            epoch: [0; EPOCH],
            key: [0; KEY],
        };
        ids.fill(&mut signer.epoch);
        ids.fill(&mut signer.key);
        signer
    }

    pub(super) fn sign(&self, handle: Handle, password: PasswordId) -> Vec<u8> {
        let flags = u8::from(handle.in_transaction)
            | u8::from(handle.aborted) << 1
            | (handle.workload as u8) << 2;
        let mut out = Vec::with_capacity(BODY + TAG);
        out.extend_from_slice(&self.epoch);
        out.extend_from_slice(&handle.key.to_le_bytes());
        out.extend_from_slice(&handle.last_insert_id.to_le_bytes());
        out.extend_from_slice(&handle.line.to_le_bytes());
        out.extend_from_slice(&handle.uses.to_le_bytes());
        out.push(flags);
        let tag = self.tag(&out, password);
        out.extend_from_slice(&tag[..TAG]);
        out
    }

    pub(super) fn check(&self, bytes: &[u8], password: PasswordId) -> Claim {
        let Some((body, tag)) = bytes.split_at_checked(BODY).filter(|(_, t)| t.len() == TAG) else {
            return Claim::Forged;
        };
        let Some(handle) = parse(body) else {
            return Claim::Forged;
        };
        if body[..EPOCH] != self.epoch {
            // What held nothing goes on with nothing: it is as good as no handle at all.
            return match handle {
                Handle {
                    key: 0,
                    aborted: false,
                    workload,
                    ..
                } => Claim::Good(Handle {
                    workload,
                    ..Handle::default()
                }),
                _ => Claim::Gone {
                    in_transaction: handle.in_transaction || handle.aborted,
                },
            };
        }
        match equal(&self.tag(body, password)[..TAG], tag) {
            true => Claim::Good(handle),
            false => Claim::Forged,
        }
    }

    fn tag(&self, body: &[u8], password: PasswordId) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&self.key.into());
        mac.update(body);
        mac.update(password.to_string().as_bytes());
        mac.finalize().into_bytes().into()
    }
}

fn parse(body: &[u8]) -> Option<Handle> {
    let (_, rest) = body.split_first_chunk::<EPOCH>()?;
    let (key, rest) = rest.split_first_chunk()?;
    let (last_insert_id, rest) = rest.split_first_chunk()?;
    let (line, rest) = rest.split_first_chunk()?;
    let (uses, rest) = rest.split_first_chunk()?;
    let &[flags] = rest else { return None };
    let workload = Workload::ALL.into_iter().find(|w| *w as u8 == flags >> 2)?;
    Some(Handle {
        key: u64::from_le_bytes(*key),
        last_insert_id: u64::from_le_bytes(*last_insert_id),
        line: u32::from_le_bytes(*line),
        uses: u32::from_le_bytes(*uses),
        in_transaction: flags & 1 != 0,
        aborted: flags & 2 != 0,
        workload,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

    struct Bytes(AtomicU8);

    impl Ids for Bytes {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, Relaxed));
        }
    }

    fn password(text: &str) -> PasswordId {
        text.parse().unwrap()
    }

    const PINNED: Handle = Handle {
        key: 7,
        last_insert_id: 42,
        line: 0x4000_0001,
        uses: 3,
        in_transaction: true,
        aborted: false,
        workload: Workload::Olap,
    };

    #[test]
    fn a_handle_is_good_for_its_credential_and_process_only() {
        let signer = Signer::new(&Bytes(AtomicU8::new(1)));
        let (ann, bob) = (password("password0001"), password("password0002"));
        let bytes = signer.sign(PINNED, ann);
        assert_eq!(signer.check(&bytes, ann), Claim::Good(PINNED));
        assert_eq!(signer.check(&bytes, bob), Claim::Forged);
        for n in EPOCH..bytes.len() {
            let mut other = bytes.clone();
            other[n] ^= 1;
            assert_eq!(signer.check(&other, ann), Claim::Forged, "{n}");
        }
        for n in 0..bytes.len() {
            assert_eq!(signer.check(&bytes[..n], ann), Claim::Forged);
        }
        let next = Signer::new(&Bytes(AtomicU8::new(9)));
        let gone = Claim::Gone {
            in_transaction: true,
        };
        assert_eq!(next.check(&bytes, ann), gone);
    }

    #[test]
    fn what_held_nothing_outlives_the_process() {
        let signer = Signer::new(&Bytes(AtomicU8::new(1)));
        let next = Signer::new(&Bytes(AtomicU8::new(9)));
        let ann = password("password0001");
        let light = Handle {
            key: 0,
            in_transaction: false,
            ..PINNED
        };
        let new = Handle {
            workload: Workload::Olap,
            ..Handle::default()
        };
        assert_eq!(next.check(&signer.sign(light, ann), ann), Claim::Good(new));
        let aborted = Handle {
            aborted: true,
            ..light
        };
        let claim = next.check(&signer.sign(aborted, ann), ann);
        assert_eq!(
            claim,
            Claim::Gone {
                in_transaction: true
            }
        );
    }
}
