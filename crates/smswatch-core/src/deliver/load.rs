//! What one attempt tells: one delivery, or several that wait for one destination as a digest.

use std::collections::HashMap;
use std::sync::Arc;

use smswatch_model::{EventKind, Notification};

use super::Attempted;
use super::task::Task;
use crate::codec::InvalidBody;
use crate::context::Context;
use crate::notification;
use crate::store::{Outcome, Priority};

/// How many deliveries a digest tells at most.
pub(super) const MOST_TOLD: usize = 500;

/// To which part digests shrink with each attempt of their deliveries that failed. One that no receiver takes, or over
/// which it fails, is so alone at its fifth attempt, and has failed at most four digests.
const SHRUNK_TO: usize = 5;

/// The deliveries of one attempt. Each of them keeps its id and its state, and ends as the attempt ends.
#[derive(Debug)]
pub(super) struct Load {
    /// The first one, whose destination, share and probe hold for the attempt.
    pub(super) first: Task,
    /// Those that are told with it.
    others: Vec<Task>,
}

/// What is told together.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Company {
    priority: Priority,
    rule: String,
    kind: EventKind,
    destination: Option<String>,
    instead_of: Option<String>,
}

impl Load {
    /// Parts what was claimed into attempts, critical ones first and else in their order. Where more than `above` are of
    /// one rule and kind and for one destination, they are a digest; without it each is attempted alone.
    pub(super) fn of(tasks: Vec<Task>, above: Option<u32>) -> Vec<Self> {
        let mut loads: Vec<Self> = Vec::new();
        let mut counts: HashMap<Company, usize> = HashMap::new();
        let above = above.and_then(|above| usize::try_from(above).ok());
        if above.is_some() {
            for company in tasks.iter().filter_map(company) {
                *counts.entry(company).or_default() += 1;
            }
        }
        let mut open: HashMap<(Company, usize), usize> = HashMap::new();
        for task in tasks {
            let most = most_told(&task);
            let company = company(&task).filter(|company| {
                let count = counts.get(company).copied();
                above.zip(count).is_some_and(|(above, count)| count > above)
            });
            let company = company.map(|company| (company, most));
            let place = company.as_ref().and_then(|company| open.get(company));
            match place.and_then(|place| loads.get_mut(*place)) {
                Some(load) if load.len() < most => load.others.push(task),
                _ => {
                    open.extend(company.map(|company| (company, loads.len())));
                    loads.push(Self::from(task));
                }
            }
        }
        loads.sort_by_key(|load| load.first.priority.index());
        loads
    }

    /// How many deliveries it tells.
    pub(super) fn len(&self) -> usize {
        self.others.len() + 1
    }

    pub(super) fn tasks(&self) -> impl Iterator<Item = &Task> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Whether it is the first attempt of any of them.
    pub(super) fn is_first_attempt(&self) -> bool {
        self.tasks().any(|task| task.first_told().is_some())
    }

    /// Takes all away but the first one.
    pub(super) fn take_others(&mut self) -> Vec<Task> {
        std::mem::take(&mut self.others)
    }

    /// What the sink is told, or why it cannot be told.
    pub(super) fn told(&self) -> Result<Arc<Notification>, &InvalidBody> {
        let one = self.first.notification.as_ref();
        if self.others.is_empty() {
            return one.map(Arc::clone);
        }
        let all = self
            .tasks()
            .filter_map(|task| task.notification.as_deref().ok());
        let digest = notification::digest(&all.collect::<Vec<_>>());
        digest.map_or_else(|| one.map(Arc::clone), |digest| Ok(Arc::new(digest)))
    }

    /// Takes out those of which `reason` says something, each with it; the rest is `None` if nothing is left.
    pub(super) fn without<R>(
        self,
        reason: impl Fn(&Task) -> Option<R>,
    ) -> (Option<Self>, Vec<(Task, R)>) {
        let share = self.first.share;
        let first = Task {
            share: None,
            ..self.first
        };
        let (mut left, mut taken): (Option<Self>, Vec<(Task, R)>) = (None, Vec::new());
        for task in std::iter::once(first).chain(self.others) {
            match (reason(&task), &mut left) {
                (Some(reason), _) => taken.push((task, reason)),
                (None, Some(load)) => load.others.push(task),
                (None, None) => left = Some(Self::from(task)),
            }
        }
        if let Some(load) = &mut left {
            load.first.share = share;
        }
        (left, taken)
    }

    /// All of it goes back as `outcome` says, without an attempt.
    pub(super) fn given_back(&self, context: &Context, outcome: Outcome) -> Vec<Attempted> {
        let tasks = self.tasks();
        tasks
            .map(|task| task.given_back(context, outcome))
            .collect()
    }

    /// What is kept with each of its deliveries about an attempt of which `detail` tells.
    pub(super) fn noted(&self, detail: &str, was_taken: bool) -> String {
        let told = if was_taken { "told in" } else { "in" };
        match self.len() {
            1 => detail.to_owned(),
            count if detail.is_empty() => format!("{told} a digest of {count}"),
            count => format!("{told} a digest of {count}: {detail}"),
        }
    }
}

impl From<Task> for Load {
    fn from(first: Task) -> Self {
        Self {
            first,
            others: Vec::new(),
        }
    }
}

/// How many deliveries a digest tells at most that tells this one. A digest that was not taken says nothing about any of
/// its deliveries, as one of them may be to blame: they are told in fewer and fewer others.
fn most_told(task: &Task) -> usize {
    SHRUNK_TO
        .checked_pow(task.delivery.attempts_made)
        .map_or(0, |parts| MOST_TOLD / parts)
}

/// With which others a delivery is told; `None` if it is told alone, as it cannot be read, or tells that something is well
/// again, which belongs to what it ends.
fn company(task: &Task) -> Option<Company> {
    let notification = task.notification.as_ref().ok()?;
    if notification.is_resolved() {
        return None;
    }
    Some(Company {
        priority: task.priority,
        rule: notification.rule.clone(),
        kind: notification.kind,
        destination: task.destination.as_ref().map(|to| to.key().to_owned()),
        instead_of: notification.instead_of.clone(),
    })
}

#[cfg(test)]
mod tests {
    use smswatch_model::{Overrides, Severity, Timestamp};

    use super::*;
    use crate::deliver::destination::Destination;
    use crate::event::test_event;
    use crate::notification::of_match;
    use crate::rules::RuleMatch;
    use crate::store::{ClaimedDelivery, DeliveryToken, Shard};

    /// A delivery of `rule` to a channel, named by its number.
    fn task(n: u64, rule: &str, severity: Severity, channel: &str) -> Task {
        let now = Timestamp::from_seconds(1_777_636_800);
        let mut overrides = Overrides::new();
        if !channel.is_empty() {
            overrides.insert("channel".to_owned(), channel.into());
        }
        let wanted = RuleMatch {
            rule: rule.to_owned(),
            sink: "chat".to_owned(),
            overrides,
            severity,
            group: std::collections::BTreeMap::new(),
            gathering: None,
            is_once: false,
            events: vec![0],
        };
        let notification = of_match(&wanted, &[test_event("routee", "chat", now, n)], now);
        Task {
            shard: Shard(0),
            priority: Priority::from(severity),
            delivery: ClaimedDelivery {
                id: notification.delivery_id.clone(),
                token: DeliveryToken(i64::try_from(n).expect("a small number")),
                attempts_made: 0,
                queued_at: now,
                is_queued_again: false,
                body: Vec::new(),
            },
            destination: Destination::of(&notification),
            notification: Ok(Arc::new(notification)),
            probes_sink: false,
            probes_destination: false,
            share: None,
        }
    }

    /// What the attempts tell, by the numbers of the deliveries.
    fn told(tasks: Vec<Task>, above: Option<u32>) -> Vec<Vec<i64>> {
        let loads = Load::of(tasks, above).into_iter();
        let numbers = |load: Load| load.tasks().map(|task| task.delivery.token.0).collect();
        loads.map(numbers).collect()
    }

    #[test]
    fn more_than_so_many_of_one_rule_and_place_are_told_at_once_and_critical_ones_first() {
        let tasks = || {
            let normal = |n, channel| task(n, "a", Severity::Warning, channel);
            vec![
                normal(0, ""),
                normal(1, "x"),
                normal(2, ""),
                task(3, "b", Severity::Warning, ""),
                normal(4, "x"),
                normal(5, ""),
                task(6, "a", Severity::Critical, ""),
                task(7, "a", Severity::Critical, ""),
            ]
        };
        let alone = |numbers: &[i64]| numbers.iter().map(|n| vec![*n]).collect::<Vec<_>>();
        assert_eq!(told(tasks(), None), alone(&[6, 7, 0, 1, 2, 3, 4, 5]));
        assert_eq!(told(tasks(), Some(3)), alone(&[6, 7, 0, 1, 2, 3, 4, 5]));
        let together = vec![vec![6], vec![7], vec![0, 2, 5], vec![1], vec![3], vec![4]];
        assert_eq!(told(tasks(), Some(2)), together);
        let all = vec![vec![6, 7], vec![0, 2, 5], vec![1, 4], vec![3]];
        assert_eq!(told(tasks(), Some(1)), all);
    }

    #[test]
    fn a_digest_holds_no_more_than_its_bound() {
        let tasks = (0..1_100).map(|n| task(n, "a", Severity::Info, ""));
        let loads = Load::of(tasks.collect(), Some(20));
        let sizes: Vec<usize> = loads.iter().map(Load::len).collect();
        assert_eq!(sizes, [MOST_TOLD, MOST_TOLD, 100]);
        let digest = loads[2].told().expect("it can be told");
        assert_eq!(digest.deliveries.len(), 100);
        assert_eq!(loads[2].noted("ok", true), "told in a digest of 100: ok");
    }

    #[test]
    fn digests_that_were_not_taken_come_again_in_ever_smaller_ones() {
        for (made, most) in [(0, 250), (1, 100), (2, 20), (3, 4), (4, 1), (5, 1), (99, 1)] {
            let tasks = (0..250).map(|n| {
                let mut task = task(n, "a", Severity::Info, "");
                task.delivery.attempts_made = made;
                task
            });
            let loads = Load::of(tasks.collect(), Some(20));
            let sizes = loads.iter().map(Load::len);
            assert_eq!(sizes.max(), Some(most), "after {made} attempts");
        }
    }

    #[test]
    fn what_is_well_again_is_told_alone() {
        let tasks = (0..30).map(|n| {
            let mut task = task(n, "a", Severity::Critical, "");
            let told = task.notification.as_ref().expect("it can be read");
            task.notification = Ok(Arc::new(Notification {
                kind: EventKind::AlertResolved,
                ..Notification::clone(told)
            }));
            task
        });
        let loads = Load::of(tasks.collect(), Some(20));
        assert_eq!(loads.len(), 30);
    }

    #[test]
    fn what_is_held_back_leaves_the_digest() {
        let tasks = (0..4).map(|n| task(n, "a", Severity::Info, ""));
        let load = Load::of(tasks.collect(), Some(1)).remove(0);
        let is_even = |task: &Task| (task.delivery.token.0 % 2 == 0).then_some("even");
        let (left, taken) = load.without(is_even);
        let left = left.expect("two are left");
        assert_eq!(left.first.delivery.token.0, 1);
        assert_eq!((left.len(), taken.len()), (2, 2));
        let (none, taken) = left.without(|_| Some(()));
        assert_eq!((none.is_none(), taken.len()), (true, 2));
    }
}
