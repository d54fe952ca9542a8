//! A sink of one's own: a whole program to copy. It writes alerts to a file, one line each.
//!
//! ```sh
//! cargo run -p custom-sink -- check --config examples/custom-sink/smswatch.yaml
//! ```

use std::path::PathBuf;
use std::process::ExitCode;

use schemars::JsonSchema;
use serde::Deserialize;
use smswatch_plugin::async_trait;
use smswatch_plugin::model::Notification;
use smswatch_plugin::sink::{
    ConfiguredSink, DeliveryError, InvalidConfig, NoOverrides, Receipt, Sink, SinkContext,
};
use tokio::io::AsyncWriteExt as _;

/// Appends one line for each alert to a file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FileConfig {
    /// The file to append to.
    path: PathBuf,
}

#[derive(Debug)]
struct FileSink {
    path: PathBuf,
}

impl ConfiguredSink for FileSink {
    type Config = FileConfig;
    type Overrides = NoOverrides;

    fn configure(config: FileConfig, _: &SinkContext) -> Result<Self, InvalidConfig> {
        if config.path.is_dir() {
            return Err(InvalidConfig::at("path", "this is a directory"));
        }
        Ok(Self { path: config.path })
    }
}

#[async_trait]
impl Sink for FileSink {
    async fn deliver(&self, notification: &Notification) -> Result<Receipt, DeliveryError> {
        let unwritable =
            |error| DeliveryError::temporary("could not write the alert").because(error);
        // The delivery's id comes first: whoever reads the file can drop repeats by it.
        let line = format!(
            "{} {}\n",
            notification.delivery_id,
            notification.title.replace('\n', " ")
        );
        let mut options = tokio::fs::OpenOptions::new();
        let mut file = options
            .append(true)
            .create(true)
            .open(&self.path)
            .await
            .map_err(unwritable)?;
        file.write_all(line.as_bytes()).await.map_err(unwritable)?;
        file.flush().await.map_err(unwritable)?;
        Ok(Receipt::new("written"))
    }
}

fn main() -> ExitCode {
    smswatch::App::new().sink::<FileSink>("file").main()
}
