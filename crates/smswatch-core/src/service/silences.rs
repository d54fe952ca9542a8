//! Silences: made, listed, ended, and proposed from what was told.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use smswatch_model::{DeliveryId, Event, MessageFacts, Notification, PhoneNumber, Timestamp};

use super::Service;
use super::cursors::{self, List};
use super::error::ServiceError;
use crate::codec;
use crate::silences::{MOST_KEPT, Silence, maintenance_reason, silence_id};
use crate::store::{InvalidCursor, Page, PageRequest};

/// How many characters a comment may have.
const MAX_COMMENT: usize = 1000;

/// How many characters the name of an author may have.
const MAX_AUTHOR: usize = 100;

/// How many bytes a `match` may have, written as JSON.
const MAX_MATCH: usize = 16 * 1024;

/// A silence to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSilence {
    /// What it holds back.
    pub matching: Map<String, Value>,
    /// Whether it holds back everything; `matching` is empty then, and only then.
    pub everything: bool,
    /// When it ends.
    pub until: Timestamp,
    /// Why it is wanted.
    pub comment: String,
    /// Who wants it.
    pub author: String,
}

/// What holds something back, now or in the past.
#[derive(Debug, Clone, PartialEq)]
pub enum HeldBackBy {
    /// A silence, and whether it is active.
    Silence(Silence, bool),
    /// A maintenance window that is open.
    Window {
        /// Its name as reasons have it.
        id: String,
        /// What it holds back.
        matching: Value,
        /// When it opened.
        since: Timestamp,
        /// When it closes.
        until: Timestamp,
    },
}

/// A silence that was made, with what probably is not what was meant.
#[derive(Debug, Clone, PartialEq)]
pub struct MadeSilence {
    /// The silence.
    pub silence: Silence,
    /// Sentences that name the key.
    pub warnings: Vec<String>,
}

impl Service {
    /// Makes a silence, which holds in every process about a second later. Telephone numbers in it are
    /// kept as `privacy.numbers` says.
    ///
    /// # Errors
    ///
    /// The store did not take it. The inner error says why there can be no such silence.
    pub async fn add_silence(
        &self,
        new: NewSilence,
    ) -> Result<Result<MadeSilence, String>, ServiceError> {
        let checked = match self.checked(new) {
            Ok(checked) => checked,
            Err(refused) => return Ok(Err(refused)),
        };
        let MadeSilence { silence, warnings } = checked;
        let added = self.silences.change(&self.context, |shelf, now| {
            let silence = Silence {
                created_at: now,
                ..silence.clone()
            };
            shelf
                .add(silence.clone(), now)
                .then_some(silence)
                .ok_or_else(|| {
                    format!("there is no room for more than {MOST_KEPT} silences; end some first")
                })
        });
        Ok(added.await?.map(|silence| {
            let Silence { id, until, .. } = &silence;
            tracing::info!(id, %until, "a silence begins");
            MadeSilence { silence, warnings }
        }))
    }

    /// The silence that is wanted, not yet made.
    fn checked(&self, new: NewSilence) -> Result<MadeSilence, String> {
        if new.until <= self.context.clock.now() {
            return Err("`until`: this is in the past".to_owned());
        }
        match (new.matching.is_empty(), new.everything) {
            (true, false) => {
                return Err(
                    "`match`: an empty one would silence everything; name a condition, or say \
                     `\"everything\": true`"
                        .to_owned(),
                );
            }
            (false, true) => return Err("`everything`: it excludes `match`".to_owned()),
            _ => {}
        }
        for (key, text, most) in [
            ("comment", &new.comment, MAX_COMMENT),
            ("author", &new.author, MAX_AUTHOR),
        ] {
            if text.chars().count() > most {
                return Err(format!("`{key}`: it may have {most} characters at most"));
            }
        }
        let matching = Value::Object(new.matching.clone());
        let compiled = self.rules.hold_back(&matching);
        let compiled = compiled.map_err(|error| error.to_string())?;
        let matching = self.without_numbers(new.matching)?;
        if matching.to_string().len() > MAX_MATCH {
            return Err(format!("`match`: it may have {MAX_MATCH} bytes at most"));
        }
        let masked = |text: &str| self.context.privacy.text(text, &MessageFacts::default());
        let silence = Silence {
            id: format!("sil_{:012x}", fastrand::u64(..1 << 48)),
            matching,
            until: new.until,
            comment: masked(&new.comment),
            author: masked(&new.author),
            created_at: self.context.clock.now(),
            held_back: 0,
            is_end_told: false,
            other: Map::new(),
        };
        Ok(MadeSilence {
            silence,
            warnings: compiled.warnings,
        })
    }

    /// A `match` that can be stored: whole numbers behind `to` become keyed hashes behind `to_key`, and all
    /// others are masked, unless they may be stored.
    fn without_numbers(&self, mut matching: Map<String, Value>) -> Result<Value, String> {
        let privacy = &self.context.privacy;
        if privacy.hides_numbers() {
            if let Some(to) = matching.remove("to") {
                let is_number = |text: &str| {
                    let text = positive(text);
                    !text.starts_with('/') && PhoneNumber::looks_like_one(text)
                };
                let texts = texts(&to);
                let n_numbers = texts.iter().filter(|text| is_number(text)).count();
                if n_numbers == 0 {
                    matching.insert("to".to_owned(), to);
                } else if n_numbers < texts.len() || matching.contains_key("to_key") {
                    return Err(
                        "`match.to`: whole numbers are stored as keyed hashes, and cannot stand \
                         beside patterns or `to_key`; make a silence for each"
                            .to_owned(),
                    );
                } else {
                    let keys = texts.iter().map(|text| {
                        let number = PhoneNumber::new(positive(text));
                        let key = privacy.number_key(&number);
                        let negation = if text.starts_with('!') { "!" } else { "" };
                        format!("{negation}{key}")
                    });
                    matching.insert("to_key".to_owned(), keys.collect::<Vec<_>>().into());
                }
            }
            for (key, value) in &mut matching {
                self.mask(key, value)?;
            }
        }
        Ok(Value::Object(matching))
    }

    /// Masks the numbers in a value. A pattern whose digits were masked would hold back more than was meant.
    fn mask(&self, key: &str, value: &mut Value) -> Result<(), String> {
        match value {
            Value::String(text) => {
                let masked = self.context.privacy.text(text, &MessageFacts::default());
                let is_pattern = positive(text).starts_with('/') || text.contains('*');
                if is_pattern && masked != *text {
                    return Err(format!(
                        "`match.{key}`: a pattern with this many digits of a number cannot be stored; use fewer, or set \
                         `privacy.numbers: full`"
                    ));
                }
                *text = masked;
                Ok(())
            }
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.mask(key, item)),
            _ => Ok(()),
        }
    }

    /// Pages through what holds something back: open maintenance windows, active silences, and those that
    /// have ended and are kept, each the newest first.
    ///
    /// # Errors
    ///
    /// The store cannot be read, or the cursor is none.
    pub async fn silences(&self, page: &PageRequest) -> Result<Page<HeldBackBy>, ServiceError> {
        let page = cursors::unseal(&self.context.privacy, List::Silences, page)?;
        let skip = page.cursor.as_deref().map_or(Ok(0), str::parse);
        let skip: usize = skip.map_err(|_| InvalidCursor)?;
        self.silences.read(&self.context).await?;
        let now = self.context.clock.now();
        let mut all: Vec<HeldBackBy> = self.open_windows(now).collect();
        let shelf = self.silences.shelf();
        let silences = shelf.silences().iter().rev();
        let (active, ended): (Vec<_>, Vec<_>) =
            silences.partition(|silence| silence.is_active(now));
        all.extend(
            active
                .into_iter()
                .map(|one| HeldBackBy::Silence(one.clone(), true)),
        );
        all.extend(
            ended
                .into_iter()
                .map(|one| HeldBackBy::Silence(one.clone(), false)),
        );
        let end = skip + page.limit;
        let next = (all.len() > end).then(|| end.to_string());
        let items = all.into_iter().skip(skip).take(page.limit).collect();
        let page = Page { items, next };
        Ok(cursors::seal(&self.context.privacy, List::Silences, page))
    }

    fn open_windows(&self, now: Timestamp) -> impl Iterator<Item = HeldBackBy> {
        let windows = self.rules.open_windows(now).into_iter();
        windows.map(|window| HeldBackBy::Window {
            id: maintenance_reason(&window.name),
            matching: window.matching,
            since: window.since,
            until: window.until,
        })
    }

    /// Shows one silence, as long as it is kept.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn silence(&self, id: &str) -> Result<Option<HeldBackBy>, ServiceError> {
        self.silences.read(&self.context).await?;
        Ok(self.kept(&[id]).into_iter().next())
    }

    /// The silences that these reasons of deliveries name, as far as they are kept.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn silences_of<'r>(
        &self,
        reasons: impl IntoIterator<Item = &'r str>,
    ) -> Result<Vec<HeldBackBy>, ServiceError> {
        let ids: BTreeSet<&str> = reasons.into_iter().filter_map(silence_id).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.silences.read(&self.context).await?;
        Ok(self.kept(&ids.into_iter().collect::<Vec<_>>()))
    }

    fn kept(&self, ids: &[&str]) -> Vec<HeldBackBy> {
        let now = self.context.clock.now();
        let shelf = self.silences.shelf();
        let kept = shelf.silences().iter();
        let kept = kept.filter(|silence| ids.contains(&silence.id.as_str()));
        kept.map(|silence| HeldBackBy::Silence(silence.clone(), silence.is_active(now)))
            .collect()
    }

    /// How many silences and maintenance windows hold something back now.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    pub async fn active_silences(&self) -> Result<usize, ServiceError> {
        self.silences.read(&self.context).await?;
        let now = self.context.clock.now();
        Ok(self.silences.shelf().active(now).count() + self.open_windows(now).count())
    }

    /// Ends a silence; what it held back is not sent. Returns whether there is one of this id; one that has
    /// ended stays as it is.
    ///
    /// # Errors
    ///
    /// The store did not do it.
    pub async fn end_silence(&self, id: &str) -> Result<bool, ServiceError> {
        let ended = self.silences.change(&self.context, |shelf, now| {
            let silence = shelf.get_mut(id).ok_or(())?;
            let is_news = silence.is_active(now);
            if is_news {
                silence.until = now;
                silence.is_end_told = true;
            }
            Ok(is_news.then_some(silence.held_back))
        });
        match ended.await? {
            Err(()) => Ok(false),
            Ok(news) => {
                if let Some(held_back) = news {
                    tracing::info!(id, held_back, "a silence was ended");
                }
                Ok(true)
            }
        }
    }

    /// A `match` that holds back what a delivery told: its rule, and what all of its events share. `None`
    /// if there is no such delivery.
    ///
    /// # Errors
    ///
    /// The store cannot be read, or what it holds of the delivery.
    pub async fn propose_silence(
        &self,
        id: &DeliveryId,
    ) -> Result<Option<Map<String, Value>>, ServiceError> {
        let Some(delivery) = self.delivery(id).await? else {
            return Ok(None);
        };
        let notification = codec::decode_notification(&delivery.body);
        let notification = notification.map_err(|_| ServiceError::Unreadable)?;
        Ok(Some(proposal(&notification)))
    }
}

/// The keys that are proposed, with what an event has there.
type Proposed = (&'static str, fn(&Event) -> Option<&str>);

fn proposal(notification: &Notification) -> Map<String, Value> {
    const KEYS: [Proposed; 5] = [
        ("status", |event| {
            Some(event.current.as_ref()?.status.as_str())
        }),
        ("detailed_status", |event| {
            event.current.as_ref()?.detailed_status.as_deref()
        }),
        ("country", |event| event.message.country.as_deref()),
        ("operator", |event| event.message.operator.as_deref()),
        ("from", |event| event.message.from.as_deref()),
    ];
    let mut matching = Map::new();
    matching.insert("rule".to_owned(), json!(notification.rule));
    if notification
        .events
        .iter()
        .all(|event| !event.kind.is_of_message())
    {
        // An alert that is silenced is not to be told as resolved either.
        let word = match &notification.alert {
            Some(_) => "rate",
            None => notification.kind.word(),
        };
        matching.insert("event".to_owned(), json!(word));
    }
    if let Some(alert) = &notification.alert {
        let by = alert.by.iter().filter(|(_, value)| is_a_word(value));
        matching.extend(by.map(|(key, value)| (key.clone(), json!(value))));
    }
    for (key, value) in KEYS {
        let mut values = notification.events.iter().map(value);
        let first = values.next().flatten().filter(|value| is_a_word(value));
        if let Some(first) = first.filter(|first| values.all(|value| value == Some(*first))) {
            matching.insert(key.to_owned(), json!(first));
        }
    }
    matching
}

/// Whether a pattern of this text means just this text.
fn is_a_word(text: &str) -> bool {
    !text.is_empty() && !text.starts_with(['!', '/'])
}

/// The patterns behind a key.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        value => value.as_str().into_iter().collect(),
    }
}

/// A pattern without its negation.
fn positive(pattern: &str) -> &str {
    pattern.strip_prefix('!').unwrap_or(pattern)
}
