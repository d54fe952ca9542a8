//! From the relay's name to a conversation that can carry a mail: connected, encrypted and logged in.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use lettre::transport::smtp::authentication::DEFAULT_MECHANISMS;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::Starttls;
use lettre::transport::smtp::extension::ClientId;
use tokio::net::TcpStream;

use crate::encryption::Encryption;
use crate::idle::Conversation;
use crate::progress::Progress;
use crate::relay::{Relay, Tls};
use crate::reply::{Reply, Step};
use crate::stream::{Greeting, Introduced, Pipelining, Plain, Replies};
use crate::trouble::Trouble;

/// How long connecting to one of the relay's addresses may take.
const CONNECT: Duration = Duration::from_secs(10);

/// The codes of a relay that does not know a command.
const UNKNOWN: [u16; 2] = [500, 502];

/// A conversation that has begun.
struct Opened {
    connection: AsyncSmtpConnection,
    pipelining: Pipelining,
    /// What smswatch calls itself there.
    name: ClientId,
    /// What is below it, while nothing is encrypted.
    plain: Option<Plain>,
}

/// Connects, encrypts and logs in, as `relay` wants it.
///
/// # Errors
///
/// Something of it does not work; `progress` knows the step.
pub(crate) async fn connect(
    relay: &Relay,
    progress: &mut Progress,
) -> Result<Conversation, Trouble> {
    let addresses = tokio::net::lookup_host((relay.host.as_str(), relay.port))
        .await
        .map_err(|error| Trouble::unknown_host(relay, &error))?;
    let mut opened = Err(Trouble::new(format!(
        "the relay's name `{}` has no address",
        relay.host
    )));
    for address in addresses {
        opened = match open(relay, address, Greeting::Ehlo, progress).await {
            // It knows no extensions, and no word for them: it wants to be greeted as of old.
            Err(refused) if refused.knows_no_ehlo => {
                open(relay, address, Greeting::Helo, progress).await
            }
            opened => opened,
        }
        .map_err(|refused| refused.trouble);
        if opened.is_ok() {
            break;
        }
    }
    let opened = opened?;
    progress.step = Step::StartTls;
    progress.introduced = Introduced::default();
    let can_starttls = opened.connection.can_starttls();
    let (mut connection, pipelining) = match &relay.tls {
        Tls::Required(_) if !can_starttls => {
            return Err(Trouble::new(format!(
                "the relay {relay} offers no STARTTLS: use `smtps://` if it speaks TLS from the first byte"
            )));
        }
        Tls::Required(encryption) | Tls::Opportunistic(encryption) if can_starttls => {
            encrypt(relay, opened, encryption, progress).await?
        }
        _ => (opened.connection, opened.pipelining),
    };
    progress.step = Step::Auth;
    if let Some(credentials) = &relay.credentials {
        let offered = connection.server_info();
        if offered.get_auth_mechanism(DEFAULT_MECHANISMS).is_none() {
            return Err(no_login(relay, &connection));
        }
        let login = connection.auth(DEFAULT_MECHANISMS, credentials).await;
        login.map_err(|error| Trouble::of(relay, Step::Auth, &error))?;
    }
    Ok(Conversation::new(connection, pipelining.is_offered()))
}

/// Why a conversation did not begin.
struct NotOpened {
    trouble: Trouble,
    /// The relay does not know the command.
    knows_no_ehlo: bool,
}

impl From<Trouble> for NotOpened {
    fn from(trouble: Trouble) -> Self {
        Self {
            trouble,
            knows_no_ehlo: false,
        }
    }
}

/// Begins a conversation with the relay at `address`.
async fn open(
    relay: &Relay,
    address: SocketAddr,
    greeting: Greeting,
    progress: &mut Progress,
) -> Result<Opened, NotOpened> {
    let failed = |error: &io::Error| Trouble::of_connection(relay, Step::Connect, error);
    progress.step = Step::Connect;
    progress.introduced = Introduced::default();
    let stream = tokio::time::timeout(CONNECT, TcpStream::connect(address)).await;
    let stream = stream.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let stream = stream.map_err(|error| failed(&error))?;
    // A mail is written in two parts, and a part that waits for the other one's receipt waits for 40 ms.
    stream.set_nodelay(true).map_err(|error| failed(&error))?;
    let (replies, plain) = match &relay.tls {
        Tls::Implicit(encryption) => {
            progress.step = Step::Tls;
            let encrypted = encryption.begin(stream).await;
            let encrypted = encrypted.map_err(|error| failed(&error))?;
            (Replies::over_tls(encrypted, greeting), None)
        }
        Tls::None | Tls::Opportunistic(_) | Tls::Required(_) => {
            let plain = Plain::new(stream);
            (Replies::plain(plain.clone(), greeting), Some(plain))
        }
    };
    progress.step = Step::Greeting;
    let replies = replies.noting(&progress.introduced);
    let (name, pipelining) = (relay.introduction(address), replies.pipelining());
    let connection = AsyncSmtpConnection::connect_with_transport(Box::new(replies), &name).await;
    let connection = connection.map_err(|error| NotOpened {
        trouble: Trouble::of(relay, progress.reached(), &error),
        knows_no_ehlo: Reply::of(&error).is_some_and(|reply| UNKNOWN.contains(&reply.code)),
    })?;
    Ok(Opened {
        connection,
        pipelining,
        name,
        plain,
    })
}

/// Goes on over TLS. Whatever the relay said before that is forgotten.
async fn encrypt(
    relay: &Relay,
    opened: Opened,
    encryption: &Encryption,
    progress: &Progress,
) -> Result<(AsyncSmtpConnection, Pipelining), Trouble> {
    let Opened {
        mut connection,
        pipelining: _,
        name,
        plain,
    } = opened;
    let answer = connection.command(Starttls).await;
    answer.map_err(|error| Trouble::of(relay, Step::StartTls, &error))?;
    drop(connection);
    let stream = plain.and_then(Plain::into_inner);
    let stream =
        stream.expect("it is plain until now, and the conversation that shared it is over");
    let encrypted = encryption.begin(stream).await;
    let encrypted =
        encrypted.map_err(|error| Trouble::of_connection(relay, Step::StartTls, &error))?;
    let replies = Replies::after_starttls(encrypted).noting(&progress.introduced);
    // What it offered without encryption may have been changed on the way.
    let pipelining = replies.pipelining();
    let connection = AsyncSmtpConnection::connect_with_transport(Box::new(replies), &name).await;
    let connection = connection.map_err(|error| Trouble::of(relay, progress.reached(), &error))?;
    Ok((connection, pipelining))
}

/// Why there is no login although one is configured.
fn no_login(relay: &Relay, connection: &AsyncSmtpConnection) -> Trouble {
    Trouble::new(if connection.can_starttls() {
        format!(
            "the relay {relay} takes a login only after STARTTLS: add `?tls=required` to `smtp`"
        )
    } else {
        format!(
            "the relay {relay} offers no login by PLAIN or LOGIN: leave out the user and the password if it needs none"
        )
    })
}
