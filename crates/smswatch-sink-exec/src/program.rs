//! Finds the program of a command, so that a typo is a mistake in the configuration and not in the night.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The file that `name` stands for: a path as it is, any other name in one of the folders of `path`.
///
/// # Errors
///
/// There is no such file, or it cannot be executed; the text says which.
pub(crate) fn find(name: &str, path: Option<&OsStr>) -> Result<PathBuf, String> {
    if name.contains('/') {
        let file = PathBuf::from(name);
        return check(&file).map(|()| file);
    }
    let folders = path.unwrap_or_default();
    let files = std::env::split_paths(folders).map(|folder| folder.join(name));
    let mut not_executable = None;
    for file in files {
        match check(&file) {
            Ok(()) => return Ok(file),
            Err(why) if file.exists() => not_executable = Some(why),
            Err(_) => {}
        }
    }
    Err(not_executable.unwrap_or_else(|| {
        let hint = match name.contains(char::is_whitespace) {
            true => "; write each argument as an item of its own, as in [program, --option]",
            false => "",
        };
        format!("no program `{name}` in PATH ({}){hint}", folders.display())
    }))
}

/// Checks that a file is there and executable. Whether this user may execute it shows when it is started.
fn check(file: &Path) -> Result<(), String> {
    let shown = file.display();
    let metadata = file.metadata();
    let metadata = metadata.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("there is no file `{shown}`"),
        _ => format!("`{shown}` cannot be looked at: {error}"),
    })?;
    if !metadata.is_file() {
        return Err(format!("`{shown}` is not a file"));
    }
    match metadata.permissions().mode() & 0o111 {
        0 => Err(format!(
            "`{shown}` is not executable; `chmod +x` makes it so"
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;

    use super::*;

    #[test]
    fn a_program_is_found_by_its_path_or_in_a_folder_of_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, mode: u32| {
            let file = folder.path().join(name);
            fs::write(&file, "#!/bin/sh\n").expect("a file");
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("permissions");
            file
        };
        let (program, text) = (file("page", 0o755), file("notes", 0o644));
        let path = std::env::join_paths([Path::new("/nowhere"), folder.path()]).expect("a PATH");
        let find = |name: &str| find(name, Some(&path));
        assert_eq!(find("page"), Ok(program.clone()));
        assert_eq!(find(&program.to_string_lossy()), Ok(program));
        let shown = text.display();
        let not_executable = format!("`{shown}` is not executable; `chmod +x` makes it so");
        assert_eq!(find("notes"), Err(not_executable.clone()));
        assert_eq!(find(&text.to_string_lossy()), Err(not_executable));
        assert_eq!(
            find("/nowhere/page"),
            Err("there is no file `/nowhere/page`".to_owned())
        );
        assert_eq!(find("/tmp/"), Err("`/tmp/` is not a file".to_owned()));
        let shown = path.display();
        assert_eq!(
            find("pgae"),
            Err(format!("no program `pgae` in PATH ({shown})"))
        );
        let told = find("page --team sms").expect_err("one word too many");
        assert!(told.ends_with("[program, --option]"), "{told}");
        assert!(super::find("page", None).is_err());
        assert!(super::find("page", Some(&OsString::new())).is_err());
    }
}
