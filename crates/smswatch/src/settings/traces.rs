//! Where traces go, as far as this build can send any.

use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};
use smswatch_plugin::{Proxy, Secret};

use super::document::TracesSection;
use super::problem::{Problem, escaped};

/// Whether this build can send traces.
pub(super) const ARE_BUILT_IN: bool = cfg!(feature = "otlp");

/// Where traces go, and which of them.
#[derive(Debug, Clone)]
#[cfg_attr(
    not(feature = "otlp"),
    expect(dead_code, reason = "this build sends no traces")
)]
pub(crate) struct TracesOptions {
    pub(crate) endpoint: String,
    pub(crate) headers: Vec<(String, Secret)>,
    pub(crate) service_name: String,
    pub(crate) sample_ratio: f64,
    pub(crate) proxy: Proxy,
}

/// What the section means in a build that can send traces, or cannot.
pub(super) fn convert(
    section: TracesSection,
    proxy: &Proxy,
    are_built_in: bool,
) -> Result<TracesOptions, Vec<Problem>> {
    let mut problems = Vec::new();
    if !are_built_in {
        let problem = Problem::new("/traces", "this build of smswatch cannot send traces");
        problems.push(problem.hint(
            "the image and the package of `deploy` can; build your own with `--features otlp`",
        ));
    }
    let url = section.endpoint.trim().parse::<Url>().ok();
    if !url.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
        let problem = Problem::new("/traces/endpoint", "not an `http` or `https` URL");
        problems.push(problem.hint(
            "such as `http://127.0.0.1:4318`, where OTLP is taken over HTTP; gRPC, mostly at 4317, is not spoken",
        ));
    }
    for (name, value) in &section.headers {
        let place = format!("/traces/headers/{}", escaped(name));
        if name.parse::<HeaderName>().is_err() {
            problems.push(Problem::new(
                place,
                format!("`{name}` cannot be the name of a header"),
            ));
        } else if HeaderValue::from_str(value.reveal()).is_err() {
            problems.push(Problem::new(place, "this cannot be sent in a header"));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(TracesOptions {
        endpoint: section.endpoint,
        headers: section.headers.into_iter().collect(),
        service_name: section.service_name,
        sample_ratio: section.sample_ratio,
        proxy: proxy.clone(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is wrong with a section, place by place.
    fn problems(section: serde_json::Value, are_built_in: bool) -> Vec<String> {
        let section = serde_json::from_value(section).expect("a section");
        let converted = convert(section, &Proxy::None, are_built_in);
        let problems = converted.err().unwrap_or_default().into_iter();
        problems
            .map(|problem| format!("{}: {}", problem.pointer, problem.message))
            .collect()
    }

    #[test]
    fn a_build_without_traces_says_so() {
        let section = || json!({"endpoint": "http://127.0.0.1:4318"});
        assert!(problems(section(), true).is_empty());
        let told = ["/traces: this build of smswatch cannot send traces"];
        assert_eq!(problems(section(), false), told);
    }

    #[test]
    fn what_cannot_be_asked_or_sent_is_told_with_its_place() {
        let section = json!({"endpoint": "grpc://h:4317", "headers": {"a b": "c", "d": "e\nf"}});
        let told = [
            "/traces/endpoint: not an `http` or `https` URL",
            "/traces/headers/a b: `a b` cannot be the name of a header",
            "/traces/headers/d: this cannot be sent in a header",
        ];
        assert_eq!(problems(section, true), told);
    }
}
