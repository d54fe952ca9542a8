//! The recipes of the guide do what they say: what they post keeps to the documented shape of each receiver's API, for
//! every event, in whatever words and at any length.

use std::path::Path;

use serde_json::{Value, json};
use smswatch_plugin::model::{EventKind, Link, Notification, Severity};
use smswatch_plugin::sink::{ConfiguredSink as _, Sink as _, SinkContext};
use smswatch_sink_webhook::WebhookSink;
use smswatch_template::sample::sample_notifications;
use smswatch_testkit::receiver::{Answer, Receiver, Request};
use smswatch_testkit::sample;

/// What a message for Teams may weigh, in bytes.
const LARGEST_OF_TEAMS: usize = 28 * 1024;

/// What all embeds of a message for Discord may have together, in characters.
const LONGEST_OF_DISCORD: usize = 6_000;

/// A recipe of the guide with its receiver.
struct Recipe {
    heading: &'static str,
    /// The status with which the receiver takes a message.
    taken: u16,
    /// What stands for the variables of the environment.
    variables: &'static [(&'static str, &'static str)],
    schema: &'static str,
    /// What else the receiver wants.
    check: fn(&Request, &Value),
}

const RECIPES: [Recipe; 6] = [
    Recipe {
        heading: "PagerDuty",
        taken: 202,
        variables: &[("PAGERDUTY_ROUTING_KEY", "R0123456789ABCDEFGHIJKLMNOPQRSTU")],
        schema: include_str!("recipes/pagerduty.json"),
        check: |_, body| {
            let over = ["alert.resolved", "smswatch.sink_recovered"];
            let is_over = over.map(Value::from).contains(&body["payload"]["class"]);
            let action = if is_over { "resolve" } else { "trigger" };
            assert_eq!(body["event_action"], action);
        },
    },
    Recipe {
        heading: "Opsgenie",
        taken: 202,
        variables: &[("OPSGENIE_KEY", "0a1b2c3d-0000-0000-0000-000000000000")],
        schema: include_str!("recipes/opsgenie.json"),
        check: |request, _| {
            let key = "GenieKey 0a1b2c3d-0000-0000-0000-000000000000";
            assert_eq!(request.header("authorization"), Some(key));
        },
    },
    Recipe {
        heading: "Microsoft Teams",
        taken: 202,
        variables: &[(
            "TEAMS_WORKFLOW_URL",
            "https://teams.example.com/workflows/1",
        )],
        schema: include_str!("recipes/microsoft-teams.json"),
        check: |request, _| assert!(request.body.len() < LARGEST_OF_TEAMS),
    },
    Recipe {
        heading: "Telegram",
        taken: 200,
        variables: &[
            (
                "TELEGRAM_TOKEN",
                "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11",
            ),
            ("TELEGRAM_CHAT_ID", "-1001234567890"),
        ],
        schema: include_str!("recipes/telegram.json"),
        check: |_, _| {},
    },
    Recipe {
        heading: "ntfy",
        taken: 200,
        variables: &[("NTFY_TOPIC", "sms-k3Jd82hs")],
        schema: include_str!("recipes/ntfy.json"),
        check: |_, _| {},
    },
    Recipe {
        heading: "Discord",
        taken: 204,
        variables: &[(
            "DISCORD_WEBHOOK_URL",
            "https://discord.com/api/webhooks/1/abc",
        )],
        schema: include_str!("recipes/discord.json"),
        check: |_, body| {
            let embed = &body["embeds"][0];
            let texts = [
                &embed["title"],
                &embed["description"],
                &embed["footer"]["text"],
            ];
            let lengths = texts.map(|text| text.as_str().unwrap_or_default().chars().count());
            assert!(lengths.iter().sum::<usize>() <= LONGEST_OF_DISCORD);
        },
    },
];

/// The options of the sink in a section of the guide.
fn options(guide: &str, recipe: &Recipe) -> Value {
    let heading = format!("\n## {}\n", recipe.heading);
    let (_, section) = guide.split_once(&heading).expect("the recipe");
    let (_, block) = section.split_once("```yaml\n").expect("an example");
    let (block, _) = block.split_once("```").expect("its end");
    let mut block = block.to_owned();
    for (name, value) in recipe.variables {
        let variable = format!("${{{name}}}");
        assert!(block.contains(&variable), "{variable} is not asked for");
        block = block.replace(&variable, value);
    }
    assert!(!block.contains("${"), "a variable has no value: {block}");
    let whole: Value = serde_yaml::from_str(&block).expect("YAML");
    let sinks = whole["sinks"].as_object().expect("sinks");
    sinks.values().next().expect("a sink").clone()
}

/// The sink of a recipe, with its receiver on loopback in place of the real one.
fn sink(guide: &str, recipe: &Recipe, receiver: &Receiver) -> WebhookSink {
    let mut options = options(guide, recipe);
    let own = options.as_object_mut().expect("options");
    assert_eq!(own.remove("type"), Some(json!("webhook")));
    // These belong to every sink.
    own.remove("rate");
    let url = own["url"].as_str().expect("a URL");
    assert!(url.starts_with("https://"), "{url}");
    let path = url.splitn(4, '/').nth(3).unwrap_or_default();
    own["url"] = json!(receiver.url(&format!("/{path}")));
    own.insert("allow_private".to_owned(), json!(true));
    let config = serde_json::from_value(options).expect("the options read well");
    WebhookSink::configure(config, &SinkContext::new("recipe")).expect("it is valid")
}

/// A notification of each kind, and such in odd and in very many words.
fn notifications() -> Vec<Notification> {
    let mut all: Vec<_> = EventKind::ALL
        .into_iter()
        .flat_map(sample_notifications)
        .collect();
    let link = Link {
        title: "A \"runbook\" \\".to_owned(),
        url: "https://example.com/runbook?a=1&b=2".to_owned(),
    };
    let long = Notification {
        title: "🚨 long ".repeat(2_000),
        text: "Ελληνικά, \"quoted\"\n".repeat(5_000),
        key: "k".repeat(2_000),
        links: vec![link; 10],
        ..sample::notification()
    };
    all.extend([
        sample::odd(),
        sample::grouped(),
        sample::notification_of(1_000),
        long,
    ]);
    let severities = [Severity::Info, Severity::Warning, Severity::Critical];
    let with = |notification: &Notification, severity| Notification {
        severity,
        ..notification.clone()
    };
    all.iter()
        .flat_map(|notification| severities.map(|severity| with(notification, severity)))
        .collect()
}

#[tokio::test]
async fn every_recipe_posts_what_its_receiver_takes() {
    smswatch_testkit::install_tls_provider();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let guide = std::fs::read_to_string(root.join("docs/recipes.md")).expect("the guide");
    let notifications = notifications();
    for recipe in &RECIPES {
        let receiver = Receiver::start().await;
        receiver.answer_always(Answer::status(recipe.taken));
        let sink = sink(&guide, recipe, &receiver);
        let schema = serde_json::from_str(recipe.schema).expect("JSON");
        let schema = jsonschema::validator_for(&schema).expect("a schema");
        for notification in &notifications {
            let delivered = sink.deliver(notification).await;
            delivered.unwrap_or_else(|error| panic!("{}: {}", recipe.heading, error.detail()));
        }
        let requests = receiver.wait_for(notifications.len()).await;
        for (request, notification) in requests.iter().zip(&notifications) {
            let what = format!("{} of {}", recipe.heading, notification.kind.as_str());
            assert_eq!(request.method, "POST", "{what}");
            let type_of_body = request.header("content-type");
            assert_eq!(type_of_body, Some("application/json"), "{what}");
            let body = request.json();
            let wrong: Vec<String> = schema
                .iter_errors(&body)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(wrong.is_empty(), "{what}: {}", wrong.join("\n"));
            let words = notification.title.chars().take(8).collect::<String>();
            assert!(holds(&body, &words), "{what} has no `{words}`: {body}");
            (recipe.check)(request, &body);
        }
    }
}

/// Whether a text stands somewhere in a value.
fn holds(value: &Value, text: &str) -> bool {
    match value {
        Value::String(string) => string.contains(text),
        Value::Array(items) => items.iter().any(|item| holds(item, text)),
        Value::Object(fields) => fields.values().any(|field| holds(field, text)),
        _ => false,
    }
}

#[test]
fn every_recipe_of_the_guide_is_tried() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let guide = std::fs::read_to_string(root.join("docs/recipes.md")).expect("the guide");
    let headings = guide.lines().filter_map(|line| line.strip_prefix("## "));
    // Apprise is a program, and tried by the sink that starts programs.
    let headings: Vec<_> = headings.filter(|heading| *heading != "Apprise").collect();
    assert_eq!(headings, RECIPES.map(|recipe| recipe.heading));
}
