//! From a new connection to a proved credential: PROXY header, greeting, TLS, login.

use crate::client::ClientStream;
use crate::listen::Shared;
use crate::options::{GatewayOptions, RequireTls};
use offshoot_core::engine::{EngineKind, EngineRef};
use offshoot_core::id::BranchId;
use offshoot_core::port::{AuthFailure, Credential};
use offshoot_wire::auth::{self, NONCE, Nonce, Plugin};
use offshoot_wire::greeting::Greeting;
use offshoot_wire::login::{Login, MAX_LOGIN};
use offshoot_wire::packet::{self, Header};
use offshoot_wire::switch::AuthSwitch;
use offshoot_wire::{Malformed, capability as cap, error, proxy, reply};
use std::io;
use std::net::IpAddr;
use std::sync::PoisonError;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// `utf8mb4_general_ci`, which every client and both engines know.
const CHARSET: u8 = 45;
/// Characters of a username that an error repeats.
const SHOWN_USERNAME: usize = 80;

/// A client whose secret is proved, waiting for its OK.
pub(crate) struct Guest {
    pub(crate) client: ClientStream,
    pub(crate) id: u32,
    pub(crate) login: Login,
    pub(crate) credential: Credential,
    pub(crate) address: IpAddr,
    pub(crate) nonce: Nonce,
    /// Sequence number of the next packet to the client.
    pub(crate) sequence: u8,
    /// The client expects to hear that its scramble was right before the OK.
    pub(crate) confirm: bool,
}

/// How a login ends other than well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    #[error("the client is gone: {0}")]
    Gone(#[from] io::Error),
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("a packet of {0} bytes")]
    TooLarge(usize),
    #[error("packets out of order")]
    OutOfOrder,
    #[error("refused: {}", .0.message)]
    Refused(reply::Err),
}

/// Receives a client. `None`: it was turned away, or went.
pub(crate) async fn receive(
    shared: &Shared,
    bound: Option<EngineRef>,
    mut client: ClientStream,
    peer: IpAddr,
) -> Option<Guest> {
    let mut talk = Talk {
        client: &mut client,
        sequence: 0,
    };
    let limit = shared.options.handshake_timeout;
    let received = tokio::time::timeout(limit, handshake(shared, bound, &mut talk, peer)).await;
    let sequence = talk.sequence;
    let Ok(received) = received else {
        shared.meters.auth_failure("handshake timeout");
        tracing::info!(client = %peer, "a client did not log in in time");
        return None;
    };
    match received {
        Ok(proved) => Some(Guest {
            client,
            id: proved.id,
            login: proved.login,
            credential: proved.credential,
            address: proved.address,
            nonce: proved.nonce,
            sequence,
            confirm: proved.confirm,
        }),
        Err(failure) => {
            if let Some(err) = answer_to(&failure) {
                tracing::info!(client = %peer, %failure, "a client was turned away");
                let bytes = packet::packet(sequence, |out| err.encode(out));
                let _ = tokio::time::timeout(limit, last_word(&mut client, &bytes)).await;
            }
            None
        }
    }
}

/// Sends, and says that nothing follows.
pub(crate) async fn last_word(client: &mut ClientStream, bytes: &[u8]) -> io::Result<()> {
    client.write_all(bytes).await?;
    client.shutdown().await
}

struct Proved {
    id: u32,
    login: Login,
    credential: Credential,
    address: IpAddr,
    nonce: Nonce,
    confirm: bool,
}

/// Packets to and from a client, in order.
pub(crate) struct Talk<'a> {
    pub(crate) client: &'a mut ClientStream,
    /// Of the next packet, whoever sends it.
    pub(crate) sequence: u8,
}

impl Talk<'_> {
    async fn receive(&mut self) -> Result<Vec<u8>, LoginError> {
        let mut header = [0; packet::HEADER];
        self.client.read_exact(&mut header).await?;
        let header = Header::read(&header).ok_or(Malformed("header"))?;
        let expected = self.sequence;
        self.sequence = header.sequence.wrapping_add(1);
        if header.length > MAX_LOGIN {
            return Err(LoginError::TooLarge(header.length));
        }
        if header.sequence != expected {
            return Err(LoginError::OutOfOrder);
        }
        let mut payload = vec![0; header.length];
        self.client.read_exact(&mut payload).await?;
        Ok(payload)
    }

    async fn send(&mut self, fill: impl FnOnce(&mut Vec<u8>)) -> Result<(), LoginError> {
        let bytes = packet::packet(self.sequence, fill);
        self.sequence = self.sequence.wrapping_add(1);
        self.client.write_all(&bytes).await?;
        self.client.flush().await?;
        Ok(())
    }

    /// Asks for the proof again, with another plugin or a new nonce.
    pub(crate) async fn switch(
        &mut self,
        plugin: Plugin,
        nonce: Nonce,
    ) -> Result<Vec<u8>, LoginError> {
        let switch = AuthSwitch {
            plugin: plugin.name().as_bytes().to_vec(),
            nonce,
        };
        self.send(|out| switch.encode(out)).await?;
        self.receive().await
    }
}

async fn handshake(
    shared: &Shared,
    bound: Option<EngineRef>,
    talk: &mut Talk<'_>,
    peer: IpAddr,
) -> Result<Proved, LoginError> {
    let trusted = |net: &ipnet::IpNet| net.contains(&peer.to_canonical());
    let address = if shared.options.proxies.iter().any(trusted) {
        proxied(talk.client).await?.unwrap_or(peer)
    } else {
        peer
    }
    .to_canonical();
    let id = shared.registry.draw_id();
    let nonce = draw_nonce(shared);
    let greeting = greeting(&shared.options, bound, id, nonce, shared.tls.is_some());
    talk.send(|out| greeting.encode(out)).await?;
    let mut payload = talk.receive().await?;
    if let (Some(acceptor), true) = (&shared.tls, Login::parse_ssl_request(&payload).is_some()) {
        talk.client.start_tls(acceptor).await?;
        payload = talk.receive().await?;
    }
    let mut login = Login::parse(&payload)?;
    drop(payload);
    // What was not offered does not count.
    login.capabilities &= greeting.capabilities | cap::SSL | cap::SSL_VERIFY_SERVER_CERT;
    login.extended &= greeting.extended;
    demand_tls(shared, talk.client.is_tls(), address)?;
    let offered = Plugin::of_name(&greeting.plugin).unwrap_or(Plugin::Native);
    let (plugin, proof_nonce) = match choose(&login, offered) {
        Choice::Given(plugin) => (plugin, nonce),
        Choice::Switch(plugin) => {
            let fresh = draw_nonce(shared);
            login.response = talk.switch(plugin, fresh).await?;
            (plugin, fresh)
        }
    };
    let proof = Proof {
        username: &login.username,
        response: &login.response,
        plugin,
        nonce: &proof_nonce,
        place: Place::Listener(bound.map(|e| e.kind)),
    };
    let credential = prove(shared, proof, address).await?;
    Ok(Proved {
        id,
        login,
        credential,
        address,
        nonce: proof_nonce,
        confirm: plugin == Plugin::CachingSha2,
    })
}

/// Reads the PROXY header, not a byte more.
async fn proxied(client: &mut ClientStream) -> Result<Option<IpAddr>, LoginError> {
    /// No header is shorter.
    const SHORTEST: usize = 15;
    let mut bytes = vec![0; SHORTEST];
    client.read_exact(&mut bytes).await?;
    loop {
        if let Some(header) = proxy::parse(&bytes)? {
            return Ok(header.client);
        }
        if bytes.len() >= proxy::MAX_HEADER {
            return Err(Malformed("PROXY header").into());
        }
        bytes.push(client.read_u8().await?);
    }
}

pub(crate) fn draw_nonce(shared: &Shared) -> Nonce {
    let mut random = [0; NONCE];
    shared.ids.fill(&mut random);
    auth::nonce(random)
}

fn greeting(
    options: &GatewayOptions,
    bound: Option<EngineRef>,
    id: u32,
    nonce: Nonce,
    tls: bool,
) -> Greeting {
    let engine = bound.unwrap_or(options.default_engine);
    let only = |kind| match bound {
        Some(engine) => engine.kind == kind,
        None => options.engines.iter().all(|k| *k == kind),
    };
    let mut capabilities = cap::SHARED | cap::COMPRESS;
    let mut extended = 0;
    if tls {
        capabilities |= cap::SSL;
    }
    if only(EngineKind::Mysql) {
        capabilities |= cap::MYSQL_ONLY;
    }
    if bound.is_some() && only(EngineKind::Mariadb) {
        capabilities &= !cap::LONG_PASSWORD;
        extended = cap::mariadb::ALL;
    }
    Greeting {
        version: version(engine).into_bytes(),
        connection_id: id,
        nonce,
        capabilities,
        extended,
        charset: CHARSET,
        status: reply::AUTOCOMMIT,
        plugin: plugin_of(engine.kind).name().into(),
    }
}

/// MariaDB up to version 10 says `5.5.5-` first, which clients take away; newer ones do not.
fn version(engine: EngineRef) -> String {
    match engine.kind {
        EngineKind::Mysql => engine.version.to_string(),
        EngineKind::Mariadb if engine.version.major <= 10 => {
            format!("5.5.5-{}-MariaDB", engine.version)
        }
        EngineKind::Mariadb => format!("{}-MariaDB", engine.version),
    }
}

fn plugin_of(kind: EngineKind) -> Plugin {
    match kind {
        EngineKind::Mysql => Plugin::CachingSha2,
        EngineKind::Mariadb => Plugin::Native,
    }
}

fn demand_tls(shared: &Shared, tls: bool, address: IpAddr) -> Result<(), LoginError> {
    let demanded = match shared.options.require_tls {
        RequireTls::Never => false,
        RequireTls::Remote => !address.is_loopback(),
        RequireTls::Always => true,
    };
    if tls || !demanded {
        return Ok(());
    }
    shared.meters.auth_failure("no TLS");
    Err(LoginError::Refused(reply::Err::new(
        error::SECURE_TRANSPORT_REQUIRED,
        "Connections using insecure transport are prohibited; connect with TLS \
         (--ssl-mode=REQUIRED)",
    )))
}

enum Choice {
    /// The proof that came with the login counts.
    Given(Plugin),
    Switch(Plugin),
}

/// Which plugin proves the secret: the client's own where it is one of the two.
fn choose(login: &Login, offered: Plugin) -> Choice {
    if login.capabilities & cap::PLUGIN_AUTH == 0 {
        return Choice::Given(Plugin::Native);
    }
    let named = login.plugin.as_deref().unwrap_or_default();
    match Plugin::of_name(named) {
        Some(plugin) if plugin == offered => Choice::Given(plugin),
        Some(plugin) if login.response.len() == plugin.response_length() => Choice::Given(plugin),
        Some(plugin) => Choice::Switch(plugin),
        // MySQL's other plugins come with clients that know caching_sha2_password.
        None if matches!(named, b"sha256_password" | b"mysql_clear_password") => {
            Choice::Switch(Plugin::CachingSha2)
        }
        None => Choice::Switch(Plugin::Native),
    }
}

/// What a client says to prove who it is.
pub(crate) struct Proof<'a> {
    pub(crate) username: &'a [u8],
    pub(crate) response: &'a [u8],
    pub(crate) plugin: Plugin,
    pub(crate) nonce: &'a Nonce,
    pub(crate) place: Place,
}

/// Where a credential is used; it may be right and yet not lead in here.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// A listener, and the engine it is bound to.
    Listener(Option<EngineKind>),
    /// A session of this branch.
    Session(BranchId),
}

impl Place {
    fn refuses(self, credential: &Credential) -> Option<AuthFailure> {
        match self {
            Place::Listener(Some(kind)) if kind != credential.engine.kind => {
                Some(AuthFailure::WrongEngine)
            }
            Place::Session(branch) if branch != credential.branch => Some(AuthFailure::OtherBranch),
            _ => None,
        }
    }
}

/// Proves a secret. Whatever is wrong, the client gets the same packet after the same work.
pub(crate) async fn prove(
    shared: &Shared,
    proof: Proof<'_>,
    address: IpAddr,
) -> Result<Credential, LoginError> {
    let delay = {
        let throttle = shared.throttle.lock();
        let throttle = throttle.unwrap_or_else(PoisonError::into_inner);
        throttle.delay(address, Instant::now())
    };
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    let username = String::from_utf8_lossy(proof.username);
    let found = shared.routes.credential(&username).await.map_err(|e| {
        tracing::error!(error = ?e.refusal, "a credential could not be looked up");
        LoginError::Refused(reply::Err::new(error::UNKNOWN, e.refusal.to_string()))
    })?;
    let verifier = found.as_ref().map_or(&shared.nobody, |c| &c.verifier);
    let right = proof.plugin.verify(proof.response, proof.nonce, verifier);
    let why = match &found {
        None => AuthFailure::UnknownUser,
        Some(_) if !right => AuthFailure::WrongSecret,
        Some(c) if c.expires_at.is_some_and(|at| at <= shared.clock.now()) => AuthFailure::Expired,
        Some(c) if !c.allows(address) => AuthFailure::AddressNotAllowed,
        Some(c) => match proof.place.refuses(c) {
            Some(why) => why,
            None => return Ok(c.clone()),
        },
    };
    shared.meters.auth_failure(why.as_str());
    {
        let throttle = shared.throttle.lock();
        let mut throttle = throttle.unwrap_or_else(PoisonError::into_inner);
        throttle.failed(address, Instant::now());
    }
    let password = found.map(|c| c.password);
    let shown: String = username.chars().take(SHOWN_USERNAME).collect();
    tracing::info!(username = %shown, client = %address, reason = why.as_str(), "access denied");
    shared.routes.refused(password, &username, address, why);
    let used = !proof.response.is_empty();
    Err(LoginError::Refused(access_denied(
        proof.username,
        address,
        used,
    )))
}

pub(crate) fn access_denied(username: &[u8], address: IpAddr, used: bool) -> reply::Err {
    let username = String::from_utf8_lossy(username);
    let username: String = username.chars().take(SHOWN_USERNAME).collect();
    let used = if used { "YES" } else { "NO" };
    let text = format!("Access denied for user '{username}'@'{address}' (using password: {used})");
    reply::Err::new(error::ACCESS_DENIED, text)
}

/// What the client hears of a failure; nothing when it is gone.
pub(crate) fn answer_to(failure: &LoginError) -> Option<reply::Err> {
    match failure {
        LoginError::Gone(_) => None,
        LoginError::Malformed(_) => Some(reply::Err::new(error::BAD_HANDSHAKE, "Bad handshake")),
        LoginError::OutOfOrder => Some(reply::Err::new(
            error::PACKETS_OUT_OF_ORDER,
            "Got packets out of order",
        )),
        LoginError::TooLarge(_) => Some(reply::Err::new(
            error::PACKET_TOO_LARGE,
            format!("A login packet may have {MAX_LOGIN} bytes at most"),
        )),
        LoginError::Refused(err) => Some(err.clone()),
    }
}
