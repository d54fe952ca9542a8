//! Who sends traces, in a build that can.

use std::sync::Arc;
use std::time::Duration;

use smswatch_plugin::traces::Tracer;

use crate::settings::TracesOptions;

/// What sends traces, if the configuration asks for it.
#[derive(Debug, Default)]
pub(crate) struct Traces(#[cfg(feature = "otlp")] Option<smswatch_otlp::Exporter>);

impl Traces {
    /// Begins to send what the [tracer](Self::tracer) is told to where `options` say.
    ///
    /// # Errors
    ///
    /// The receiver is spoken to over TLS, and there are no certificates to check it with.
    #[cfg(feature = "otlp")]
    pub(crate) fn start(options: Option<&TracesOptions>) -> anyhow::Result<Self> {
        use anyhow::Context as _;

        let Some(options) = options else {
            return Ok(Self::default());
        };
        let exporter = smswatch_otlp::Exporter::start(&exporter_options(options));
        let exporter = exporter.context("could not set up `traces`")?;
        // Steps may come late, and a mistake in the endpoint is to be seen at the start.
        let trying = Self::probe(options);
        tokio::spawn(async {
            if let Err(why) = trying.await {
                tracing::warn!("traces would not be taken now: {why}");
            }
        });
        Ok(Self(Some(exporter)))
    }

    /// Tries whether the receiver that `options` name would take traces, and returns what it says to that.
    ///
    /// # Errors
    ///
    /// It would not, for this reason.
    #[cfg(feature = "otlp")]
    pub(crate) fn probe(
        options: &TracesOptions,
    ) -> impl Future<Output = Result<String, String>> + Send + use<> {
        let options = exporter_options(options);
        async move { smswatch_otlp::probe(&options).await }
    }

    /// The same in a build that cannot send any: a configuration with `traces` is refused before.
    #[cfg(not(feature = "otlp"))]
    pub(crate) fn probe(
        _: &TracesOptions,
    ) -> impl Future<Output = Result<String, String>> + Send + use<> {
        std::future::ready(Err("this build sends no traces".to_owned()))
    }

    /// The same in a build that cannot send any: a configuration with `traces` is refused before.
    #[cfg(not(feature = "otlp"))]
    pub(crate) fn start(_: Option<&TracesOptions>) -> anyhow::Result<Self> {
        Ok(Self::default())
    }

    /// Who is told of the steps of traces.
    pub(crate) fn tracer(&self) -> Option<Arc<dyn Tracer>> {
        #[cfg(feature = "otlp")]
        return self.0.as_ref().map(smswatch_otlp::Exporter::tracer);
        #[cfg(not(feature = "otlp"))]
        None
    }

    /// Sends what still waits, within this time.
    pub(crate) async fn close(self, within: Duration) {
        #[cfg(feature = "otlp")]
        if let Some(exporter) = self.0 {
            exporter.close(within).await;
        }
        #[cfg(not(feature = "otlp"))]
        let _nothing_waits = within;
    }
}

#[cfg(feature = "otlp")]
fn exporter_options(options: &TracesOptions) -> smswatch_otlp::ExporterOptions {
    smswatch_otlp::ExporterOptions {
        endpoint: options.endpoint.clone(),
        headers: options.headers.clone(),
        service_name: options.service_name.clone(),
        sample_ratio: options.sample_ratio,
        proxy: options.proxy.clone(),
    }
}
