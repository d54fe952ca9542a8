//! Scripted messages: registered one by one, each with a record of what was served of it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::callback::{Callback, Reached};
use crate::clock::{DateForm, format_date};
use crate::error::SimError;
use crate::fate::Fate;
use crate::ids;
use crate::part::{Details, PartView};
use crate::script::{NEVER, PartSpec, Pushed, Script, Sight, Step};
use crate::shape::Shape;

/// Times of polls beyond this many are counted, not kept.
const KEPT_POLL_TIMES: usize = 10_000;

/// The order to register a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MessageSpec {
    /// Its id (Routee's trackingId); generated when not given.
    pub id: Option<String>,
    /// The named course; [`Fate::Delivered`] when neither this nor `parts` is given.
    pub fate: Option<Fate>,
    /// A course of one's own; wins over `fate`.
    pub parts: Vec<PartSpec>,
    /// Stretches every delay: 0.1 is ten times as fast.
    pub time_scale: f64,
    /// Only the first step comes by itself; the others on command.
    pub hold: bool,
    /// The message was accepted this long ago, in milliseconds.
    pub accepted_ms_ago: u64,
    /// 404 for this long after the acceptance, in milliseconds.
    pub visible_after_ms: Option<u64>,
    /// 404 again from then on, in milliseconds after the acceptance.
    pub gone_after_ms: Option<u64>,
    /// An empty array for this long after the acceptance, in milliseconds.
    pub empty_until_ms: Option<u64>,
    /// `from`.
    pub from: String,
    /// `to`; generated when not given.
    pub to: Option<String>,
    /// `country`.
    pub country: String,
    /// `operator`; `None` leaves it out.
    pub operator: Option<String>,
    /// `label`.
    pub label: Option<String>,
    /// `campaign` (`campaignName` in lists).
    pub campaign_name: Option<String>,
    /// `campaignTrackingId` in lists.
    pub campaign_tracking_id: Option<String>,
    /// `groups`.
    pub groups: Vec<String>,
    /// `body`.
    pub body: String,
    /// `applicationName`.
    pub application_name: String,
    /// `originatingService`.
    pub originating_service: String,
    /// `direction`.
    pub direction: String,
    /// Where its changes are told, instead of the default of the switches.
    pub callback: Option<Callback>,
}

impl Default for MessageSpec {
    fn default() -> Self {
        let details = Details::default();
        Self {
            id: None,
            fate: None,
            parts: Vec::new(),
            time_scale: 1.0,
            hold: false,
            accepted_ms_ago: 0,
            visible_after_ms: None,
            gone_after_ms: None,
            empty_until_ms: None,
            from: details.from,
            to: None,
            country: details.country,
            operator: details.operator,
            label: None,
            campaign_name: None,
            campaign_tracking_id: None,
            groups: Vec::new(),
            body: details.body,
            application_name: details.application_name,
            originating_service: details.originating_service,
            direction: details.direction,
            callback: None,
        }
    }
}

impl From<Fate> for MessageSpec {
    fn from(fate: Fate) -> Self {
        Self {
            fate: Some(fate),
            ..Self::default()
        }
    }
}

/// A status that is set at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StatusChange {
    /// `status.status`.
    pub status: String,
    /// `status.reason.detailedStatus`.
    pub detailed_status: Option<String>,
    /// `status.reason.description`.
    pub description: Option<String>,
    /// The part (1-based); all of them when not given.
    pub part: Option<usize>,
    /// Milliseconds added to the date that is shown.
    pub date_offset_ms: i64,
}

/// A status as it was served for the first time in a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedStatus {
    /// 1-based.
    pub part: usize,
    /// The part's id.
    pub sms_id: String,
    /// `status.status`.
    pub status: String,
    /// `status.reason.detailedStatus`.
    pub detailed_status: Option<String>,
    /// The date that was shown, to the second.
    pub date: String,
    /// When it was served, in Unix milliseconds.
    pub at_ms: i64,
}

/// What happened to one scripted message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageReport {
    /// Its id.
    pub id: String,
    /// How many single-tracking requests came, whatever they were answered.
    pub polls: u64,
    /// When they came, in Unix milliseconds (the first ten thousand).
    pub poll_times_ms: Vec<i64>,
    /// How many changes were served, first sights included: the length of `served`.
    pub changes_served: u64,
    /// Each status that differed from the one served before for its part.
    pub served: Vec<ServedStatus>,
    /// What a look would find now.
    pub current: Vec<ServedStatus>,
}

/// A registered message.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) to: String,
    pub(crate) label: Option<String>,
    pub(crate) details: Details,
    pub(crate) accepted_ms: i64,
    pub(crate) callback: Option<Callback>,
    course: Mutex<Course>,
}

#[derive(Debug)]
struct Course {
    script: Script,
    sms_ids: Vec<String>,
    last_served: Vec<Option<Step>>,
    /// How many steps of each part were told by callbacks.
    told: Vec<usize>,
    /// It was noticed that all parts are final.
    is_ended: bool,
    served: Vec<ServedStatus>,
    polls: u64,
    poll_times_ms: Vec<i64>,
}

impl Message {
    /// Makes the message of `spec`, accepted at `now_ms`; `random` gives its ids.
    pub(crate) fn new(
        spec: MessageSpec,
        now_ms: i64,
        mut random: impl FnMut() -> u64,
    ) -> Result<Self, SimError> {
        let mut script = if spec.parts.is_empty() {
            spec.fate.unwrap_or_default().script()
        } else {
            Script {
                parts: spec.parts,
                ..Script::default()
            }
        };
        script = script.paced(spec.time_scale, spec.hold);
        script.visible_after_ms = spec.visible_after_ms.unwrap_or(script.visible_after_ms);
        script.gone_after_ms = spec.gone_after_ms.or(script.gone_after_ms);
        script.empty_until_ms = spec.empty_until_ms.unwrap_or(script.empty_until_ms);
        if let Some(problem) = script.problem() {
            return Err(SimError::Invalid(problem.to_owned()));
        }
        if let Some(problem) = spec.callback.as_ref().and_then(Callback::problem) {
            return Err(SimError::Invalid(format!("`callback.url` {problem}")));
        }
        let mut fresh = || ids::uuid(random(), random()).to_string();
        let sms_ids: Vec<String> = script
            .parts
            .iter()
            .map(|part| part.sms_id.clone().unwrap_or_else(&mut fresh))
            .collect();
        let id = spec.id.unwrap_or_else(&mut fresh);
        let number = random() % 100_000_000;
        Ok(Self {
            id,
            to: spec.to.unwrap_or_else(|| format!("+3069{number:08}")),
            label: spec.label,
            details: Details {
                from: spec.from,
                country: spec.country,
                operator: spec.operator,
                campaign_name: spec.campaign_name,
                campaign_tracking_id: spec.campaign_tracking_id,
                groups: spec.groups,
                body: spec.body,
                application_name: spec.application_name,
                originating_service: spec.originating_service,
                direction: spec.direction,
            },
            accepted_ms: now_ms - i64::try_from(spec.accepted_ms_ago).unwrap_or(0),
            callback: spec.callback,
            course: Mutex::new(Course {
                told: vec![0; sms_ids.len()],
                is_ended: false,
                last_served: vec![None; sms_ids.len()],
                script,
                sms_ids,
                served: Vec::new(),
                polls: 0,
                poll_times_ms: Vec::new(),
            }),
        })
    }

    fn course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn elapsed_ms(&self, now_ms: i64) -> u64 {
        u64::try_from(now_ms - self.accepted_ms).unwrap_or(0)
    }

    /// Counts a poll.
    pub(crate) fn polled(&self, now_ms: i64) {
        let mut course = self.course();
        course.polls += 1;
        if course.poll_times_ms.len() < KEPT_POLL_TIMES {
            course.poll_times_ms.push(now_ms);
        }
    }

    /// Shows every visible part to `visit`, which says whether it is now served to a client.
    pub(crate) fn look(
        &self,
        now_ms: i64,
        shape: &Shape,
        mut visit: impl FnMut(&PartView<'_>) -> bool,
    ) -> Sight {
        let mut course = self.course();
        let elapsed_ms = now_ms - self.accepted_ms;
        let sight = course.script.sight(elapsed_ms);
        if sight != Sight::Parts {
            return sight;
        }
        let parts = course.script.parts.len();
        let mut newly_served = Vec::new();
        for position in shape.shown_parts(parts) {
            let part = &course.script.parts[position];
            let Some(state) = part.state(elapsed_ms, Pushed::default()) else {
                continue;
            };
            let step = &part.steps[state.step];
            let view = PartView {
                sms_id: &course.sms_ids[position],
                message_id: &self.id,
                details: &self.details,
                to: &self.to,
                label: self.label.as_deref(),
                part: position + 1,
                parts,
                price: part.price,
                accepted_ms: self.accepted_ms,
                step,
                date_ms: self.accepted_ms + state.date_ms,
            };
            let is_new = !course.last_served[position]
                .as_ref()
                .is_some_and(|last| last.shows_the_same_as(step));
            if visit(&view) && is_new {
                newly_served.push((position, step.clone(), served(&view, now_ms)));
            }
        }
        for (position, step, status) in newly_served {
            course.last_served[position] = Some(step);
            course.served.push(status);
        }
        sight
    }

    /// Shows each step that was reached since the last call, with its place among the part's steps.
    pub(crate) fn reached(
        &self,
        now_ms: i64,
        mut visit: impl FnMut(&PartView<'_>, usize),
    ) -> Reached {
        let mut course = self.course();
        let course = &mut *course;
        let parts = course.script.parts.len();
        let elapsed_ms = now_ms - self.accepted_ms;
        // A message that was never known has no callbacks.
        if course.script.visible_after_ms == NEVER {
            return Reached::default();
        }
        let mut reached = Reached::default();
        let mut are_final = true;
        for (position, part) in course.script.parts.iter().enumerate() {
            let told = &mut course.told[position];
            let next = part
                .next_ms(elapsed_ms)
                .map(|at_ms| self.accepted_ms + at_ms);
            reached.next_ms = next.into_iter().chain(reached.next_ms).min();
            let Some(state) = part.state(elapsed_ms, Pushed::default()) else {
                are_final = false;
                continue;
            };
            are_final &= part.steps[state.step].is_final();
            let untold = *told..=state.step;
            *told = (*told).max(state.step + 1);
            for at in untold {
                let view = PartView {
                    sms_id: &course.sms_ids[position],
                    message_id: &self.id,
                    details: &self.details,
                    to: &self.to,
                    label: self.label.as_deref(),
                    part: position + 1,
                    parts,
                    price: part.price,
                    accepted_ms: self.accepted_ms,
                    step: &part.steps[at],
                    date_ms: self.accepted_ms + part.date_ms(at, state.by_time, Pushed::default()),
                };
                visit(&view, at);
            }
        }
        reached.became_final = are_final && !course.is_ended;
        course.is_ended |= are_final;
        reached
    }

    /// Sets a status at once; what the script still had in store is dropped.
    pub(crate) fn set_status(&self, change: &StatusChange, now_ms: i64) -> Result<(), SimError> {
        let mut course = self.course();
        let elapsed_ms = self.elapsed_ms(now_ms);
        let parts = course.script.parts.len();
        if change.status.is_empty() || change.part.is_some_and(|part| part == 0 || part > parts) {
            let trouble = format!("a status and a part from 1 to {parts} are needed");
            return Err(SimError::Invalid(trouble));
        }
        for (position, part) in course.script.parts.iter_mut().enumerate() {
            if change.part.is_none_or(|wanted| wanted == position + 1) {
                part.steps.retain(|step| step.after_ms <= elapsed_ms);
                part.steps.push(Step {
                    after_ms: elapsed_ms,
                    status: change.status.clone(),
                    detailed_status: change.detailed_status.clone(),
                    description: change.description.clone(),
                    date_offset_ms: change.date_offset_ms,
                    keep_date: false,
                });
            }
        }
        Ok(())
    }

    /// Lets the next step of every part happen now; says how many parts had one.
    pub(crate) fn advance(&self, now_ms: i64) -> usize {
        let mut course = self.course();
        let elapsed_ms = self.elapsed_ms(now_ms);
        let mut moved = 0;
        for part in &mut course.script.parts {
            let Some(next) = part
                .steps
                .iter()
                .position(|step| step.after_ms > elapsed_ms)
            else {
                continue;
            };
            let earlier_by = part.steps[next].after_ms - elapsed_ms;
            part.steps[next].after_ms = elapsed_ms;
            for step in &mut part.steps[next + 1..] {
                if step.after_ms != NEVER {
                    step.after_ms = step.after_ms.saturating_sub(earlier_by).max(elapsed_ms);
                }
            }
            moved += 1;
        }
        moved
    }

    /// Its polls and the statuses that were served.
    pub(crate) fn report(&self, now_ms: i64) -> MessageReport {
        let mut current = Vec::new();
        self.look(now_ms, &Shape::default(), |view| {
            current.push(served(view, now_ms));
            false
        });
        let course = self.course();
        MessageReport {
            id: self.id.clone(),
            polls: course.polls,
            poll_times_ms: course.poll_times_ms.clone(),
            changes_served: course.served.len() as u64,
            served: course.served.clone(),
            current,
        }
    }
}

fn served(view: &PartView<'_>, at_ms: i64) -> ServedStatus {
    ServedStatus {
        part: view.part,
        sms_id: view.sms_id.to_owned(),
        status: view.step.status.clone(),
        detailed_status: view.step.detailed_status.clone(),
        date: format_date(view.date_ms, DateForm::Seconds)
            .map_or_else(String::new, |date| date.to_string()),
        at_ms,
    }
}
