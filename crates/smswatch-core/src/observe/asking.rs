//! Asks the provider for pages, within the rate that polls keep, and notes how it answers.

use std::time::Duration;

use smswatch_model::Timestamp;
use tokio::time::{Instant, sleep};

use super::Observe;
use super::cooldown::Cooldown;
use crate::alarm::Call;
use crate::limiter::Limiter;
use crate::metrics::ResultLabel;
use crate::provider::{ListedPage, Listing, PollError, PollFailure};

/// How often a page is asked for before its listing has failed.
const TRIES: u32 = 3;

/// How long a page may take at most: longer than the provider's client allows.
const LONGEST: Duration = Duration::from_secs(30);

/// How long it is waited for a permit and for the provider's pauses, all in all.
const PATIENCE: Duration = Duration::from_secs(20);

/// What asking for pages shares with polls.
pub(super) struct Asking<'a> {
    pub(super) cooldown: &'a Cooldown,
    pub(super) limiter: &'a Limiter,
}

impl Asking<'_> {
    /// Asks for a page, some times if need be; returns it and when it was asked for in the end.
    ///
    /// # Errors
    ///
    /// There was no usable answer; the text says why, for people.
    pub(super) async fn list(
        &self,
        stage: &Observe,
        listing: &Listing,
        number: u32,
        size: u32,
    ) -> Result<(ListedPage, Timestamp), String> {
        let mut tries = 0;
        loop {
            self.may_ask(stage).await?;
            tries += 1;
            let asked_at = stage.context.clock.now();
            let error = match self.list_once(stage, listing, number, size).await {
                Ok(page) => return Ok((page, asked_at)),
                Err(error) => error,
            };
            if tries == TRIES || error.kind() == PollFailure::Refused {
                return Err(error.to_string());
            }
            let pause = Duration::from_millis(500) * tries;
            sleep(
                error
                    .retry_after()
                    .unwrap_or_default()
                    .clamp(pause, PATIENCE),
            )
            .await;
        }
    }

    /// Waits until the provider may be asked.
    async fn may_ask(&self, stage: &Observe) -> Result<(), String> {
        let began = Instant::now();
        let now = || -> Timestamp { stage.context.clock.now() };
        loop {
            let closed_for = self.cooldown.closed_for(now());
            if closed_for.is_zero() {
                break;
            }
            if began.elapsed() + closed_for > PATIENCE {
                return Err("the provider wants no requests now".to_owned());
            }
            sleep(closed_for).await;
        }
        match self.limiter.permit_within(PATIENCE).await {
            Ok(true) => Ok(()),
            Ok(false) => Err("`routee.requests_per_second` left no room for it".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    async fn list_once(
        &self,
        stage: &Observe,
        listing: &Listing,
        number: u32,
        size: u32,
    ) -> Result<ListedPage, PollError> {
        let context = &stage.context;
        context.metrics.provider_calls.inc();
        let began = Instant::now();
        let listed = stage.provider.list(listing, number, size);
        let listed = tokio::time::timeout(LONGEST, listed).await;
        let listed = listed.unwrap_or_else(|_| {
            let seconds = LONGEST.as_secs();
            Err(PollError::failed(format!("no answer within {seconds} s")))
        });
        context
            .metrics
            .page_seconds
            .observe(began.elapsed().as_secs_f64());
        let now = context.clock.now();
        let result = match &listed {
            Ok(page) => {
                context.count_oddities(page.oddities);
                self.cooldown.answered(Call::Page, now, &context.health);
                stage.alarms.answered(Call::Page, now);
                if page.is_unknown {
                    "unknown"
                } else {
                    "answered"
                }
            }
            Err(error) => {
                tracing::debug!(%error, number, "a page was not had");
                self.cooldown
                    .failed(Call::Page, error, now, &context.health);
                stage.alarms.failed(Call::Page, error, now);
                error.kind().as_str()
            }
        };
        context
            .metrics
            .pages
            .get_or_create(&ResultLabel { result })
            .inc();
        listed
    }
}
