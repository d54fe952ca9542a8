//! The store keeps its promises with the rights that the crate documents, and nothing more.

use std::sync::Arc;

use smswatch_plugin::Secret;
use smswatch_plugin::store::Store;
use smswatch_store_redis::{OpenError, RedisOptions, RedisStore};
use smswatch_testkit::patiently;
use smswatch_testkit::redis_server::RedisServer;
use smswatch_testkit::store_suite::StoreFixture;

/// The rights as the crate's documentation names them.
fn documented_rights() -> String {
    let text = include_str!("../src/lib.rs");
    let lines = text
        .lines()
        .skip_while(|line| *line != "//! ```acl")
        .skip(1);
    let rights = lines.take_while(|line| *line != "//! ```");
    rights
        .map(|line| line.trim_start_matches("//! "))
        .collect::<Vec<_>>()
        .join(" ")
}

fn order(server: &RedisServer, words: &str) -> String {
    server.order(&words.split_whitespace().collect::<Vec<_>>())
}

async fn open(server: &RedisServer) -> (RedisStore, Vec<String>) {
    let options = RedisOptions {
        url: Secret::new(server.url().replace("redis://", "redis://smswatch:pass@")),
        key_prefix: "smswatch".to_owned(),
        shards: 16,
    };
    patiently(|| RedisStore::open(options.clone()), OpenError::is_passing).await
}

/// A server on which smswatch is a user with few rights.
fn limited() -> RedisServer {
    let server = RedisServer::start_with(&["--appendonly", "yes"]);
    let made = order(
        &server,
        &format!("ACL SETUSER {} >pass", documented_rights()),
    );
    assert!(made.starts_with("+OK"), "{made}");
    server
}

struct Fixture {
    store: RedisStore,
    server: RedisServer,
}

impl Fixture {
    async fn fresh() -> Self {
        let server = limited();
        let (store, _) = open(&server).await;
        Self { store, server }
    }
}

impl StoreFixture for Fixture {
    fn store(&self) -> Arc<dyn Store> {
        assert!(
            self.server.pid() > 0,
            "the server lives as long as the store"
        );
        Arc::new(self.store.clone())
    }
}

smswatch_testkit::store_suite!(Fixture::fresh);

#[tokio::test]
async fn the_start_checks_what_it_may_and_says_what_it_may_not() {
    let server = limited();
    let refused = order(&server, "ACL DRYRUN smswatch CONFIG GET maxmemory-policy");
    assert!(refused.contains("no permissions"), "{refused}");
    let (_, warnings) = open(&server).await;
    assert_eq!(warnings, Vec::<String>::new());

    // INFO may be refused, too: then nothing is known, and that is said.
    let made = order(&server, "ACL SETUSER smswatch -info");
    assert!(made.starts_with("+OK"), "{made}");
    let (_, warnings) = open(&server).await;
    assert!(
        warnings
            .iter()
            .any(|warning| warning.contains("maxmemory-policy")),
        "{warnings:?}"
    );
}
