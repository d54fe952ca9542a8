//! `smswatch demo`: the main job at work on simulated messages, with nothing to install or configure.

mod cast;
mod receiver;
mod summary;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use routee_sim::{Sim, SimConfig};
use smswatch_core::{NewWatch, Service};
use smswatch_plugin::model::{MessageId, Tags};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::receiver::Receiver;
use crate::cli::DemoArgs;
use crate::output::print_soon;
use crate::report::Failure;
use crate::settings::{self, Configuration, Source};
use crate::signals::{Hangup, Signals};
use crate::sink_types::SinkTypes;
use crate::{log, run, wiring};

const CONFIGURATION: &str = include_str!("demo/demo.yaml");

/// How often simulated messages are sent.
const TICK: Duration = Duration::from_millis(250);

/// How long the summary waits for a reader once the demo is told to stop.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long after the last message the slowest of them has met its fate.
const AFTERGLOW: Duration = Duration::from_secs(26);

pub(crate) async fn demo(types: &SinkTypes, args: &DemoArgs) -> Result<(), Failure> {
    log::start("warn");
    let signals = Signals::listen(Hangup::Ends)?;
    let directory = tempfile::Builder::new().prefix("smswatch-demo-").tempdir();
    let directory = directory.context("could not make a directory for the demo's store")?;
    let sim = Sim::start(SimConfig::default()).context("could not start the simulator")?;
    let receiver = Receiver::start().await;
    let receiver = receiver.context("could not start the demo's receiver")?;
    let listen = free_address(args.listen).await;
    let variables = variables(&sim, &receiver, listen, directory.path());
    let source = Source {
        file: "demo.yaml".into(),
        text: CONFIGURATION.to_owned(),
        environment: Box::new(move |name| variables.get(name).cloned()),
    };
    let loaded = settings::read(types, source)?;
    let incident = Incident { sim, receiver };
    let playing = play(args, loaded.configuration, incident, signals.stop.clone());
    signals.heed(async { Ok(playing.await?) }).await
}

/// What smswatch watches and tells, and what goes wrong with it.
struct Incident {
    sim: Sim,
    /// Takes what it is told during the first half of the time.
    receiver: Receiver,
}

async fn play(
    args: &DemoArgs,
    configuration: Configuration,
    incident: Incident,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let Some(mut process) = wiring::start(configuration, &stop).await? else {
        return Ok(());
    };
    // It has no file that could be loaded again; who asks for it is told so.
    drop(process.engine.reload_requests());
    let service = process.engine.service();
    // A reader of the output that stops does not keep the demo from ending.
    let pages = process.front.address;
    let printing = print_soon(introduction(args, pages));
    let introduced = stop.run_until_cancelled(printing).await.transpose();

    let over = stop.child_token();
    if introduced.is_err() {
        // What has started ends in order, before its store's directory goes.
        over.cancel();
    }
    let show = tokio::spawn(show(service.clone(), incident, args.clone(), over.clone()));
    run::work(process, over).await?;
    show.await
        .context("the demo stopped in an unexpected way")??;
    introduced?;
    let summary = summary::of(&service).await?;
    let told_to_stop = async {
        stop.cancelled().await;
        tokio::time::sleep(LAST_WORDS).await;
    };
    tokio::select! {
        printed = print_soon(format!("{summary}\n{}\n", afterword(pages))) => Ok(printed?),
        () = told_to_stop => Ok(()),
    }
}

/// The wanted address, or one beside it where something else listens there.
async fn free_address(wanted: SocketAddr) -> SocketAddr {
    match TcpListener::bind(wanted).await {
        Ok(_) => wanted,
        Err(_) => SocketAddr::new(wanted.ip(), 0),
    }
}

fn variables(
    sim: &Sim,
    receiver: &Receiver,
    listen: SocketAddr,
    directory: &Path,
) -> HashMap<String, String> {
    let config = SimConfig::default();
    let store = directory.join("smswatch.db");
    [
        ("DEMO_APPLICATION_ID", config.application_id),
        ("DEMO_APPLICATION_SECRET", config.application_secret),
        ("DEMO_ROUTEE", sim.url().to_owned()),
        ("DEMO_RECEIVER", format!("http://{}/", receiver.address)),
        ("DEMO_STORE", store.display().to_string()),
        ("DEMO_LISTEN", listen.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn introduction(args: &DemoArgs, api: SocketAddr) -> String {
    let DemoArgs {
        messages, seconds, ..
    } = args;
    let whole = u64::from(*seconds) + AFTERGLOW.as_secs();
    let (operator_fails, receiver_dies) = (seconds / 3, seconds / 2);
    format!(
        "smswatch demo: {messages} simulated messages within {seconds} s.
A simulated Routee on this machine carries them; nothing is really sent.

  open      http://{api}/ in a browser: what is wrong, who was told, each message's story

After {operator_fails} s the operator Esempio Mobile fails for a while, and after {receiver_dies} s the receiver of the webhook crm
dies. Look what the page makes of it.

  alerts    appear below, as they would in a chat
  messages  http://{api}/v1/watches
  events    http://{api}/v1/events
  metrics   http://{api}/metrics

It ends by itself after about {whole} s, or with Ctrl-C; then it sums up.

"
    )
}

/// What one could have clicked.
fn afterword(api: SocketAddr) -> String {
    format!(
        "What one could have clicked at http://{api}/

  Now         failing-by-operator fires: Messages that failed, Silence it…
              Sink crm is down: What waits, Try now
              messages without a final status; groups that are about to be told
  Messages    one message's story, and any of its events tried on the rules
  Sinks       how an alert looks at each; send a test, pause, resume
  Rules       how often each fired; what they make of an event

smswatch demo --seconds 600 keeps the page open for longer.
"
    )
}

/// Sends the messages, waits for their fates, and ends the process.
async fn show(
    service: Service,
    incident: Incident,
    args: DemoArgs,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let ended = stop.clone();
    let result = tokio::select! {
        () = ended.cancelled() => Ok(()),
        result = send_all(&service, &incident, &args) => result,
    };
    stop.cancel();
    // The simulator lives until it is not asked any more.
    incident.sim.stop().await;
    result
}

async fn send_all(
    service: &Service,
    Incident { sim, receiver }: &Incident,
    args: &DemoArgs,
) -> anyhow::Result<()> {
    let whole = Duration::from_secs(u64::from(args.seconds));
    let started = tokio::time::Instant::now();
    let mut ticks = tokio::time::interval(TICK);
    let mut sent = 0;
    while sent < args.messages {
        ticks.tick().await;
        let share = (started.elapsed().as_secs_f64() / whole.as_secs_f64()).min(1.0);
        if share >= 0.5 {
            receiver.die();
        }
        let mut watches = Vec::new();
        while f64::from(sent) < (f64::from(args.messages) * share).max(1.0) && sent < args.messages
        {
            let id = sim
                .register(cast::message(sent, args.messages))
                .context("the simulator refused a message")?;
            let message_id = MessageId::new(id).context("the simulator made a strange id")?;
            let tags = Tags::from([("team".to_owned(), cast::team(sent).to_owned())]);
            watches.push(NewWatch { message_id, tags });
            sent += 1;
        }
        if !watches.is_empty() {
            service
                .register(watches)
                .await
                .context("could not register a message")?;
        }
    }
    tokio::time::sleep(AFTERGLOW).await;
    Ok(())
}
