//! Both logins of a connection: the local client's here, and in its place ours at the gateway.

use crate::tunnel::Tunnel;
use crate::tunnel::door::Entry;
use crate::tunnel::upstream::{Gateway, OpenError, Opened, Stream, read_packet};
use offshoot_api_types::Password;
use offshoot_wire::auth::{Nonce, Plugin};
use offshoot_wire::greeting::Greeting;
use offshoot_wire::login::Login;
use offshoot_wire::switch::{self, AuthSwitch};
use offshoot_wire::{Malformed, capability as cap, error, packet, reply};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// A local client logs in in this time, less than what the gateway grants us meanwhile.
const CLIENT_WAIT: Duration = Duration::from_secs(8);
/// The gateway answers a login in this time: it may have to wake the branch, and others to make room.
const GATEWAY_WAIT: Duration = Duration::from_secs(150);
/// What ends at the door: no TLS on the way to a local client, no compression within a machine.
const NOT_OFFERED: u32 = cap::SSL | cap::SSL_VERIFY_SERVER_CERT | cap::COMPRESS | cap::ZSTD;

/// A connection that came to nothing, in words for the user of this program.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) String);

/// A local client, let in.
struct Guest {
    login: Login,
    /// Of the next packet to the client.
    sequence: u8,
    /// It waits to hear that its scramble was right.
    confirm: bool,
}

/// Logs the client in. Returns the gateway's end, after whose OK both speak; `None`: the client
/// went, or was told what is wrong.
pub(crate) async fn introduce(
    client: &mut TcpStream,
    tunnel: &Tunnel,
    gateway: &Gateway,
    entry: &Entry,
) -> Result<Option<Stream>, Refused> {
    let opened = match gateway.open().await {
        Ok(opened) => opened,
        Err(why) => {
            let text = format!("the gateway at {} does not let us in: {why}", gateway.at());
            let early = match why {
                OpenError::Refused(err) => err,
                _ => reply::Err::new(error::UNKNOWN, text.clone()),
            };
            let bytes = packet::packet(0, |out| early.encode_early(out));
            let _ = client.write_all(&bytes).await;
            return Err(Refused(text));
        }
    };
    let received =
        tokio::time::timeout(CLIENT_WAIT, receive(client, &opened.greeting, entry)).await;
    let Ok(Ok(Some(guest))) = received else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    let entered = tokio::time::timeout(GATEWAY_WAIT, enter(opened, tunnel, gateway, &guest.login));
    let (answer, stream) = match entered.await {
        Ok(Ok((ok, stream))) => {
            let mut sequence = guest.sequence;
            if guest.confirm {
                packet::put(&mut bytes, sequence, |out| {
                    switch::encode_more(&[switch::FAST_AUTH_OK], out);
                });
                sequence = sequence.wrapping_add(1);
            }
            packet::put(&mut bytes, sequence, |out| out.extend_from_slice(&ok));
            (Ok(()), Some(stream))
        }
        Ok(Err(OpenError::Refused(err))) => {
            packet::put(&mut bytes, guest.sequence, |out| err.encode(out));
            (Err(Refused(err.message)), None)
        }
        Ok(Err(why)) => (Err(Refused(why.to_string())), None),
        Err(_) => (
            Err(Refused("the gateway did not answer in time".into())),
            None,
        ),
    };
    if let (Err(Refused(text)), true) = (&answer, bytes.is_empty()) {
        let err = reply::Err::new(error::UNKNOWN, text.clone());
        packet::put(&mut bytes, guest.sequence, |out| err.encode(out));
    }
    let written = client.write_all(&bytes).await;
    answer?;
    Ok(written.ok().and(stream))
}

/// Greets the client with the gateway's own greeting and reads its login. `None`: it did not know
/// the secret, and was told.
async fn receive(
    client: &mut TcpStream,
    gateway: &Greeting,
    entry: &Entry,
) -> Result<Option<Guest>, OpenError> {
    let offered = entry
        .plugin
        .or_else(|| Plugin::of_name(&gateway.plugin))
        .unwrap_or(Plugin::CachingSha2);
    let greeting = Greeting {
        capabilities: gateway.capabilities & !NOT_OFFERED,
        plugin: offered.name().into(),
        ..gateway.clone()
    };
    let bytes = packet::packet(0, |out| greeting.encode(out));
    client.write_all(&bytes).await?;
    let (sequence, payload) = read_packet(client).await?;
    let mut sequence = sequence.wrapping_add(1);
    let mut login = Login::parse(&payload)?;
    login.capabilities &= greeting.capabilities;
    login.extended &= greeting.extended;
    let named = login.plugin.as_deref().and_then(Plugin::of_name);
    let mut plugin = named.unwrap_or(offered);
    if let Some(secret) = &entry.secret {
        if login.response.len() != plugin.response_length() {
            plugin = named.unwrap_or(Plugin::Native);
            (sequence, login.response) = again(client, plugin, gateway.nonce, sequence).await?;
        }
        if login.response != plugin.scramble(secret.as_bytes(), &gateway.nonce) {
            let text = "Access denied: this port belongs to another command";
            let err = reply::Err::new(error::ACCESS_DENIED, text);
            let bytes = packet::packet(sequence, |out| err.encode(out));
            client.write_all(&bytes).await?;
            return Ok(None);
        }
    }
    let confirm = plugin == Plugin::CachingSha2 && login.response.len() == plugin.response_length();
    Ok(Some(Guest {
        login,
        sequence,
        confirm,
    }))
}

/// Asks for the proof with another plugin.
async fn again(
    client: &mut TcpStream,
    plugin: Plugin,
    nonce: Nonce,
    sequence: u8,
) -> Result<(u8, Vec<u8>), OpenError> {
    let asked = AuthSwitch {
        plugin: plugin.name().into(),
        nonce,
    };
    let bytes = packet::packet(sequence, |out| asked.encode(out));
    client.write_all(&bytes).await?;
    let (sequence, response) = read_packet(client).await?;
    Ok((sequence.wrapping_add(1), response))
}

/// Logs in at the gateway as the client would, with our password; once more when that was renewed
/// meanwhile. Returns the payload of the OK.
async fn enter(
    opened: Opened,
    tunnel: &Tunnel,
    gateway: &Gateway,
    wanted: &Login,
) -> Result<(Vec<u8>, Stream), OpenError> {
    let password = tunnel.password();
    match log_in(opened, gateway, wanted, &password).await {
        Err(OpenError::Refused(err)) if err.code == error::ACCESS_DENIED => {
            let now = tunnel.password();
            if now.plain_text == password.plain_text {
                return Err(OpenError::Refused(err));
            }
            log_in(gateway.open().await?, gateway, wanted, &now).await
        }
        entered => entered,
    }
}

/// A session of this program's own, logged in.
pub(crate) async fn speaker(
    tunnel: &Tunnel,
    gateway: &Gateway,
    wanted: &Login,
) -> Result<Stream, OpenError> {
    let opened = gateway.open().await?;
    match tokio::time::timeout(GATEWAY_WAIT, enter(opened, tunnel, gateway, wanted)).await {
        Ok(entered) => entered.map(|(_, stream)| stream),
        Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
    }
}

async fn log_in(
    opened: Opened,
    gateway: &Gateway,
    wanted: &Login,
    password: &Password,
) -> Result<(Vec<u8>, Stream), OpenError> {
    /// Login, switch, OK: the gateway needs no more rounds.
    const MAX_ROUNDS: usize = 4;
    let Opened {
        mut stream,
        greeting,
        sequence,
    } = opened;
    let secret = password
        .plain_text
        .as_deref()
        .unwrap_or_default()
        .as_bytes();
    let plugin = Plugin::of_name(&greeting.plugin).unwrap_or(Plugin::CachingSha2);
    let response = plugin.scramble(secret, &greeting.nonce);
    let login = ours(
        wanted,
        &greeting,
        gateway.is_tls(),
        password,
        plugin,
        response,
    );
    let mut bytes = packet::packet(sequence, |out| login.encode(out));
    for _ in 0..MAX_ROUNDS {
        stream.write_all(&bytes).await?;
        stream.flush().await?;
        let (mut sequence, mut payload) = read_packet(&mut stream).await?;
        if payload == [switch::MORE, switch::FAST_AUTH_OK] {
            (sequence, payload) = read_packet(&mut stream).await?;
        }
        let answer = match payload.first() {
            Some(&reply::OK) => return Ok((payload, stream)),
            Some(&reply::ERR) => return Err(OpenError::Refused(reply::Err::parse(&payload)?)),
            Some(&switch::SWITCH) => {
                let asked = AuthSwitch::parse(&payload)?;
                let plugin = Plugin::of_name(&asked.plugin).ok_or(Malformed(
                    "an authentication plugin that gateways do not use",
                ))?;
                plugin.scramble(secret, &asked.nonce)
            }
            _ => return Err(Malformed("authentication").into()),
        };
        bytes = packet::packet(sequence.wrapping_add(1), |out| {
            out.extend_from_slice(&answer)
        });
    }
    Err(Malformed("authentication without end").into())
}

/// The client's login with our name and proof. What shapes later packets stays the client's choice.
fn ours(
    wanted: &Login,
    greeting: &Greeting,
    tls: bool,
    password: &Password,
    plugin: Plugin,
    response: Vec<u8>,
) -> Login {
    let mut capabilities = wanted.capabilities
        | cap::PLUGIN_AUTH
        | cap::SECURE_CONNECTION
        | cap::PLUGIN_AUTH_LENENC
        | cap::CONNECT_WITH_DB;
    capabilities &= greeting.capabilities;
    // MariaDB's further flags count where this one is unset: the client's choice, not an offer.
    capabilities |= wanted.capabilities & cap::LONG_PASSWORD;
    if tls {
        capabilities |= cap::SSL;
    }
    // Who names no schema gets the database's own.
    let schema = wanted.schema.clone();
    Login {
        capabilities,
        extended: wanted.extended,
        max_packet: wanted.max_packet,
        charset: wanted.charset,
        username: password.connection.username.clone().into_bytes(),
        response,
        schema: schema.or_else(|| Some(password.connection.database.clone().into_bytes())),
        plugin: Some(plugin.name().into()),
        attributes: wanted.attributes.clone(),
        zstd_level: None,
    }
}
