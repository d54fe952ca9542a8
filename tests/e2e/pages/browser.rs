//! Debian's Chromium, driven as a person drives it: opens addresses, clicks on what stands there, and says what it shows.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};

use crate::ask::until;

/// How often the program that drives the browser is started at most, until it has found a port.
const MOST_STARTS: usize = 20;

/// A browser with one window.
pub(crate) struct Browser {
    client: Client,
    driver: Driver,
    /// How often something was clicked since a task began.
    clicks: AtomicUsize,
}

/// The program that drives it, which ends with the test.
struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

impl Driver {
    /// Starts it, and returns where it answers. It takes a port that is free for IPv4, and ends when somebody else has that
    /// port for IPv6: then it is started again.
    fn start() -> (Self, String) {
        (0..MOST_STARTS)
            .find_map(|_| Self::started())
            .expect("it says where it answers")
    }

    /// Starts it once; `None` if it ends instead of saying where it answers.
    fn started() -> Option<(Self, String)> {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Debian's chromium-driver is installed: `cargo xtask test` does so");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let driver = Self(child);
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let port = line.split("started successfully on port ").nth(1)?;
            Some(port.trim_end_matches('.').to_owned())
        })?;
        // It must not be kept from its work because nobody reads what it says.
        std::thread::spawn(move || lines.for_each(drop));
        Some((driver, format!("http://127.0.0.1:{port}")))
    }
}

/// A command of Chromium's own protocol.
#[derive(Debug)]
struct OfChromium(&'static str, Value);

impl WebDriverCompatibleCommand for OfChromium {
    fn endpoint(
        &self,
        base: &url::Url,
        session: Option<&str>,
    ) -> Result<url::Url, url::ParseError> {
        let session = session.expect("it is asked within a session");
        base.join(&format!("session/{session}/goog/cdp/execute"))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        let body = json!({"cmd": self.0, "params": self.1});
        (http::Method::POST, Some(body.to_string()))
    }
}

impl Browser {
    pub(crate) async fn open() -> Self {
        let (driver, url) = Driver::start();
        let options = json!({"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--disable-dev-shm-usage", "--window-size=1280,900", "--lang=en"]});
        let capabilities = Map::from_iter([("goog:chromeOptions".to_owned(), options)]);
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&url)
            .await
            .expect("Debian's chromium is installed: `cargo xtask test` does so");
        Self {
            client,
            driver,
            clicks: AtomicUsize::new(0),
        }
    }

    /// Begins a task at this address: clicks are counted from here on.
    pub(crate) async fn begin(&self, address: &str) {
        self.goto(address).await;
        self.clicks.store(0, Ordering::Relaxed);
    }

    /// How many clicks the task has taken.
    pub(crate) fn clicks(&self) -> usize {
        self.clicks.load(Ordering::Relaxed)
    }

    pub(crate) async fn close(self) {
        let Self { client, driver, .. } = self;
        client.close().await.expect("it closes");
        drop(driver);
    }

    pub(crate) async fn goto(&self, address: &str) {
        self.client.goto(address).await.expect("it opens");
    }

    /// The path that is shown, with what stands behind `?`.
    pub(crate) async fn path(&self) -> String {
        let url = self.client.current_url().await.expect("an address");
        url[url::Position::BeforePath..].to_owned()
    }

    /// What a person reads.
    pub(crate) async fn text(&self) -> String {
        let body = self.client.find(Locator::Css("body")).await;
        body.expect("a page").text().await.expect("its text")
    }

    /// Waits until a person reads `text`.
    pub(crate) async fn reads(&self, text: &str) {
        until(&format!("the page says {text}"), async || {
            // While the page is replaced there is none.
            let page = self
                .run("return document.body ? document.body.innerText : ''")
                .await;
            page.as_str().is_some_and(|page| page.contains(text))
        })
        .await;
    }

    /// Clicks on the link or the button that says `label`: on the first, if there are several.
    pub(crate) async fn click(&self, label: &str) {
        let place =
            format!("//*[self::a or self::button][contains(normalize-space(.), \"{label}\")]");
        // A page that follows what happens may be replaced between the look and the click.
        until(&format!("{label} is clicked"), async || {
            match self.client.find(Locator::XPath(&place)).await {
                Ok(found) => found.click().await.is_ok(),
                Err(_) => false,
            }
        })
        .await;
        self.clicks.fetch_add(1, Ordering::Relaxed);
    }

    /// Types into the field whose label begins with `label`.
    pub(crate) async fn type_into(&self, label: &str, text: &str) {
        let place =
            format!("//*[@id = //label[starts-with(normalize-space(.), \"{label}\")]/@for]");
        let found = self.client.find(Locator::XPath(&place)).await;
        let found = found.unwrap_or_else(|_| panic!("no field is called {label}"));
        found.clear().await.expect("it can be cleared");
        found.send_keys(text).await.expect("it takes text");
    }

    /// Runs a script in the page.
    pub(crate) async fn run(&self, script: &str) -> Value {
        let done = self.client.execute(script, Vec::new()).await;
        done.unwrap_or(Value::Null)
    }

    /// Runs a script that calls back with what it found.
    pub(crate) async fn run_and_wait(&self, script: &str) -> Value {
        let done = self.client.execute_async(script, Vec::new()).await;
        done.expect("the script ends")
    }

    async fn of_chromium(&self, command: &'static str, parameters: Value) -> Value {
        let done = self.client.issue_cmd(OfChromium(command, parameters)).await;
        done.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    /// Makes the window as wide as that of a phone or a screen.
    pub(crate) async fn be_wide(&self, width: u32) {
        let parameters =
            json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600});
        self.of_chromium("Emulation.setDeviceMetricsOverride", parameters)
            .await;
    }

    /// Loads everything anew from now on, as somebody does who was never there.
    pub(crate) async fn forget_what_was_loaded(&self) {
        self.of_chromium("Network.enable", json!({})).await;
        let disabled = json!({"cacheDisabled": true});
        self.of_chromium("Network.setCacheDisabled", disabled).await;
    }

    /// Shows pages as somebody wants them who prefers `dark` or `light`.
    pub(crate) async fn prefer(&self, scheme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.of_chromium("Emulation.setEmulatedMedia", features)
            .await;
    }

    /// Keeps a picture of the page under this name, as far down as somebody may scroll for a picture.
    pub(crate) async fn picture(&self, name: &str) {
        let size = self
            .run("return [innerWidth, Math.min(document.documentElement.scrollHeight, 1600)]")
            .await;
        let clip = json!({"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1});
        let picture = self
            .of_chromium(
                "Page.captureScreenshot",
                json!({"format": "png", "captureBeyondViewport": true, "clip": clip}),
            )
            .await;
        let data = picture["data"].as_str().expect("a picture");
        let path = pictures().join(format!("{name}.png"));
        std::fs::write(path, decoded(data)).expect("a file");
    }

    /// What axe finds wrong for people with screen readers, keyboards or weak eyes: a line for each.
    pub(crate) async fn barriers(&self) -> Vec<String> {
        if self.run("return typeof axe").await != "object" {
            self.run(&format!("{}; return 1", axe())).await;
        }
        let found = self
            .run_and_wait(
                "const told = arguments[arguments.length - 1];
                 axe.run(document, { resultTypes: ['violations'] }).then(
                   (all) => told(all.violations.map((one) =>
                     one.id + ': ' + one.help + ': ' + one.nodes.map((node) => node.html).slice(0, 3).join(' '))),
                   (error) => told(['axe failed: ' + error]))",
            )
            .await;
        let found = found.as_array().expect("a list").iter();
        found
            .map(|line| line.as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

/// Where pictures are kept: `docs/images/make.sh` takes them from there.
fn pictures() -> PathBuf {
    let folder = target().join("pictures");
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Where the browser's tools and pictures lie.
pub(crate) fn target() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    folder.expect("it lies in the target folder").to_owned()
}

/// The program of axe-core, which `cargo xtask test` installs.
fn axe() -> String {
    let path = target().join("browser-tools/node_modules/axe-core/axe.min.js");
    let text = std::fs::read_to_string(&path);
    text.unwrap_or_else(|_| {
        panic!(
            "{} is missing: `cargo xtask test` installs it",
            path.display()
        )
    })
}

fn decoded(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::STANDARD;
    engine.decode(text).expect("it is base64")
}
