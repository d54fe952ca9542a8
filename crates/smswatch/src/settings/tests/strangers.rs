//! Secrets in the sections of sinks that are not built in: wherever its schema has one, it has a file form.

use std::collections::BTreeMap;
use std::path::Path;

use smswatch_plugin::Secret;
use smswatch_plugin::model::Notification;
use smswatch_plugin::sink::{
    ConfiguredSink, DeliveryError, InvalidConfig, NoOverrides, Receipt, Sink, SinkContext,
};

use super::{ROUTEE, load_with};
use crate::settings::schema;
use crate::sink_types::SinkTypes;

/// A sink with a secret in every place in which there can be one.
#[derive(Debug)]
struct VaultSink;

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct VaultConfig {
    key: Secret,
    pin: Pin,
    spare: Option<Secret>,
    login: Login,
    second_login: Option<Login>,
    doors: Vec<Login>,
    rooms: BTreeMap<String, Login>,
    keys: Vec<Secret>,
    spare_keys: Option<Vec<Secret>>,
    labels: BTreeMap<String, Secret>,
    way: Way,
}

/// A secret with a meaning of its own.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
struct Pin(Secret);

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    user: String,
    password: Secret,
}

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase", tag = "by")]
enum Way {
    Token { token: Secret },
    Nothing,
}

impl VaultConfig {
    fn secrets(self) -> Vec<Secret> {
        let token = match self.way {
            Way::Token { token } => Some(token),
            Way::Nothing => None,
        };
        let logins = [self.login].into_iter().chain(self.second_login);
        let logins = logins.chain(self.doors).chain(self.rooms.into_values());
        let logins = logins.map(|login| {
            assert_eq!(login.user, "me");
            login.password
        });
        let lists = self
            .keys
            .into_iter()
            .chain(self.spare_keys.into_iter().flatten());
        let single = [self.key, self.pin.0]
            .into_iter()
            .chain(self.spare)
            .chain(token);
        let all = single.chain(lists).chain(self.labels.into_values());
        all.chain(logins).collect()
    }
}

impl ConfiguredSink for VaultSink {
    type Config = VaultConfig;
    type Overrides = NoOverrides;

    fn configure(config: VaultConfig, _: &SinkContext) -> Result<Self, InvalidConfig> {
        for secret in config.secrets() {
            if secret.reveal() != "t0ken" {
                return Err(InvalidConfig::new("a secret did not come out of its file"));
            }
        }
        Ok(Self)
    }
}

#[smswatch_plugin::async_trait]
impl Sink for VaultSink {
    async fn deliver(&self, _: &Notification) -> Result<Receipt, DeliveryError> {
        Ok(Receipt::default())
    }
}

fn types() -> SinkTypes {
    crate::App::new().sink::<VaultSink>("vault").into_types()
}

/// A vault all of whose secrets stand in `file`.
fn vault(file: &Path) -> String {
    let file = file.display();
    format!(
        "sinks:
  vault:
    type: vault
    key_file: {file}
    pin_file: {file}
    spare_file: {file}
    login: {{user: me, password_file: {file}}}
    second_login: {{user: me, password_file: {file}}}
    doors: [{{user: me, password_file: {file}}}, {{user: me, password: t0ken}}]
    rooms: {{cellar: {{user: me, password_file: {file}}}}}
    keys_file: [{file}, {file}]
    spare_keys_file: [{file}]
    labels: {{plain: t0ken}}
    labels_file: {{hidden: {file}}}
    way: {{by: token, token_file: {file}}}
"
    )
}

#[test]
fn every_secret_of_a_custom_sink_can_stand_in_a_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("secret");
    std::fs::write(&file, "t0ken\n").expect("it is written");
    let text = format!("{ROUTEE}{}", vault(&file));
    let loaded = load_with(&types(), &text);
    let loaded = loaded.unwrap_or_else(|problems| panic!("{problems:#?}"));
    let shown = serde_yaml::to_string(&loaded.effective).expect("YAML");
    assert!(!shown.contains("t0ken"), "{shown}");
}

#[test]
fn the_published_schema_has_the_file_forms_of_a_custom_sink() {
    let schema = schema::published(&types());
    let problems = |text: &str| {
        let document = smswatch_rules::Document::parse("x", text).expect("YAML");
        crate::settings::validate::problems(&schema, &document.to_json())
    };
    let whole = format!("{ROUTEE}{}", vault(Path::new("/run/secrets/vault")));
    assert_eq!(problems(&whole), []);
    let lacking = whole.replace("    keys_file", "    kees_file");
    assert_ne!(problems(&lacking), []);
}

/// A sink whose type refuses more than its schema says.
#[derive(Debug)]
struct StrictSink;

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct StrictConfig {
    #[schemars(with = "String")]
    door: Door,
}

#[derive(Debug, serde::Deserialize)]
#[serde(try_from = "String")]
struct Door;

impl TryFrom<String> for Door {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "front" => Ok(Self),
            "told" => Err(format!("there is no door `{text}`")),
            _ => Err("there is one door: `front`".to_owned()),
        }
    }
}

impl ConfiguredSink for StrictSink {
    type Config = StrictConfig;
    type Overrides = NoOverrides;

    fn configure(config: StrictConfig, _: &SinkContext) -> Result<Self, InvalidConfig> {
        let StrictConfig { door: Door } = config;
        Ok(Self)
    }
}

#[smswatch_plugin::async_trait]
impl Sink for StrictSink {
    async fn deliver(&self, _: &Notification) -> Result<Receipt, DeliveryError> {
        Ok(Receipt::default())
    }
}

#[test]
fn what_only_the_type_of_a_custom_sink_refuses_is_told() {
    let types = crate::App::new().sink::<StrictSink>("strict").into_types();
    let said = |door: &str| {
        let text = format!("{ROUTEE}sinks: {{gate: {{type: strict, door: {door}}}}}\n");
        let problems = load_with(&types, &text).err().unwrap_or_default();
        let problems = problems
            .iter()
            .filter(|problem| problem.is_error())
            .map(ToString::to_string);
        problems.collect::<Vec<_>>().join("\n\n")
    };
    assert_eq!(said("front"), "");
    insta::assert_snapshot!(said("back"));
    assert!(!said("told").contains("no door"), "{}", said("told"));
    assert!(said("told").contains("sink `gate`"), "{}", said("told"));
    assert!(said("[]").contains("expected text"), "{}", said("[]"));
}
