//! The image of `deploy/container` as buildah makes it: its last stage, with the program of these tests in place of the one that the
//! stage before compiles, which would have to be fetched.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::stage::certificate_file;

/// Where images are kept, for one test.
struct Images(tempfile::TempDir);

impl Images {
    fn buildah(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("buildah");
        for (option, folder) in [("--root", "storage"), ("--runroot", "run")] {
            command.arg(option).arg(self.0.path().join(folder));
        }
        command.args(["--storage-driver", "vfs"]).args(arguments);
        command
    }

    /// Runs it; returns what it printed.
    #[track_caller]
    fn done(&self, arguments: &[&str]) -> String {
        succeeded(self.buildah(arguments).output())
    }
}

#[track_caller]
fn succeeded(output: std::io::Result<Output>) -> String {
    let output = output.expect("`cargo xtask test` installs buildah");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Puts a file where the image has it.
fn put(image: &Path, from: &Path, to: &Path) {
    let to = image.join(to.strip_prefix("/").expect("a place in the image"));
    fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
    fs::copy(from, to).expect("a copy");
}

/// What the stage that compiles would leave: the program, certificates, and the libraries that this program is linked to.
fn compiled(directory: &Path) {
    let image = directory.join("image");
    let program = Path::new(env!("CARGO_BIN_EXE_smswatch"));
    put(&image, program, Path::new("/usr/bin/smswatch"));
    let linked = succeeded(Command::new("ldd").arg(program).output());
    for library in linked
        .split_whitespace()
        .filter(|word| word.starts_with('/'))
    {
        let library = PathBuf::from(library);
        put(&image, &library, &library);
    }
    let authorities = Path::new("/etc/ssl/certs/ca-certificates.crt");
    put(&image, &certificate_file("authority.pem"), authorities);
    for folder in ["image/etc/smswatch", "image/var/lib", "state"] {
        fs::create_dir_all(directory.join(folder)).expect("a folder");
    }
}

#[test]
fn the_image_runs_the_program_as_nobody_in_particular_and_knows_how_to_ask_for_its_health() {
    let images = Images(tempfile::tempdir().expect("a directory"));
    let context = tempfile::tempdir().expect("a directory");
    compiled(context.path());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/container/Containerfile");
    let (file, context) = (
        file.display().to_string(),
        context.path().display().to_string(),
    );
    let build_context = format!("build={context}");
    images.done(&[
        "build",
        "--quiet",
        "--isolation",
        "chroot",
        "--format",
        "docker",
        "--target",
        "image",
        "--build-context",
        &build_context,
        "--file",
        &file,
        "--tag",
        "smswatch",
        &context,
    ]);

    let inspected = images.done(&["inspect", "--type", "image", "smswatch"]);
    let inspected: Value = serde_json::from_str(&inspected).expect("JSON");
    let config = &inspected["Docker"]["config"];
    assert_eq!(config["User"], "65532:65532");
    assert_eq!(config["Entrypoint"], json!(["/usr/bin/smswatch"]));
    assert_eq!(config["Cmd"], json!(["run"]));
    let health = json!(["CMD", "/usr/bin/smswatch", "health"]);
    assert_eq!(config["Healthcheck"]["Test"], health);
    assert!(
        config["Volumes"]["/var/lib/smswatch"].is_object(),
        "{config}"
    );

    // The image takes the configuration that `smswatch init` writes.
    let starter = images.0.path().join("smswatch.yaml");
    let mut init = Command::new(env!("CARGO_BIN_EXE_smswatch"));
    succeeded(init.arg("init").arg(&starter).output());
    let container = images.done(&["from", "smswatch"]);
    let container = container.trim();
    let starter = starter.display().to_string();
    images.done(&[
        "copy",
        "--quiet",
        container,
        &starter,
        "/etc/smswatch/smswatch.yaml",
    ]);
    // What the program prints in there gets lost now and then; how it ends does not.
    let check = |variables: &[&str]| {
        let mut run = images.buildah(&["run", "--isolation", "chroot"]);
        for variable in variables {
            run.args(["--env", variable]);
        }
        run.args([container, "--", "/usr/bin/smswatch", "check"]);
        run.output().expect("buildah runs").status
    };
    let credentials = ["ROUTEE_APPLICATION_ID=a", "ROUTEE_APPLICATION_SECRET=b"];
    assert!(check(&credentials).success());
    assert_eq!(check(&[]).code(), Some(2), "the variables are not set");
}
