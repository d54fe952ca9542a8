//! Turns what the operator wrote into the terms of those who do the work, and refuses what reads
//! well and makes no sense.

use std::net::SocketAddr;
use std::time::Duration;

use smswatch_core::settings::{
    AlarmSettings, BodyText, BreakerSettings, FallbackSettings, Numbers, PrivacySettings,
    ProviderLimits, RetrySettings, Settings, SinkSettings, SweepSettings, WatchSettings,
};
use smswatch_http::{ApiToken, CallbackOptions, HttpOptions, Scope};
use smswatch_plugin::model::FaultTable;
use smswatch_plugin::provider::Filter;
use smswatch_plugin::store::{Bound, HistoryBounds, Rate};
use smswatch_plugin::{InvalidProxy, Proxy, Secret};
use smswatch_routee::RouteeOptions;
use smswatch_rules::Span;

use super::document::{
    AlarmsSection, BodyChoice, BoundSection, CommonSinkSection, HeartbeatSection, HistorySection,
    HttpSection, NumbersChoice, PrivacySection, RateSection, RouteeSection, SweepsSection,
    TokenScope, WatchSection,
};
use super::problem::Problem;
use crate::heartbeat::{self, HeartbeatOptions};

pub(super) fn privacy(section: &PrivacySection) -> PrivacySettings {
    PrivacySettings {
        numbers: match section.numbers {
            NumbersChoice::Mask => Numbers::Mask,
            NumbersChoice::Full => Numbers::Full,
        },
        body: match section.body {
            BodyChoice::Omit => BodyText::Omit,
            BodyChoice::Mask => BodyText::Mask,
            BodyChoice::Keep => BodyText::Keep,
        },
    }
}

/// The proxy that an operator chose; the environment's by default.
pub(super) fn proxy(written: Option<&Secret>, pointer: &str) -> Result<Proxy, Vec<Problem>> {
    let Some(written) = written else {
        return Ok(Proxy::default());
    };
    written.reveal().parse().map_err(|_: InvalidProxy| {
        let problem = Problem::new(pointer, "expected `env`, `none` or the URL of a proxy");
        vec![problem.hint("such as `http://proxy.example.com:3128` or `socks5h://127.0.0.1:1080`")]
    })
}

pub(super) fn routee(section: RouteeSection, proxy: Proxy) -> Result<RouteeOptions, Vec<Problem>> {
    let urls = [
        ("api_url", &section.api_url),
        ("auth_url", &section.auth_url),
    ];
    let problems: Vec<_> = urls
        .into_iter()
        .filter(|(_, url)| !RouteeOptions::is_base_url(url))
        .map(|(key, _)| {
            let problem = Problem::new(format!("/routee/{key}"), "this is no http or https URL");
            problem.hint("such as `https://connect.routee.net`")
        })
        .collect();
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(RouteeOptions {
        // Ids come out of the same files and variables as secrets do, with the same line breaks.
        application_id: section.application_id.trim().to_owned(),
        application_secret: section.application_secret,
        api_url: section.api_url,
        auth_url: section.auth_url,
        timeout: section.timeout.duration(),
        proxy,
    })
}

pub(super) fn http(section: HttpSection) -> Result<HttpOptions, Vec<Problem>> {
    let scope = |scope| match scope {
        TokenScope::Read => Scope::Read,
        TokenScope::Write => Scope::Write,
    };
    let mut problems = Vec::new();
    let mut check = |token: &Secret, pointer: String| {
        // A header cannot hold anything else, so no client could send it.
        if !token
            .reveal()
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~'))
        {
            let what = "a token may contain only visible ASCII characters";
            problems.push(Problem::new(pointer, what));
        }
    };
    if let Some(token) = &section.token {
        check(token, "/http/token".to_owned());
    }
    for (position, token) in section.tokens.iter().enumerate() {
        check(&token.token, format!("/http/tokens/{position}/token"));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let own = section.token.map(|token| ApiToken {
        name: "token".to_owned(),
        token,
        scope: Scope::Write,
    });
    let listed = section.tokens.into_iter().map(|token| ApiToken {
        name: token.name,
        token: token.token,
        scope: scope(token.scope),
    });
    let tokens: Vec<_> = own.into_iter().chain(listed).collect();
    let Ok(listen) = section.listen.parse::<SocketAddr>() else {
        let problem = Problem::new("/http/listen", "not an IP address and port");
        return Err(vec![
            problem.hint("such as `127.0.0.1:8080` or `[::1]:8080`"),
        ]);
    };
    if tokens.is_empty() && !listen.ip().is_loopback() {
        let message = "an address that others can reach needs a token";
        let problem = Problem::new("/http/listen", message);
        return Err(vec![
            problem.hint("add `token: ${SMSWATCH_TOKEN}` beside it"),
        ]);
    }
    Ok(HttpOptions {
        listen,
        tokens,
        callbacks: CallbackOptions::default(),
        rules: None,
    })
}

pub(super) fn settings(
    routee: &RouteeSection,
    watch: &WatchSection,
    history: &HistorySection,
    shutdown_timeout: Option<Span>,
) -> Result<Settings, Vec<Problem>> {
    let mut problems = Vec::new();
    for (position, gap) in watch.schedule.iter().enumerate() {
        if gap.duration() < Duration::from_millis(10) {
            let place = format!("/watch/schedule/{position}");
            problems.push(Problem::new(place, "a gap must be at least `10ms`"));
        }
    }
    if routee.timeout.duration().is_zero() {
        problems.push(Problem::new(
            "/routee/timeout",
            "`timeout` must be more than `0s`",
        ));
    }
    if routee.timeout.duration() > smswatch_plugin::budget::MAX_POLL_TIMEOUT {
        let problem = Problem::new("/routee/timeout", "`timeout` is at most `15s`");
        problems.push(problem.hint("a poll must end before another process may repeat it"));
    }
    if watch.retention.duration() < watch.confirm_after.duration() {
        let problem = Problem::new(
            "/watch/retention",
            "`retention` must be at least `confirm_after`",
        );
        problems.push(problem.hint("keep watches longer than `confirm_after`"));
    }
    let sweeps = sweeps(watch, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Settings {
        watch: WatchSettings {
            schedule: watch.schedule.iter().map(|gap| gap.duration()).collect(),
            not_found_grace: watch.not_found_grace.duration(),
            give_up_after: watch.give_up_after.duration(),
            confirm_after: watch.confirm_after.duration(),
            retention: watch.retention.duration(),
            first_seen_max_age: watch.first_seen_max_age.duration(),
            late_after: watch.late_after.duration(),
            faults: FaultTable::default(),
        },
        provider: ProviderLimits {
            rate: per_second(routee.requests_per_second),
            concurrency: routee.concurrency,
            timeout: routee.timeout.duration(),
        },
        history: HistoryBounds {
            events: bound(history.events),
            deliveries: bound(history.deliveries),
            dead: bound(history.dead),
        },
        alarms: AlarmSettings::default(),
        callbacks: None,
        sweeps,
        config_hash: 0,
        shutdown_timeout: shutdown_timeout
            .map_or(Settings::DEFAULT_SHUTDOWN_TIMEOUT, Span::duration),
    })
}

/// How far back Routee tells anything.
const FARTHEST: Duration = Duration::from_secs(7 * 24 * 3600);

fn sweeps(watch: &WatchSection, problems: &mut Vec<Problem>) -> Vec<SweepSettings> {
    let all = watch.sweep.as_ref().map(SweepsSection::all);
    let is_list = matches!(watch.sweep, Some(SweepsSection::Several(_)));
    let all = all.unwrap_or_default();
    let widest = all.iter().map(|sweep| sweep.window.duration()).max();
    let sweeps = all.into_iter().enumerate().map(|(position, sweep)| {
        let place = match is_list {
            true => format!("/watch/sweep/{position}"),
            false => "/watch/sweep".to_owned(),
        };
        let (every, window) = (sweep.every.duration(), sweep.window.duration());
        let mut refuse = |option: &str, what: &str| {
            problems.push(Problem::new(format!("{place}/{option}"), what));
        };
        if every < Duration::from_millis(100) {
            refuse("every", "`every` must be at least `100ms`");
        }
        if window.is_zero() || window > FARTHEST {
            let what = "`window` must be more than `0s` and at most `7d`: Routee tells no more";
            refuse("window", what);
        }
        // Another sweep may be there for what lies in between.
        if every > window && widest.is_none_or(|widest| every > widest) {
            let what = "`window` is shorter than `every`: what was sent in between is never looked at";
            refuse("window", what);
        }
        if sweep.register && window > watch.retention.duration() {
            let what = "`window` is longer than `watch.retention`: what a sweep still tells must be remembered";
            refuse("window", what);
        }
        SweepSettings {
            every,
            window,
            register: sweep.register,
            filters: sweep.filters.into_iter().map(Filter::from).collect(),
        }
    });
    sweeps.collect()
}

pub(super) fn alarms(section: AlarmsSection) -> Result<AlarmSettings, Vec<Problem>> {
    if section.quiet.duration() < Duration::from_secs(1) {
        let problem = Problem::new("/alarms/quiet", "`quiet` must be at least `1s`");
        return Err(vec![
            problem.hint("a shorter time would repeat the same alert"),
        ]);
    }
    Ok(AlarmSettings {
        provider_down_after: section.provider_down_after.duration(),
        provider_auth_failed_after: section.provider_auth_failed_after.duration(),
        polling_behind_after: section.polling_behind_after.duration(),
        quiet: section.quiet.duration(),
    })
}

pub(super) fn heartbeat(
    section: HeartbeatSection,
    proxy: &Proxy,
) -> Result<HeartbeatOptions, Vec<Problem>> {
    let mut problems = Vec::new();
    if heartbeat::parse(&section.url).is_none() {
        let problem = Problem::new("/heartbeat/url", "not an `http` or `https` URL");
        problems.push(problem.hint("such as `https://hc.example.com/ping/x`"));
    }
    if section.every.duration() < Duration::from_secs(1) {
        problems.push(Problem::new(
            "/heartbeat/every",
            "`every` must be at least `1s`",
        ));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(HeartbeatOptions {
        url: section.url,
        every: section.every.duration(),
        proxy: proxy.clone(),
    })
}

fn bound(section: BoundSection) -> Bound {
    Bound {
        keep_for: section.keep_for.duration(),
        max: section.max,
    }
}

/// A rate whose burst is one second's worth, and at least one permit.
fn per_second(rate: f64) -> Rate {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "1 to a million"
    )]
    let permits = rate.floor().clamp(1.0, 1_000_000.0) as u32;
    Rate {
        permits,
        per: Duration::from_secs_f64(f64::from(permits) / rate),
    }
}

pub(super) fn sink(
    section: &CommonSinkSection,
    pointer: &str,
) -> Result<SinkSettings, Vec<Problem>> {
    let mut problems = Vec::new();
    let timeout = section
        .timeout
        .map_or(SinkSettings::DEFAULT_TIMEOUT, Span::duration);
    if timeout.is_zero() {
        let place = format!("{pointer}/timeout");
        problems.push(Problem::new(place, "`timeout` must be more than `0s`"));
    }
    if timeout > SinkSettings::MAX_TIMEOUT {
        let problem = Problem::new(format!("{pointer}/timeout"), "`timeout` is at most `35s`");
        problems.push(problem.hint("another process must be able to take over within 45 s"));
    }
    if section
        .rate
        .is_some_and(|rate| rate.per.duration().is_zero())
    {
        problems.push(Problem::new(
            format!("{pointer}/rate/per"),
            "`per` must be more than `0s`",
        ));
    }
    if section.fallback.is_none() && section.fallback_after.is_some() {
        let message = "there is no `fallback` that could take over";
        let problem = Problem::new(pointer, message).at_key("fallback_after");
        problems.push(problem.hint("add `fallback: SINK` beside it"));
    }
    if section
        .breaker
        .is_some_and(|breaker| breaker.probe.duration().is_zero())
    {
        problems.push(Problem::new(
            format!("{pointer}/breaker/probe"),
            "`probe` must be more than `0s`",
        ));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let fallback = section.fallback.as_ref().map(|sink| FallbackSettings {
        sink: sink.clone(),
        after: section
            .fallback_after
            .map_or(FallbackSettings::DEFAULT_AFTER, Span::duration),
    });
    let retry = section
        .retry
        .as_ref()
        .map_or_else(RetrySettings::default, |retry| RetrySettings {
            schedule: retry
                .schedule
                .iter()
                .map(|delay| delay.duration())
                .collect(),
            give_up_after: retry.give_up_after.duration(),
        });
    Ok(SinkSettings {
        rate: section.rate.map(rate),
        concurrency: section
            .concurrency
            .unwrap_or(SinkSettings::DEFAULT_CONCURRENCY),
        timeout,
        retry,
        digest_above: section.digest_above,
        queue_max: section
            .queue
            .map_or(SinkSettings::DEFAULT_QUEUE_MAX, |queue| queue.max),
        fallback,
        breaker: section
            .breaker
            .map_or_else(BreakerSettings::default, |breaker| BreakerSettings {
                failures: breaker.failures,
                probe: breaker.probe.duration(),
            }),
        tags: section
            .privacy
            .as_ref()
            .and_then(|privacy| privacy.tags.clone()),
    })
}

fn rate(section: RateSection) -> Rate {
    Rate::never_above(section.at_most, section.per.duration())
}
