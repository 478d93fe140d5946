//! How often a token may ask, and an address may fail: counted here, in windows of a minute.
//!
//! A failure over the limit is answered with 429 instead of 401, so that it slows down scripts with
//! an old token and keeps the log readable. A right token is heard from such an address all the
//! same: many clients can share one (a proxy, this machine), and none shall lock out the others.
//! Guessing is no concern, as tokens are random. Passwords of users and codes of logins are not: tries of them are counted
//! whether they are right or not, and over the limit none is looked at.

use crate::answer::Failure;
use axum::http::StatusCode;
use offshoot_core::id::ServiceTokenId;
use offshoot_core::refusal::code;
use offshoot_core::{Kind, Refusal};
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests of one token in a window. Source: PlanetScale's documented limit, which its clients know.
/// The root token has none: it is the administrator's.
const REQUESTS: u32 = 600;
/// Requests with a token that is not valid, from one address in a window: a person who mistypes
/// stays far below.
const FAILURES: u32 = 30;
/// Tries of passwords, from one address and for one e-mail address in a window; answers of the OIDC provider, from one
/// address.
const LOGINS: u32 = 10;
/// Codes of logins that are looked at, from one address in a window.
const CODES: u32 = 30;
/// Logins that are begun, from one address in a window.
const BEGUN: u32 = 20;
/// Questions whether a login was confirmed, from one address in a window: ten programs that ask every five seconds.
const POLLS: u32 = 120;
/// Event streams at once: each looks at the database once a second.
const STREAMS: usize = 256;
const WINDOW: Duration = Duration::from_secs(60);
/// Tokens, and addresses, that are counted at once. A map that is full is emptied: limits are then
/// less exact, memory stays bounded.
const KEYS: usize = 10_000;

/// The counts of one server. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Limits(Arc<Counts>);

struct Counts {
    streams: Arc<Semaphore>,
    requests: Mutex<Windows<ServiceTokenId>>,
    failures: Mutex<Windows<IpAddr>>,
    tries: Mutex<Windows<(Try, String)>>,
}

/// What is tried without a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Try {
    /// A password, or what came back from the OIDC provider.
    Login,
    /// The user code of a login.
    Code,
    /// A new login.
    Begin,
    /// Whether a login was confirmed.
    Poll,
}

impl Try {
    fn limit(self) -> u32 {
        match self {
            Try::Login => LOGINS,
            Try::Code => CODES,
            Try::Begin => BEGUN,
            Try::Poll => POLLS,
        }
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            streams: Arc::new(Semaphore::new(STREAMS)),
            requests: Mutex::default(),
            failures: Mutex::default(),
            tries: Mutex::default(),
        }
    }
}

/// Begin and count of the window of each key.
type Windows<K> = HashMap<K, (Instant, u32)>;

impl Limits {
    /// The right to an event stream, for as long as it is held.
    pub(crate) fn stream(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        self.0.streams.clone().try_acquire_owned().map_err(|_| {
            Refusal::new(
                Kind::Exhausted,
                format!("there are {STREAMS} event streams already"),
            )
            .hint("end some, or wait with Prefer: wait=N instead")
        })
    }

    /// Counts a request of a valid token.
    pub(crate) fn request(&self, token: ServiceTokenId, now: Instant) -> Result<(), Failure> {
        match count(&self.0.requests, token, REQUESTS, now) {
            None => Ok(()),
            Some(wait) => Err(refuse(
                format!("the token made {REQUESTS} requests within a minute"),
                "ask less often, or wait for a change with Prefer: wait=N instead of polling",
                wait,
            )),
        }
    }

    /// Counts a try from an address, and with `of` one at that thing, from anywhere.
    pub(crate) fn attempt(
        &self,
        what: Try,
        address: Option<IpAddr>,
        of: Option<&str>,
        now: Instant,
    ) -> Result<(), Failure> {
        let from = address.map_or_else(|| "-".to_owned(), |a| network(a).to_string());
        let of = of.map(|of| format!("={}", of.to_lowercase()));
        for key in [Some(from), of].into_iter().flatten() {
            if let Some(wait) = count(&self.0.tries, (what, key), what.limit(), now) {
                let text = "too many tries within a minute".to_owned();
                return Err(refuse(text, "wait a minute", wait));
            }
        }
        Ok(())
    }

    /// Counts a request whose token is not valid; `refusal` is the answer up to the limit.
    pub(crate) fn failure(
        &self,
        address: Option<IpAddr>,
        refusal: Refusal,
        now: Instant,
    ) -> Failure {
        let over = address.and_then(|a| count(&self.0.failures, network(a), FAILURES, now));
        match over {
            None => refusal.into(),
            Some(wait) => refuse(
                "too many requests with a token that is not valid came from this address".into(),
                "check the token's id and value, or create another one",
                wait,
            ),
        }
    }
}

/// Time until the window ends, when `limit` is passed.
fn count<K: Eq + Hash>(
    windows: &Mutex<Windows<K>>,
    key: K,
    limit: u32,
    now: Instant,
) -> Option<Duration> {
    let mut windows = windows.lock().unwrap_or_else(PoisonError::into_inner);
    if windows.len() >= KEYS && !windows.contains_key(&key) {
        windows.clear();
    }
    let (begin, n) = windows.entry(key).or_insert((now, 0));
    if now.duration_since(*begin) >= WINDOW {
        (*begin, *n) = (now, 0);
    }
    *n = n.saturating_add(1);
    (*n > limit).then(|| WINDOW.saturating_sub(now.duration_since(*begin)))
}

/// An IPv6 host has a whole /64 to choose its address from.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

fn refuse(public: String, hint: &str, wait: Duration) -> Failure {
    let refusal = Refusal::new(Kind::Exhausted, public)
        .code(code::RATE)
        .hint(hint);
    let seconds = wait.as_secs().saturating_add(1);
    Failure::from(refusal)
        .status(StatusCode::TOO_MANY_REQUESTS)
        .after(u32::try_from(seconds).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_that_is_over_begins_anew() {
        let limits = Limits::default();
        let start = Instant::now();
        let (busy, other) = (
            "token0000001".parse().unwrap(),
            "token0000002".parse().unwrap(),
        );
        for _ in 0..REQUESTS {
            limits.request(busy, start).unwrap();
        }
        let late = limits.request(busy, start + Duration::from_secs(18));
        assert_eq!(late.unwrap_err().retry_after(), Some(43));
        limits.request(other, start).unwrap();
        limits.request(busy, start + WINDOW).unwrap();
    }

    #[test]
    fn failures_count_by_address() {
        let limits = Limits::default();
        let now = Instant::now();
        let fail = |address: &str| {
            let refusal = Refusal::new(Kind::Unauthorized, "no");
            let address = address.parse().unwrap();
            limits.failure(Some(address), refusal, now).refusal().code
        };
        for n in 0..FAILURES {
            assert_eq!(fail(&format!("2001:db8::{n:x}")), code::UNAUTHORIZED);
        }
        assert_eq!(fail("2001:db8::1"), code::RATE);
        assert_eq!(fail("2001:db8:0:1::1"), code::UNAUTHORIZED);
        assert_eq!(fail("192.0.2.1"), code::UNAUTHORIZED);
    }

    #[test]
    fn passwords_are_tried_a_few_times_by_address_and_by_user() {
        let limits = Limits::default();
        let now = Instant::now();
        let attempt = |address: &str, email: &str, now| {
            let address = Some(address.parse().unwrap());
            limits
                .attempt(Try::Login, address, Some(email), now)
                .is_ok()
        };
        for n in 0..LOGINS {
            assert!(attempt("192.0.2.1", &format!("{n}@x"), now));
        }
        assert!(!attempt("192.0.2.1", "other@x", now));
        for n in 0..LOGINS {
            assert!(attempt(&format!("198.51.100.{n}"), "Ann@x", now));
        }
        assert!(!attempt("203.0.113.1", "ann@X", now));
        assert!(attempt("203.0.113.1", "ann@x", now + WINDOW));
    }

    #[test]
    fn memory_stays_bounded() {
        let windows = Mutex::default();
        let now = Instant::now();
        for n in 0..KEYS * 3 {
            count(&windows, n, 1, now);
        }
        assert!(windows.lock().unwrap().len() <= KEYS);
    }
}
