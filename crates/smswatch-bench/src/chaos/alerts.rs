//! The account of rates: each alert fires, may be told again, and ends; and the figures of a rate from whose window
//! nothing leaves are those of the log.

use std::collections::{BTreeMap, HashMap, HashSet};

use smswatch_model::{Alert, AlertState};

use super::account::{Account, Balance};
use super::wanted::{Wanted, begins, is_alert_of};

impl Account<'_> {
    /// Judges the alerts in the log. `exact` is the rate whose window holds the whole run.
    pub(super) fn judge_alerts(&self, exact: &Wanted, balance: &mut Balance) {
        self.judge_order(balance);
        let measured: Vec<bool> = self
            .events
            .iter()
            .filter_map(|event| exact.measures(event))
            .collect();
        let count = measured.iter().filter(|counts| **counts).count() as u64;
        let alerts = self.events.iter();
        let alerts = alerts.filter(|event| is_alert_of(event, &exact.name));
        let last = alerts.filter_map(|event| event.alert.as_ref()).next_back();
        let told = last.map(|alert| (alert.total, alert.count));
        let logged = (measured.len() as u64, count);
        let name = &exact.name;
        if told != Some(logged) {
            balance.lost.add(|| {
                format!("{name} told {told:?} as all and counted; in the log are {logged:?}")
            });
        }
        let told = last.map_or(0, |alert| alert.held_back);
        let held_back = self.held_back_by(name);
        if told != held_back {
            balance
                .lost
                .add(|| format!("{name} held back {held_back} events and told {told}"));
        }
    }

    /// Of one rate and one group, alerts fire and end in turns, and are told again only while they fire.
    fn judge_order(&self, balance: &mut Balance) {
        let mut firing: HashMap<(&str, &BTreeMap<String, String>), bool> = HashMap::new();
        for event in self.events {
            let (Some(alert), Some(about)) = (&event.alert, &event.about) else {
                continue;
            };
            let Alert { state, by, .. } = alert;
            let is_firing = firing.entry((&about.name, by)).or_default();
            let fits = *is_firing != begins(event);
            *is_firing = *state == AlertState::Firing;
            if !fits {
                balance
                    .untrue
                    .add(|| format!("an alert out of turn: {event:?}"));
            }
        }
    }

    /// How many events were held back because the alert of this rate fired, each once.
    fn held_back_by(&self, rate: &str) -> u64 {
        let letters = self.letters.iter().flat_map(|letters| letters.taken());
        let of_alert = letters.filter(|(id, _)| {
            let reason = self.held_back.get(*id);
            reason.is_some_and(|reason| *reason == format!("the alert of {rate} fires"))
        });
        let events: HashSet<&str> = of_alert
            .flat_map(|(_, letter)| letter.events.iter().map(String::as_str))
            .collect();
        events.len() as u64
    }
}
