//! The HTTP data API: branches over HTTPS, for `@planetscale/database` and for `pscale connect`.
//!
//! The service `psdb.v1alpha1.Database` of Connect, in JSON and protobuf. A call proves its branch
//! password (Basic authentication) as a login at the gateway does; its statement runs on a line,
//! which is a client of the gateway within this process. So everything that is decided about a
//! session is decided there. What is added here: messages and their packing, which line a session
//! has, and the few statements that mean Vitess itself.

mod bind;
mod encoder;
mod execute;
mod handle;
mod kinds;
mod line;
#[expect(unreachable_pub, reason = "generated")]
mod messages;
mod prepare;
mod reply;
mod request;
mod s2;
mod seats;
mod session;
mod statement;

use crate::listen::Shared;
use crate::login::{LoginError, Place, Proof, answer_to, draw_nonce, prove};
use bytes::Bytes;
use encoder::{Form, json_session, message, proto_session};
use handle::Handle;
use http::{Request, Response, StatusCode};
use http_body::Body;
use metrics::counter;
use offshoot_core::password::Role;
use offshoot_core::refusal::code;
use offshoot_wire::auth::Plugin;
use offshoot_wire::{error, reply as packet};
use prost::Message as _;
use reply::{Failed, Reason};
use request::{Call, Method, Shape};
use session::{Guest, Inner};
use std::net::IpAddr;
use std::sync::Arc;

pub use reply::DataBody;

/// First part of the paths of all calls, without slashes. The name of the method is the second.
pub const SERVICE: &str = "psdb.v1alpha1.Database";

/// The HTTP data API of a gateway. Cheap to clone.
#[derive(Clone)]
pub struct DataApi {
    inner: Arc<Inner>,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    pub address: IpAddr,
    /// It came without TLS from another machine, where the server demands TLS.
    pub unprotected: bool,
}

impl DataApi {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            inner: Arc::new(Inner::new(shared)),
        }
    }

    /// Answers a request to `/psdb.v1alpha1.Database/METHOD`. Every error is an answer; long
    /// results come as they are read.
    pub async fn serve<B>(&self, request: Request<B>, caller: Caller) -> Response<DataBody>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let name = request.uri().path().rsplit('/').next().unwrap_or_default();
        let method = Method::ALL.into_iter().find(|m| m.name() == name);
        let mut response = self.answer(method, request, caller).await;
        reply::open_to_pages(&mut response);
        let method = method.map_or("-", Method::name);
        let status = response.status().as_str().to_owned();
        counter!("offshoot_data_api_requests_total", "method" => method, "status" => status)
            .increment(1);
        response
    }

    async fn answer<B>(
        &self,
        method: Option<Method>,
        request: Request<B>,
        caller: Caller,
    ) -> Response<DataBody>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if request.method() == http::Method::OPTIONS {
            return reply::preflight();
        }
        let Some(method) = method else {
            let text = format!("{SERVICE} has no such method");
            return Failed::new(Reason::Unimplemented, text).response();
        };
        if request.method() != http::Method::POST {
            let text = format!("{} is called with POST", method.name());
            return Failed::new(Reason::Method, text).response();
        }
        let shape = match Shape::of(method, request.headers()) {
            Ok(shape) => shape,
            Err(failed) => return failed.response(),
        };
        match self.call(method, shape, request, caller).await {
            Ok(response) => response,
            Err(failed) if shape.stream => failed.streamed(shape.content()),
            Err(failed) => failed.response(),
        }
    }

    async fn call<B>(
        &self,
        method: Method,
        shape: Shape,
        request: Request<B>,
        caller: Caller,
    ) -> Result<Response<DataBody>, Failed>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        // Nothing of the body is read before it is known who sends it.
        let guest = self.guest(&head.headers, caller).await?;
        let message = request::message(shape, &head.headers, body).await?;
        let call = Call::read(method, shape.form, message)?;
        match method {
            Method::Execute | Method::StreamExecute => {
                execute::execute(Arc::clone(&self.inner), guest, call, shape).await
            }
            Method::Prepare => prepare::prepare(&self.inner, &guest, &call, shape).await,
            Method::CreateSession => Ok(self.create_session(&guest, shape)),
            Method::CloseSession => self.close_session(&guest, &call, shape),
        }
    }

    /// Who calls, proved as at a login.
    async fn guest(&self, headers: &http::HeaderMap, caller: Caller) -> Result<Guest, Failed> {
        if caller.unprotected {
            let text = format!(
                "plain HTTP is served to this machine only; use https:// on the same port ({})",
                code::PLAIN_HTTP
            );
            return Err(Failed::new(Reason::PermissionDenied, text));
        }
        let Some((username, secret)) = request::credentials(headers) else {
            let text = "username and secret of a branch password are needed (Basic authentication)";
            return Err(Failed::new(Reason::Unauthenticated, text));
        };
        let shared = &self.inner.shared;
        let address = caller.address.to_canonical();
        let nonce = draw_nonce(shared);
        let plugin = Plugin::CachingSha2;
        let proof = Proof {
            username: username.as_bytes(),
            response: &plugin.scramble(secret.as_bytes(), &nonce),
            plugin,
            nonce: &nonce,
            place: Place::Listener(None),
        };
        match prove(shared, proof, address).await {
            Ok(credential) => {
                shared.routes.used(credential.password, shared.clock.now());
                Ok(Guest {
                    username,
                    credential,
                    address,
                })
            }
            Err(failure) => Err(refused(&failure)),
        }
    }

    /// A session begins with its first statement; this proves the credential alone, and wakes
    /// nobody.
    fn create_session(&self, guest: &Guest, shape: Shape) -> Response<DataBody> {
        let view = self.inner.view(guest, Handle::default());
        let branch = guest.credential.branch.to_string();
        let body = match shape.form {
            Form::Proto => messages::CreateSessionResponse {
                branch,
                user: Some(messages::User {
                    username: guest.username.clone(),
                    psid: guest.credential.password.to_string(),
                    role: role(guest.credential.role) as i32,
                }),
                session: Some(proto_session(&view)),
            }
            .encode_to_vec(),
            Form::Json => {
                let user = serde_json::json!({
                    "username": guest.username,
                    "psid": guest.credential.password.to_string(),
                    "role": role(guest.credential.role).as_str_name(),
                });
                let mut out = format!("{{\"branch\":\"{branch}\",\"user\":{user},\"session\":");
                let mut session = Vec::new();
                json_session(&view, &mut session);
                out.push_str(&String::from_utf8_lossy(&session));
                out.push('}');
                out.into_bytes()
            }
        };
        reply::answer(StatusCode::OK, shape.content(), body.into())
    }

    fn close_session(
        &self,
        guest: &Guest,
        call: &Call,
        shape: Shape,
    ) -> Result<Response<DataBody>, Failed> {
        let handle = match self.inner.enter(guest, &call.session, b"ROLLBACK") {
            None => return Err(foreign()),
            Some(session::Entered::Good(handle)) => handle,
            Some(_) => Handle::default(),
        };
        self.inner.seats.end(handle.key, guest.credential.password);
        let body = match shape.form {
            Form::Json => b"{}".to_vec(),
            Form::Proto => messages::CloseSessionResponse::default().encode_to_vec(),
        };
        Ok(reply::answer(StatusCode::OK, shape.content(), body.into()))
    }
}

fn role(role: Role) -> messages::Role {
    match role {
        Role::Reader => messages::Role::Reader,
        Role::Writer => messages::Role::Writer,
        Role::Readwriter => messages::Role::Readwriter,
        Role::Admin => messages::Role::Admin,
    }
}

/// A handle that this server did not make for this credential.
fn foreign() -> Failed {
    let text = "the session was not made for this password; leave it away to begin a new one";
    Failed::new(Reason::PermissionDenied, text)
}

fn refused(failure: &LoginError) -> Failed {
    let unknown = || packet::Err::new(error::UNKNOWN, "the password could not be looked up");
    let err = answer_to(failure).unwrap_or_else(unknown);
    let reason = match err.code {
        error::ACCESS_DENIED => Reason::Unauthenticated,
        _ => Reason::Unavailable,
    };
    Failed::new(reason, message(&err))
}
