//! A SOCKS5 proxy on loopback that knows names which nobody else knows, and keeps what it was asked for.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

const VERSION: u8 = 5;
const WITHOUT_LOGIN: u8 = 0;
const WITH_PASSWORD: u8 = 2;
const NO_ACCEPTABLE_WAY: u8 = 0xff;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;
const SUCCEEDED: u8 = 0;
const UNREACHABLE: u8 = 4;

/// A proxy that speaks SOCKS5 (RFC 1928), gone with its connections when it is dropped.
#[derive(Debug)]
pub struct SocksProxy {
    address: SocketAddr,
    rules: Arc<Rules>,
    server: AbortHandle,
}

#[derive(Debug)]
struct Rules {
    /// Where names lead that only this proxy knows.
    names: BTreeMap<String, SocketAddr>,
    /// User and password that it wants, as RFC 1929 has it.
    login: Option<(String, String)>,
    asked_for: Mutex<Vec<String>>,
}

impl SocksProxy {
    /// Starts one that knows these names, on whichever port they are asked for. Addresses lead to where
    /// they lead.
    ///
    /// # Errors
    ///
    /// No port of loopback is free.
    pub async fn start<const N: usize>(names: [(&str, SocketAddr); N]) -> io::Result<Self> {
        Self::run(names, None).await
    }

    /// The same, for those who have this login only.
    ///
    /// # Errors
    ///
    /// No port of loopback is free.
    pub async fn start_with_login<const N: usize>(
        names: [(&str, SocketAddr); N],
        user: &str,
        password: &str,
    ) -> io::Result<Self> {
        Self::run(names, Some((user.to_owned(), password.to_owned()))).await
    }

    async fn run<const N: usize>(
        names: [(&str, SocketAddr); N],
        login: Option<(String, String)>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let rules = Arc::new(Rules {
            names: names
                .map(|(name, address)| (name.to_owned(), address))
                .into(),
            login,
            asked_for: Mutex::default(),
        });
        let serving = serve(listener, Arc::clone(&rules));
        Ok(Self {
            address,
            rules,
            server: tokio::spawn(serving).abort_handle(),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it was asked for so far, as `HOST:PORT`, in order.
    #[must_use]
    pub fn asked_for(&self) -> Vec<String> {
        let asked_for = self.rules.asked_for.lock();
        asked_for.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Rules {
    fn note(&self, target: String) {
        let asked_for = self.asked_for.lock();
        asked_for
            .unwrap_or_else(PoisonError::into_inner)
            .push(target);
    }
}

impl Drop for SocksProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, rules: Arc<Rules>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let rules = Arc::clone(&rules);
        connections.spawn(async move {
            // A connection that breaks off is the client's to explain.
            let _ended = pass_on(client, &rules).await;
        });
    }
}

async fn pass_on(mut client: TcpStream, rules: &Rules) -> io::Result<()> {
    if !greet(&mut client, rules).await? {
        return Ok(());
    }
    let [_version, command, _reserved, kind] = read(&mut client).await?;
    let (host, address) = match kind {
        IPV4 => {
            let address = IpAddr::from(Ipv4Addr::from(read::<4>(&mut client).await?));
            (address.to_string(), Some(address))
        }
        IPV6 => {
            let address = IpAddr::from(Ipv6Addr::from(read::<16>(&mut client).await?));
            (address.to_string(), Some(address))
        }
        NAME => (text(&mut client).await?, None),
        _ => return Err(io::ErrorKind::InvalidData.into()),
    };
    let port = u16::from_be_bytes(read(&mut client).await?);
    rules.note(format!("{host}:{port}"));
    let target = match address {
        Some(address) => Some(SocketAddr::new(address, port)),
        None => rules.names.get(&host).copied(),
    };
    let server = match target.filter(|_| command == CONNECT) {
        Some(target) => TcpStream::connect(target).await,
        None => Err(io::ErrorKind::NotFound.into()),
    };
    let verdict = if server.is_ok() {
        SUCCEEDED
    } else {
        UNREACHABLE
    };
    client
        .write_all(&[VERSION, verdict, 0, IPV4, 0, 0, 0, 0, 0, 0])
        .await?;
    tokio::io::copy_bidirectional(&mut client, &mut server?).await?;
    Ok(())
}

/// Agrees on a way to log in, and takes the login; returns whether the client may go on.
async fn greet(client: &mut TcpStream, rules: &Rules) -> io::Result<bool> {
    let [_version, n_ways] = read(client).await?;
    let mut ways = vec![0; usize::from(n_ways)];
    client.read_exact(&mut ways).await?;
    let wanted = match rules.login {
        Some(_) => WITH_PASSWORD,
        None => WITHOUT_LOGIN,
    };
    if !ways.contains(&wanted) {
        client.write_all(&[VERSION, NO_ACCEPTABLE_WAY]).await?;
        return Ok(false);
    }
    client.write_all(&[VERSION, wanted]).await?;
    let Some(login) = &rules.login else {
        return Ok(true);
    };
    let [_version] = read(client).await?;
    let given = (text(client).await?, text(client).await?);
    let is_right = given == *login;
    client.write_all(&[1, u8::from(!is_right)]).await?;
    Ok(is_right)
}

async fn read<const N: usize>(client: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    client.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// A text with its length before it.
async fn text(client: &mut TcpStream) -> io::Result<String> {
    let [length] = read(client).await?;
    let mut bytes = vec![0; usize::from(length)];
    client.read_exact(&mut bytes).await?;
    String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData.into())
}
