//! Reads `store.url`, and refuses forms that mean something else to other programs.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use smswatch_plugin::Secret;
use smswatch_store_redis::RedisOptions;

use super::StoreChoice;
use super::document::StoreSection;
use super::problem::Problem;

const PLACE: &str = "/store/url";

/// What a URL of a store looks like.
const FORMS: &str = "`redis://HOST:PORT`, `rediss://HOST:PORT` or `sqlite:PATH`";

/// The bytes that every SQLite file begins with.
const HEADER: &[u8] = b"SQLite format 3\0";

/// The store that a section names, and what is to be said about it.
pub(super) fn read(section: &StoreSection) -> Result<(StoreChoice, Vec<Problem>), Vec<Problem>> {
    let url = section.url.reveal();
    let parsed = match url.split_once(':') {
        Some(("sqlite", path)) => sqlite(path),
        Some(("redis" | "rediss", rest)) => redis(&section.url, rest).map(|()| {
            let options = RedisOptions {
                url: section.url.clone(),
                key_prefix: section.key_prefix.clone(),
                shards: section.shards,
            };
            (StoreChoice::Redis(options), Vec::new())
        }),
        _ => Err(unknown(url)),
    };
    parsed.map_err(|problem| vec![problem])
}

fn problem(message: impl Into<String>) -> Problem {
    Problem::new(PLACE, message)
}

fn redis(url: &Secret, rest: &str) -> Result<(), Problem> {
    let rest = rest.trim_start_matches('/');
    let (authority, behind) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    // `redis://default:7#x@host` reads as the host `default`, and the password as something else.
    if !authority.contains('@') && behind.contains('@') {
        return Err(
            problem("the password in this URL holds a character that ends the host").hint(
                "percent-encode it: `#` is `%23`, `/` is `%2F`, `?` is `%3F`, `@` is `%40`, \
                 `%` is `%25`",
            ),
        );
    }
    if RedisOptions::is_url(url.reveal()) {
        return Ok(());
    }
    // What is wrong is not repeated: it may hold a password.
    let problem = problem("this is not the URL of a Redis");
    Err(match authority.contains('@') {
        true => problem.hint(
            "`redis://USER:PASSWORD@HOST:PORT/DB`; percent-encode special characters in the \
             password: `#` is `%23`, `/` is `%2F`, `@` is `%40`",
        ),
        false => problem.hint("such as `redis://127.0.0.1:6379` or `rediss://HOST:PORT/DB`"),
    })
}

fn sqlite(path: &str) -> Result<(StoreChoice, Vec<Problem>), Problem> {
    if path.is_empty() {
        return Err(problem("this names no file").hint("such as `sqlite:smswatch.db`"));
    }
    if path == ":memory:" {
        let warning = problem("a store in memory forgets every watch when the process ends")
            .hint("name a file: `sqlite:smswatch.db`")
            .warning();
        return Ok((StoreChoice::Sqlite(PathBuf::from(path)), vec![warning]));
    }
    if let Some(rest) = path.strip_prefix("//") {
        return Err(slashes(rest));
    }
    if path.starts_with("file:") {
        let message = "`file:` URLs of SQLite are not supported";
        return Err(problem(message).hint("write the path alone: `sqlite:PATH`"));
    }
    if let Some((path, _)) = path.split_once(['?', '#']) {
        let message =
            "options behind the path are not supported and would be part of the file's name";
        return Err(problem(message).hint(write(path)));
    }
    if path.starts_with('~') {
        let hint = "write the whole path, such as `sqlite:${HOME}/smswatch.db`";
        return Err(problem("`~` is not expanded here").hint(hint));
    }
    if is_encoded(path) {
        let message = "`%` is not decoded here and would be part of the file's name";
        return Err(problem(message).hint("write the path as it is, with quotes around the URL"));
    }
    if path.contains('\0') {
        return Err(problem("a path cannot hold a null character"));
    }
    let path = PathBuf::from(path);
    match trouble(&path) {
        Some(problem) => Err(problem),
        None => Ok((StoreChoice::Sqlite(path), Vec::new())),
    }
}

/// `sqlite://…`: after two slashes comes a host, after three an absolute path for some programs and a
/// relative one for others.
fn slashes(rest: &str) -> Problem {
    let message = "`//` means different files to different programs and is not supported";
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    let hint = match path.strip_prefix('/') {
        Some(":memory:") => "`sqlite::memory:` keeps everything in memory".to_owned(),
        Some(path) => {
            let path = path.trim_start_matches('/');
            format!(
                "write `sqlite:/{path}` for an absolute path, or `sqlite:{path}` for one in the \
                 working directory"
            )
        }
        None if path == ":memory:" => "`sqlite::memory:` keeps everything in memory".to_owned(),
        None => write(path),
    };
    problem(message).hint(hint)
}

fn write(path: &str) -> String {
    match path {
        "" => "write `sqlite:PATH`".to_owned(),
        path => format!("write `sqlite:{path}`"),
    }
}

/// Whether a path looks percent-encoded.
fn is_encoded(path: &str) -> bool {
    path.split('%').skip(1).any(|rest| {
        let mut digits = rest.bytes().take(2);
        digits.len() == 2 && digits.all(|digit| digit.is_ascii_hexdigit())
    })
}

fn unknown(url: &str) -> Problem {
    let scheme = url.split(':').next().unwrap_or_default();
    let is_path = !url.contains(':')
        && (url.contains(['/', '.']) || std::path::Path::new(url).extension().is_some());
    // What is wrong is not repeated as a whole: it may hold a password.
    match scheme {
        "redis+cluster" | "rediss+cluster" | "redis+sentinel" | "rediss+sentinel" => {
            problem("Redis Cluster and Sentinel are not supported yet").hint(FORMS)
        }
        "unix" | "redis+unix" | "redis+socket" | "redis-socket" => {
            problem("this version cannot reach Redis through a Unix socket")
                .hint("let Redis listen on an address, and write `redis://HOST:PORT`")
        }
        "valkey" | "keydb" | "dragonfly" => problem(format!("unknown store `{scheme}`"))
            .hint("for a server that speaks the Redis protocol, write `redis://HOST:PORT`"),
        "valkeys" => problem("unknown store `valkeys`").hint(
            "for a server that speaks the Redis protocol with TLS, write `rediss://HOST:PORT`",
        ),
        "file" => problem("this is not the URL of a store").hint("write `sqlite:PATH`"),
        _ if scheme.contains("sqlite") && url.contains(':') => {
            problem("this is not the URL of a store").hint("write `sqlite:PATH`")
        }
        _ if is_path => problem("this is not the URL of a store")
            .hint("a file of SQLite is written `sqlite:PATH`"),
        _ => problem("this is not the URL of a store").hint(FORMS),
    }
}

/// Why a file can hold no store, as far as that can be seen without opening it.
fn trouble(path: &Path) -> Option<Problem> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        let what = match folder.exists() {
            true => "is not a folder",
            false => "does not exist",
        };
        let problem = problem(format!("the folder `{}` {what}", folder.display()));
        return Some(match std::env::current_dir() {
            Ok(here) if path.is_relative() => problem.hint(format!(
                "create it, or name another; relative paths begin in the working directory, which is \
                 `{}`",
                here.display()
            )),
            _ => problem.hint("create it, or name another"),
        });
    }
    if path.is_dir() {
        let problem = problem(format!("`{}` is a folder", path.display()));
        let file = path.join("smswatch.db");
        return Some(problem.hint(format!("name a file in it: `sqlite:{}`", file.display())));
    }
    if path.is_file() && !is_store(path) {
        let problem = problem(format!("`{}` is not an SQLite database", path.display()));
        return Some(problem.hint("name another file"));
    }
    None
}

/// Whether an existing file may be one of SQLite; one that cannot be read is judged by who opens it.
fn is_store(path: &Path) -> bool {
    let mut beginning = Vec::new();
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(HEADER.len() as u64).read_to_end(&mut beginning));
    read.is_err() || HEADER.starts_with(&beginning) || beginning == HEADER
}

/// Tries whether files can be made in the folder of a store, as SQLite has to.
///
/// # Errors
///
/// They cannot; says why.
pub(crate) fn try_folder(choice: &StoreChoice) -> std::io::Result<()> {
    let StoreChoice::Sqlite(path) = choice else {
        return Ok(());
    };
    if path.as_os_str() == ":memory:" {
        return Ok(());
    }
    let name = format!(".smswatch-check-{}", std::process::id());
    let file = path.with_file_name(name);
    std::fs::File::create_new(&file)?;
    std::fs::remove_file(&file)
}
