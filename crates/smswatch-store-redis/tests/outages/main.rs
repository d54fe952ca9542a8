//! Whatever takes Redis away is told as passing, and is over without a hand when its cause is.

mod claims;

use std::time::{Duration, Instant};

use smswatch_plugin::Secret;
use smswatch_plugin::model::MessageId;
use smswatch_plugin::record::{Record, WatchState};
use smswatch_plugin::store::{
    Appended, CommitItem, CommitOutcome, CommitStep, Log as _, Records as _, RouteOutcome,
    RouteStep, Shard, StoreError, WatchPriority, shard_of,
};
use smswatch_store_redis::{OpenError, RedisOptions, RedisStore};
use smswatch_testkit::proxy::Proxy;
use smswatch_testkit::redis_server::RedisServer;
use smswatch_testkit::{PATIENCE, patiently};

async fn open(url: String) -> RedisStore {
    let options = RedisOptions {
        url: Secret::new(url),
        key_prefix: "smswatch".to_owned(),
        shards: 16,
    };
    let (store, _) = patiently(|| RedisStore::open(options.clone()), OpenError::is_passing).await;
    store
}

/// Does something to the server that smswatch never does.
async fn order(server: &RedisServer, user: &str, words: &[&str]) {
    let url = server.url().replace("redis://", &format!("redis://{user}"));
    let client = redis::Client::open(url).expect("a client");
    // A busy machine may take its time.
    let patient = redis::AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None);
    let mut connection = client
        .get_multiplexed_async_connection_with_config(&patient)
        .await
        .expect("a connection");
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    command
        .query_async::<redis::Value>(&mut connection)
        .await
        .expect("it does what it is told");
}

fn message(n: u32) -> (Shard, MessageId) {
    let id = MessageId::new(format!("message-{n}")).expect("a valid id");
    (shard_of(id.as_str(), 16), id)
}

/// A new watch, with something to tell.
fn item(n: u32) -> CommitItem {
    CommitItem {
        message_id: message(n).1,
        expected: None,
        record: Some(Record::new(
            WatchState::Watching,
            smswatch_plugin::model::Timestamp::from_millis(1_700_000_000_000),
            &[7; 36],
        )),
        priority: WatchPriority::Rest,
        entry: Some(vec![1; 64].into()),
    }
}

/// Adds a watch, as a process does that registers a message.
async fn add(store: &RedisStore, n: u32) -> Result<CommitOutcome, StoreError> {
    let (shard, _) = message(n);
    let step = CommitStep {
        items: vec![item(n)],
        finished: Vec::new(),
    };
    let mut committed = store.commit(shard, &step).await?;
    Ok(committed.outcomes.remove(0))
}

/// Adds a watch as soon as the store takes it; what fails meanwhile must be said to be passing.
async fn add_when_it_is_back(store: &RedisStore, n: u32) {
    let started = Instant::now();
    loop {
        match add(store, n).await {
            Ok(_) => break,
            Err(StoreError::Unavailable(_)) => {}
            Err(error) => panic!("this does not pass: {error}"),
        }
        assert!(started.elapsed() < PATIENCE, "it never came back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (shard, id) = message(n);
    let found = store.load(shard, &[id]).await.expect("it is back");
    assert!(matches!(found[0], Ok(Some(_))));
}

async fn is_passing(store: &RedisStore, n: u32, reason: &str) {
    let error = add(store, n).await.expect_err("it is away");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert!(error.to_string().contains(reason), "{error}");
}

#[tokio::test]
async fn a_connection_that_is_cut_comes_back() {
    let server = RedisServer::start();
    let target = ([127, 0, 0, 1], server.port()).into();
    let proxy = Proxy::start(target).await.expect("a proxy");
    let store = open(format!("redis://{}", proxy.address())).await;
    add_when_it_is_back(&store, 0).await;
    for n in 1..4 {
        proxy.cut();
        add_when_it_is_back(&store, n).await;
    }
    proxy.close();
    is_passing(&store, 4, "").await;
    proxy.open();
    add_when_it_is_back(&store, 4).await;
    proxy.stall();
    is_passing(&store, 5, "").await;
    proxy.open();
    add_when_it_is_back(&store, 5).await;
}

#[tokio::test]
async fn a_connection_that_fell_silent_is_replaced() {
    let server = RedisServer::start();
    let target = ([127, 0, 0, 1], server.port()).into();
    let proxy = Proxy::start(target).await.expect("a proxy");
    let store = open(format!("redis://{}", proxy.address())).await;
    for n in 0..2 {
        add_when_it_is_back(&store, n).await;
        proxy.silence();
    }
    let replaced = async {
        is_passing(&store, 2, "").await;
        add(&store, 2).await.expect("another connection passes");
    };
    let replaced = tokio::time::timeout(PATIENCE, replaced).await;
    replaced.expect("nobody waits for it for ever");
}

#[tokio::test]
async fn a_master_that_was_replaced_behind_the_same_address_is_left() {
    let first = RedisServer::start();
    let second = RedisServer::start();
    let address = |server: &RedisServer| ([127, 0, 0, 1], server.port()).into();
    let proxy = Proxy::start(address(&first)).await.expect("a proxy");
    let store = open(format!("redis://{}", proxy.address())).await;
    add(&store, 0).await.expect("it is there");
    // Its connections stay, as with a name or a balancer that leads elsewhere from now on.
    proxy.lead_to(address(&second));
    let port = second.port().to_string();
    order(&first, "", &["REPLICAOF", "127.0.0.1", &port]).await;
    is_passing(&store, 1, "").await;
    add_when_it_is_back(&store, 1).await;
    let (shard, id) = message(1);
    let found = open(second.url()).await.load(shard, &[id]).await;
    assert!(matches!(found.expect("it is there")[0], Ok(Some(_))));
}

#[tokio::test]
async fn a_database_that_is_refused_for_a_while_is_chosen_again() {
    let server = RedisServer::start();
    let rights = ["ACL", "SETUSER", "app", "on", ">pass", "~*", "+@all"];
    order(&server, "", &rights).await;
    let url = server.url().replace("redis://", "redis://app:pass@");
    let store = open(format!("{url}/1")).await;
    add(&store, 0).await.expect("it is there");
    order(&server, "", &["ACL", "SETUSER", "app", "-select"]).await;
    order(&server, "", &["CLIENT", "KILL", "TYPE", "normal"]).await;
    let is_refused = |error: &StoreError| error.to_string().contains("database");
    let started = Instant::now();
    while !add(&store, 1).await.is_err_and(|error| is_refused(&error)) {
        assert!(started.elapsed() < PATIENCE, "it is never refused");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    order(&server, "", &["ACL", "SETUSER", "app", "+select"]).await;
    while add(&store, 1).await.is_err() {
        assert!(started.elapsed() < PATIENCE, "it never came back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Stops the server's process, or lets it go on.
fn signal(server: &RedisServer, signal: &str) {
    let pid = server.pid().to_string();
    let sent = std::process::Command::new("kill")
        .args([signal, &pid])
        .status();
    assert!(sent.expect("a command").success());
}

#[tokio::test]
async fn what_was_given_up_on_its_way_does_not_take_place_later() {
    let server = RedisServer::start();
    let store = open(server.url()).await;
    // The script is known then, so that one request is the whole step.
    add(&store, 0).await.expect("it is there");
    let (shard, id) = message(1);
    // More than the other side takes in before Redis reads it.
    let large = CommitItem {
        entry: Some(vec![1; 1 << 20].into()),
        ..item(1)
    };
    let step = CommitStep {
        items: vec![large],
        finished: Vec::new(),
    };
    signal(&server, "-STOP");
    store.commit(shard, &step).await.expect_err("it is stopped");
    is_passing(&store, 2, "").await;
    signal(&server, "-CONT");
    add_when_it_is_back(&store, 2).await;
    let started = Instant::now();
    while !server
        .order(&["INFO", "clients"])
        .contains("connected_clients:2\r")
    {
        assert!(started.elapsed() < PATIENCE, "the first never goes");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let found = store.load(shard, &[id]).await.expect("it is back");
    assert!(matches!(found[0], Ok(None)));
}

#[tokio::test]
async fn a_redis_that_still_reads_its_data_is_waited_for() {
    let mut server = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "no"]);
    let store = open(server.url()).await;
    // Redis answers anybody only after every 1024 commands that it reads.
    for n in 0..1500 {
        add(&store, n).await.expect("it is there");
    }
    server.restart_slowly(Duration::from_micros(300));
    let mut said = Vec::new();
    let started = Instant::now();
    while let Err(error) = add(&store, 1500).await {
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
        assert!(started.elapsed() < PATIENCE, "it never came back");
        said.push(error.to_string());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let is_loading = |error: &String| error.to_lowercase().contains("loading");
    assert!(said.iter().any(is_loading), "{said:?}");
    add_when_it_is_back(&store, 1500).await;
    let (shard, id) = message(0);
    let found = store.load(shard, &[id]).await.expect("it is back");
    assert!(matches!(found[0], Ok(Some(_))));
}

#[tokio::test]
async fn a_redis_that_became_a_replica_is_waited_for() {
    let server = RedisServer::start();
    let store = open(server.url()).await;
    add(&store, 0).await.expect("it is there");
    order(&server, "", &["REPLICAOF", "127.0.0.1", "1"]).await;
    is_passing(&store, 1, "").await;
    order(&server, "", &["REPLICAOF", "NO", "ONE"]).await;
    add_when_it_is_back(&store, 1).await;
}

#[tokio::test]
async fn the_cursor_never_passes_the_end_of_a_log_that_lost_its_tail() {
    let mut server = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let store = open(server.url()).await;
    let (shard, _) = message(0);
    let commit = async |n: u32| {
        let step = CommitStep {
            items: vec![item(n)],
            finished: Vec::new(),
        };
        let committed = store.commit(shard, &step).await.expect("it is there");
        committed.appended.expect("an entry")
    };
    let route = async |appended: &Appended| {
        let step = RouteStep {
            from: appended.after.clone(),
            to: appended.positions[0].clone(),
            entries: 1,
            deliveries: Vec::new(),
            records: Vec::new(),
            set_aside: Vec::new(),
        };
        store.route(shard, &step).await.expect("it is there")
    };
    let kept = commit(0).await;
    assert_eq!(route(&kept).await, RouteOutcome::Done { added: 0 });
    let length = server.aof_length();
    let lost = commit(1).await;
    server.kill();
    server.cut_aof(length);
    server.restart();
    add_when_it_is_back(&store, 2).await;

    assert_eq!(lost.after, kept.positions[0], "the cursor is where it was");
    assert_eq!(route(&lost).await, RouteOutcome::Moved);
    let slice = store.read_log(shard, 10).await.expect("it is there");
    assert_eq!(slice.cursor, lost.after);
}

#[tokio::test]
async fn a_login_that_is_refused_for_a_while_is_tried_again() {
    let server = RedisServer::start_with(&["--requirepass", "first"]);
    let store = open(server.url().replace("redis://", "redis://:first@")).await;
    add(&store, 0).await.expect("it is there");
    order(
        &server,
        ":first@",
        &["CONFIG", "SET", "requirepass", "second"],
    )
    .await;
    order(&server, ":second@", &["CLIENT", "KILL", "TYPE", "normal"]).await;
    for _ in 0..3 {
        let error = add(&store, 1).await.expect_err("it is refused");
        assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
        assert!(!error.to_string().contains("first"), "{error}");
    }
    order(
        &server,
        ":second@",
        &["CONFIG", "SET", "requirepass", "first"],
    )
    .await;
    add_when_it_is_back(&store, 1).await;
}

#[tokio::test]
async fn rights_that_are_taken_away_for_a_while_are_waited_for() {
    let server = RedisServer::start();
    order(
        &server,
        "",
        &["ACL", "SETUSER", "app", "on", ">pass", "~*", "+@all"],
    )
    .await;
    let store = open(server.url().replace("redis://", "redis://app:pass@")).await;
    add(&store, 0).await.expect("it is there");
    order(&server, "", &["ACL", "SETUSER", "app", "-@write"]).await;
    is_passing(&store, 1, "").await;
    order(&server, "", &["ACL", "SETUSER", "app", "+@write"]).await;
    add_when_it_is_back(&store, 1).await;
}
