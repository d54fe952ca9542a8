//! Who sends traces, in a build that can.

use std::sync::Arc;
use std::time::Duration;

use smswatch_plugin::traces::Tracer;

use crate::settings::TracesOptions;

/// Who sends traces, if anybody does.
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
        use smswatch_otlp::{Exporter, ExporterOptions};

        let Some(options) = options else {
            return Ok(Self::default());
        };
        let exporter = Exporter::start(&ExporterOptions {
            endpoint: options.endpoint.clone(),
            headers: options.headers.clone(),
            service_name: options.service_name.clone(),
            sample_ratio: options.sample_ratio,
            proxy: options.proxy.clone(),
        });
        Ok(Self(Some(exporter.context("could not set up `traces`")?)))
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
